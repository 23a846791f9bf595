"""Runs: the loop that calls tools."""

import asyncio
import json
import threading
import time

import pytest

import libbedrock
from loops import Asyncio, each_loop


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
    begun, ended = [], []

    async def endless(a):
        begun.append(a)
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

    for _ in range(20):
        asyncio.run(main())
        if begun:  # on a busy machine, the time may be up before the call
            break
    assert ended == begun == [1]


class Odd(BaseException):
    """An exception that is no Exception."""


def raising(kind):
    def failing(a):
        raise kind(a)

    return failing


def awaiting(function):
    """The same as a coroutine function."""

    async def awaited(a):
        await asyncio.sleep(0)
        return function(a)

    return awaited


def tool(function):
    return [libbedrock.Tool(function, SCHEMA, name="add", description="A tool of a test.")]


def read_by(way, model, request, tools, **options):
    """Reads a run in one of the ways. A run that would hang ends by its time limit."""
    options = {"total": "20s", **options}
    if way == "for":
        with model.run(request, tools, **options) as run:
            return run.read().text
    if way == "ready":
        with libbedrock.WaitSet() as waitset, model.run(request, tools, **options) as run:
            waitset.add(run)
            for found in waitset:
                for _ in found.ready():
                    pass
            return run.response.text

    async def main():
        async with model.run(request, tools, **options) as run:
            return (await run.aread()).text

    return way.run(main)


each_way = pytest.mark.parametrize("way", ["for", "ready", *each_loop.args[1]])


@each_way
@pytest.mark.parametrize("error", [KeyError, Odd, SystemExit, asyncio.CancelledError])
def test_whatever_a_tool_raises_ends_the_run_and_leaves_the_loop(scripted, way, error):
    request = libbedrock.Request("Go.")
    with pytest.raises(error):
        read_by(way, scripted(calling({"a": 1}), "Done."), request, tool(raising(error)))
    assert len(request) == 1


@pytest.mark.parametrize("error", [KeyError, Odd, asyncio.CancelledError])
def test_whatever_a_coroutine_function_raises_ends_the_run_and_leaves_the_loop(scripted, error):
    request = libbedrock.Request("Go.")
    with pytest.raises(error):
        read_by(Asyncio(), scripted(calling({"a": 1}), "Done."), request, tool(awaiting(raising(error))))
    assert len(request) == 1


def test_a_coroutine_function_whose_task_is_cancelled_before_it_begins_ends_the_run(scripted):
    def begin_cancelled(loop, work, **options):
        task = asyncio.Task(work, loop=loop, **options)
        task.cancel()
        return task

    async def main():
        loop = asyncio.get_running_loop()
        async with scripted(calling({"a": 1}), "Done.").run("Go.", tool(awaiting(print)), total="20s") as run:
            loop.set_task_factory(begin_cancelled)
            with pytest.raises(asyncio.CancelledError):
                await run.aread()
            loop.set_task_factory(None)

    asyncio.run(main())


@each_loop
def test_a_task_that_is_cancelled_during_a_tool_is_cancelled_and_the_run_with_it(scripted, loop):
    begun = []

    async def endless(a):
        begun.append(a)
        await loop.sleep(600)

    async def main():
        request = libbedrock.Request("Go.")
        run = scripted(calling({"a": 1}), "Done.").run(request, tool(endless), total="20s")

        async def read():
            async with run:
                await run.aread()

        assert await loop.cancelled_after(lambda: begun, read)
        with pytest.raises((libbedrock.CancelledError, libbedrock.ClosedError)):
            await run.aread()
        assert len(request) == 1

    loop.run(main)


@each_way
def test_lone_surrogates_of_a_tool_become_question_marks(scripted, way):
    def odd(a):
        if a == 1:
            raise libbedrock.ToolError("error \udcff.")
        return "text \udcff." if a == 2 else {"json": "\udcff."}

    request = libbedrock.Request("Go.")
    read_by(way, scripted(calling({"a": 1}, {"a": 2}, {"a": 3}), "Done."), request, tool(odd))
    contents = [result["content"] for result in results(request)]
    assert contents == [[{"text": "error ?."}], [{"text": "text ?."}], [{"json": {"json": "?."}}]]


@each_way
def test_a_result_that_cannot_be_given_ends_the_run_with_that_error(scripted, way):
    class Unprintable(libbedrock.ToolError):
        def __str__(self):
            raise LookupError

    deep = json.loads("[" * 600 + "]" * 600)
    for function, error in (
        (lambda a: float("nan"), ValueError),
        (lambda a: deep, libbedrock.RequestError),
        (lambda a: object(), TypeError),
        (raising(Unprintable), LookupError),
    ):
        request = libbedrock.Request("Go.")
        with pytest.raises(error):
            read_by(way, scripted(calling({"a": 1}), "Done."), request, tool(function))
        assert len(request) == 1


@each_way
def test_a_deadline_during_a_tool_is_a_timeout_and_a_cancel_is_a_cancel(scripted, way):
    def late(a):
        time.sleep(0.05)
        return "late"

    # Every round calls the tool, so nothing but its deadline ends the run, and nearly all of its time is in the tool.
    with pytest.raises(libbedrock.TimeoutError):
        read_by(way, scripted(calling({"a": 1})), "Go.", tool(late), total="20ms", max_rounds=1000)
    cancel = libbedrock.Cancel()
    with pytest.raises(libbedrock.CancelledError):
        read_by(way, scripted(calling({"a": 1}), "Done."), "Go.", tool(lambda a: cancel.fire()), cancel=cancel)
    assert cancel.fired
    cancel.close()


@pytest.mark.parametrize("end", ["cancel", "close", "fire"])
@pytest.mark.parametrize("loop", [None, *each_loop.args[1]])
def test_no_tool_is_called_after_the_program_has_ended_the_run(scripted, loop, end):
    called = []
    cancel = libbedrock.Cancel()
    model = scripted(calling({"a": 1}, {"a": 2}), "Done.")

    def at(event):
        if event.type is libbedrock.EventType.TOOL_CALL:
            called.clear()
            cancel.fire() if end == "fire" else getattr(run, end)()

    async def main():
        async for event in run:
            at(event)

    run = model.run("Go.", tool(called.append), cancel=cancel, total="20s")
    with pytest.raises((libbedrock.CancelledError, libbedrock.ClosedError)):
        if loop is None:
            for event in run:
                at(event)
        else:
            loop.run(main)
    assert called == []
    run.close()
    cancel.close()


def test_any_thread_ends_the_coroutine_functions_of_a_run_by_closing_it(scripted):
    begun = threading.Event()
    ended = []

    async def endless(a):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(a)

    async def main():
        asyncio.get_running_loop().set_debug(True)  # asyncio then finds the calls from a wrong thread
        run = scripted(calling({"a": 1}), "Done.").run("Go.", tool(endless), total="20s")
        thread = threading.Thread(target=lambda: begun.wait() and run.close())
        thread.start()
        with pytest.raises(libbedrock.CancelledError):
            await run.aread()
        thread.join()

    asyncio.run(main())
    assert ended == [1]


@pytest.mark.parametrize("way", ["read", "text"])
@pytest.mark.parametrize("loop", [None, Asyncio()])
def test_a_call_that_the_program_does_not_see_and_has_no_function_is_an_error(scripted, loop, way):
    run = scripted(calling({"a": 1}), "Done.").run("Go.", [{"name": "add", "input_schema": SCHEMA}], total="20s")

    async def main():
        if way == "read":
            await run.aread()
        async for _ in run.text:
            pass

    with pytest.raises(libbedrock.InvalidArgumentError, match="'add'"):
        if loop is not None:
            loop.run(main)
        elif way == "read":
            run.read()
        else:
            list(run.text)
    run.close()


def test_a_wait_does_not_wait_for_a_tool_that_nobody_has_called(scripted):
    with scripted(calling({"a": 1}), "Done.").run("Go.", tool(lambda a: "ok"), total="20s") as run:
        while next(run).type is not libbedrock.EventType.TOOL_CALL:
            pass
        assert run.wait()
        assert run.read().text == "Done."


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
