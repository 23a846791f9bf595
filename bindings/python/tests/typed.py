"""What a program with types writes. mypy --strict and pyright check this file; nothing runs it."""

from __future__ import annotations

import libbedrock
from libbedrock.types import Config, Json, RequestLike

settings: Config = {"region": "us-east-1", "timeouts": {"idle": "30s"}, "retry": {"max_attempts": 1}}
model = libbedrock.Model("us.amazon.nova-micro-v1:0", **settings)
short: libbedrock.Model = model.with_(inferenceConfig={"maxTokens": 50}, timeout="5s")


def ask(question: RequestLike) -> str:
    response = model.generate(question)
    tokens: int | None = response.usage.output_tokens
    calls: list[tuple[str, dict[str, Json]]] = [(call.name, call.input) for call in response.tool_calls]
    return f"{response.text} {tokens} {calls}"


def read(request: libbedrock.Request) -> libbedrock.Response:
    with model.stream(request) as stream:
        for event in stream:
            kind: libbedrock.EventType = event.type
            piece: str = event.text
            print(kind is libbedrock.EventType.TEXT, piece)
        for text in stream.text:
            print(text.upper())
    return stream.response


async def read_async(request: libbedrock.Request) -> libbedrock.Response:
    async with model.stream(request) as stream:
        async for event in stream:
            print(event.text.upper())
        async for text in stream.text:
            print(text.upper())
    return await model.agenerate(request)


def chain(photo: bytes, view: memoryview[int]) -> libbedrock.Request:
    request = libbedrock.Request().system("Be brief.").user("What is this?").image(photo).document(view, name="a.pdf")
    try:
        request.add(model.generate(request)).tool_result("1", "42")
    except libbedrock.ThrottledError as error:
        wait: float | None = error.retry_after
        print(wait, error.status, error.response)
    ask("a question")
    ask([{"role": "user", "content": "a question"}])
    ask({"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": photo}}}]}]})
    return request
