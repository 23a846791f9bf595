"""Runs: the loop that calls tools."""

import asyncio
import json

import pytest

import libbedrock


def calling(*inputs):
    """A reply that calls the tool "add" with these inputs."""
    calls = [{"toolUse": {"toolUseId": f"t{at}", "name": "add", "input": value}} for at, value in enumerate(inputs)]
    return {"message": {"role": "assistant", "content": calls}}


def results(request):
    content = json.loads(request.json())["messages"][2]["content"]
    return [block["toolResult"] for block in content]


def add(a, b=0):
    """Adds."""
    return {"sum": a + b}


SCHEMA = {"type": "object"}


def test_a_run_calls_functions_and_adds_their_results(scripted):
    model = scripted(calling({"a": 2, "b": 3}, {"a": 4}), "It is 5.")
    request = libbedrock.Request("What is 2 + 3?")
    rounds = []
    with model.run(request, [libbedrock.Tool(add, SCHEMA)]) as run:
        for event in run:
            if event.type in (libbedrock.EventType.TOOL_CALL, libbedrock.EventType.TEXT):
                rounds.append((event.round, event.text))
        assert run.response.text == "It is 5."
    assert rounds[0] == (1, '{"a":2,"b":3}') and rounds[-1][0] == 2
    assert [result["content"] for result in results(request)] == [[{"json": {"sum": 5}}], [{"json": {"sum": 4}}]]
    assert len(request) == 4


def test_a_tool_error_informs_the_model_and_another_exception_leaves_the_loop(scripted):
    def failing(a):
        if a == 1:
            raise libbedrock.ToolError("not 1")
        raise KeyError(a)

    tools = [libbedrock.Tool(failing, SCHEMA, name="add", description="Fails.")]
    request = libbedrock.Request("Go.")
    with scripted(calling({"a": 1}), "Done.").run(request, tools) as run:
        assert run.read().text == "Done."
    assert results(request)[0]["status"] == "error" and results(request)[0]["content"] == [{"text": "not 1"}]
    request = libbedrock.Request("Go.")
    with scripted(calling({"a": 2}), "Done.").run(request, tools) as run:
        with pytest.raises(KeyError):
            run.read()
        with pytest.raises(libbedrock.CancelledError):
            next(run)
    assert len(request) == 1


def test_coroutine_functions_run_at_the_same_time(scripted):
    begun = []

    async def slow(a):
        begun.append(a)
        while len(begun) < 3:
            await asyncio.sleep(0)
        return f"result of {a}"

    async def main():
        request = libbedrock.Request("Go.")
        model = scripted(calling({"a": 1}, {"a": 2}, {"a": 3}), "Done.")
        async with model.run(request, [libbedrock.Tool(slow, SCHEMA, name="add")]) as run:
            assert (await run.aread()).text == "Done."
        return request

    request = asyncio.run(main())
    assert [result["content"][0]["text"] for result in results(request)] == [f"result of {a}" for a in (1, 2, 3)]


def test_what_a_coroutine_function_raises_leaves_the_loop(scripted):
    async def failing(a):
        await asyncio.sleep(0)
        raise KeyError(a)

    async def main():
        async with scripted(calling({"a": 1}), "Done.").run("Go.", [libbedrock.Tool(failing, SCHEMA, name="add")]) as run:
            with pytest.raises(KeyError):
                await run.aread()

    asyncio.run(main())


def test_leaving_a_run_cancels_its_coroutine_functions(scripted):
    ended = []

    async def endless(a):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(a)

    async def main():
        run = scripted(calling({"a": 1}), "Done.").run("Go.", [libbedrock.Tool(endless, SCHEMA, name="add")], total="200ms")
        with pytest.raises(libbedrock.TimeoutError):
            await run.aread()
        run.close()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert ended == [1]


def test_a_program_gives_the_results_itself(scripted):
    model = scripted(calling({"a": 1}), "Done.")
    request = libbedrock.Request("Go.")
    waitset = libbedrock.WaitSet()
    run = model.run(request, [{"name": "add", "input_schema": SCHEMA}], max_rounds=3)
    waitset.add(run)
    for ready in waitset:
        for event in ready.ready():
            if event.type is libbedrock.EventType.TOOL_CALL:
                run.result(event.tool_id, None)
                with pytest.raises(libbedrock.InvalidArgumentError):
                    run.result(event.tool_id, "again")
    assert run.response.text == "Done." and results(request)[0]["content"] == [{"text": "null"}]
    run.close()
    waitset.close()


def test_wrong_tools_and_options_are_refused(scripted):
    model = scripted("Done.")
    with pytest.raises(ValueError):
        model.run("Go.", [libbedrock.Tool(add, SCHEMA), libbedrock.Tool(add, SCHEMA)])
    with pytest.raises(libbedrock.RequestError):
        model.run("Go.", [libbedrock.Tool(add, SCHEMA, name="a b")]).read()
    with pytest.raises(libbedrock.ConfigError):
        model.run("Go.", max_rounds=0)
