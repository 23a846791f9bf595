"""What LiteLLM's router, pydantic-ai's FallbackModel and the tool runner of the anthropic SDK do, on loopback.

    pip install litellm "pydantic-ai-slim[openai]" anthropic
    python docs/decisions/failover_others.py

Two targets respond in the form of OpenAI's chat completions. The first fails in each way, the second is well. A line
shows how many requests each has received, and what the program has seen. A third server calls tools.
"""

import asyncio
import json
import logging
import os
import socket
import struct
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import anthropic  # noqa: E402
import litellm  # noqa: E402
import openai  # noqa: E402
from pydantic_ai import Agent  # noqa: E402
from pydantic_ai.models.fallback import FallbackModel  # noqa: E402
from pydantic_ai.models.openai import OpenAIChatModel  # noqa: E402
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402

SILENCE, TIMEOUT = 3.0, 1.0


class Server:
    """A server on a free port. `respond(handler, body)` responds to each request."""

    def __init__(self):
        self.bodies = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.bodies.append(body)
                server.respond(self, body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"


def send(handler, status, data, kind="application/json", headers=()):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    handler.send_response(status)
    for name, value in [("Content-Type", kind), ("Content-Length", str(len(data))), *headers]:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


class Target(Server):
    """A target. `reply` is "ok", (status, message, headers...), "html", "close", "silent", or the steps of a stream."""

    def __init__(self, name):
        super().__init__()
        self.name, self.reply = name, "ok"

    def respond(self, handler, body):
        reply = self.reply(len(self.bodies)) if callable(self.reply) else self.reply
        text = ["Hello", f" from {self.name}"]
        if isinstance(reply, tuple):
            status, message, *headers = reply
            send(handler, status, {"error": {"message": message, "type": "e", "code": status}}, headers=headers)
        elif reply == "html":
            send(handler, 200, b"<html>a proxy</html>", "text/html")
        elif reply in ("close", "silent"):
            time.sleep(SILENCE if reply == "silent" else 0)
            handler.close_connection = True
        elif body.get("stream"):
            self.stream(handler, reply, text)
        else:
            message = {"role": "assistant", "content": "".join(text)}
            send(handler, 200, {
                "id": "1", "object": "chat.completion", "created": 1, "model": self.name,
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
            })

    def stream(self, handler, reply, text):
        def write(data):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()

        def delta(delta, finish_reason=None):
            choice = {"index": 0, "finish_reason": finish_reason, "delta": delta}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": self.name}
            write(b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n")

        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        delta({"role": "assistant", "content": ""})
        if reply == "ok":
            for part in text:
                delta({"content": part})
            delta({}, "stop")
            write(b"data: [DONE]\n\n")
            write(b"")
            return
        if "content" in reply:
            delta({"content": "Hel"})
        if "error" in reply:
            write(b'data: {"error": {"message": "overloaded", "type": "server_error", "code": 503}}\n\n')
        if "silent" in reply:
            time.sleep(SILENCE)
        time.sleep(0.1)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True


A, B = Target("a"), Target("b")


def router(targets=(A, B), a={}, b={}, **options):
    own = {"a": a, "b": b}

    def deployment(target):
        params = {"model": f"openai/{target.name}", "api_base": f"{target.url}/v1", "api_key": "k", "max_retries": 0}
        return {"model_name": target.name, "litellm_params": {**params, **own[target.name]}}

    options = {"num_retries": 0, "timeout": TIMEOUT, **options}
    fallbacks = [{"a": ["b"]}] if len(targets) > 1 else []
    return litellm.Router(model_list=[deployment(t) for t in targets], fallbacks=fallbacks, **options)


async def by_litellm(stream=False, using=None, **members):
    using, seen = using or router(), ""
    messages = [{"role": "user", "content": "Hello?"}]
    try:
        response = await using.acompletion(model="a", messages=messages, stream=stream, **members)
        if not stream:
            return f"{response.choices[0].message.content!r}, model {response.model}"
        async for chunk in response:
            seen += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        return repr(seen)
    except Exception as error:
        return f"{seen!r}, then {type(error).__name__}: {' '.join(str(error).split())[:220]}"


async def by_pydantic(stream=False):
    def model(target):
        client = openai.AsyncOpenAI(base_url=f"{target.url}/v1", api_key="k", max_retries=0, timeout=TIMEOUT)
        return OpenAIChatModel(target.name, provider=OpenAIProvider(openai_client=client))

    agent, seen = Agent(FallbackModel(model(A), model(B)), retries=0), ""
    try:
        if not stream:
            return repr((await agent.run("Hello?")).output)
        async with agent.run_stream("Hello?") as result:
            async for text in result.stream_text(delta=True, debounce_by=None):
                seen += text
        return repr(seen)
    except Exception as error:
        each = [str(e)[:60] for e in getattr(error, "exceptions", [])]
        return f"{seen!r}, then {type(error).__name__}: {str(error)[:120]} {each or ''}"


async def show(name, work, reply_of_a="ok", reply_of_b="ok"):
    A.reply, B.reply = reply_of_a, reply_of_b
    A.bodies.clear(), B.bodies.clear()
    began = time.time()
    result = await work
    print(f"{name:58.58} a={len(A.bodies):<2} b={len(B.bodies):<2} {time.time() - began:4.1f} s  {result}", flush=True)


async def failures():
    too_long = "This model's maximum context length is 8192 tokens"
    unary = [(503, "busy"), (429, "slow"), (400, "wrong"), (401, "no key"), (404, "none"), (400, too_long)]
    for reply in [*unary, "html", "close", "silent"]:
        await show(f"litellm   unary  {reply}", by_litellm(), reply)
        await show(f"pydantic  unary  {reply}", by_pydantic(), reply)
    before = ["stream close", "stream error", "stream silent"]
    after = ["stream content close", "stream content error", "stream content silent"]
    for reply in [(503, "busy"), "html", "silent", *before, *after]:
        await show(f"litellm   stream {reply}", by_litellm(stream=True), reply)
        await show(f"pydantic  stream {reply}", by_pydantic(stream=True), reply)
    await show("litellm   all fail", by_litellm(), (503, "busy"), (429, "slow"))
    await show("pydantic  all fail", by_pydantic(), (503, "busy"), (429, "slow"))
    await show("litellm   both silent, timeout 1 s", by_litellm(), "silent", "silent")


async def several(by, count, at_once=False):
    calls = [by() for _ in range(count)]
    results = await asyncio.gather(*calls) if at_once else [await call for call in calls]
    failed = [result for result in results if "then" in result]
    return f"{len(failed)} of {count} failed {failed[:1]}"


async def rest_and_limits():
    busy = (503, "busy")
    await show("litellm   6 calls, default", several(lambda r=router(): by_litellm(using=r), 6), busy)
    resting = router(cooldown_time=2, allowed_fails=0)
    await show("litellm   6 calls, allowed_fails=0", several(lambda: by_litellm(using=resting), 6), busy)
    await asyncio.sleep(2.2)
    await show("litellm   20 at once after its rest", several(lambda: by_litellm(using=resting), 20, True), busy)
    await show("pydantic  6 calls", several(by_pydantic, 6), busy)
    own_limit = router(b={"max_tokens": 7})
    await show("litellm   max_tokens 99, and 7 at b", by_litellm(using=own_limit, max_tokens=99), busy)
    print("          max_tokens at b:", B.bodies[-1]["max_tokens"])
    once = router(targets=(A,), num_retries=1)
    retry_after = lambda number: (429, "slow", ("Retry-After", "2")) if number == 1 else "ok"  # noqa: E731
    await show("litellm   Retry-After: 2", by_litellm(using=once), retry_after)
    of_minute = {"a": {"rpm": 2}, "routing_strategy": "usage-based-routing-v2"}
    for options in (of_minute, {"a": {"max_parallel_requests": 2}}):
        limited = router(targets=(A,), **options)
        await show(f"litellm   10 at once, {options['a']}", several(lambda r=limited: by_litellm(using=r), 10, True))


class ToolCaller(Server):
    """Responds with the next message of a script, and with the last one again and again."""

    script = []

    def respond(self, handler, body):
        content = self.script[min(len(self.bodies), len(self.script)) - 1]
        reason = "tool_use" if content[0]["type"] == "tool_use" else "end_turn"
        send(handler, 200, {
            "id": "m", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": reason,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        })


def tool_runner():
    @anthropic.beta_tool
    def slow(n: int) -> str:
        """Takes half a second."""
        time.sleep(0.5)
        return f"slept {n}"

    @anthropic.beta_tool
    def fails(n: int) -> str:
        """Fails."""
        raise ValueError("it broke")

    server = ToolCaller()
    client = anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0)
    end = [{"type": "text", "text": "done"}]

    def call(id, name, **arguments):
        return {"type": "tool_use", "id": id, "name": name, "input": arguments}

    def run(name, script, tools, **options):
        server.script = script
        server.bodies.clear()
        began = time.time()
        messages = [{"role": "user", "content": "Go on."}]
        runner = client.beta.messages.tool_runner(model="m", max_tokens=99, messages=messages, tools=tools, **options)
        last = runner.until_done().content[0].type
        result = server.bodies[-1]["messages"][-1]["content"]
        took = time.time() - began
        print(f"runner    {name:26} {len(server.bodies)} requests {took:.1f} s, ends with {last}: {result}", flush=True)

    run("two calls", [[call("1", "slow", n=1), call("2", "slow", n=2)], end], [slow])
    run("a tool fails", [[call("1", "fails", n=1)], end], [fails])
    run("an unknown tool", [[call("1", "other", n=1)], end], [slow])
    run("wrong input", [[call("1", "slow", x="y")], end], [slow])
    run("no end, max_iterations=3", [[call("1", "slow", n=1)]], [slow], max_iterations=3)


async def main():
    await failures()
    await rest_and_limits()


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    asyncio.run(main())
    tool_runner()
