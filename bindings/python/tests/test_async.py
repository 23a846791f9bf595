"""Streams that are read with `async for`, on every event loop."""

import asyncio
import gc
import sys
import textwrap

import libbedrock
import pytest
from conftest import threads
from libbedrock import EventType
from loops import each_loop

MANY = 1000

AFTERWARDS = """
import gc
for _ in range(3):
    gc.collect()
print(libbedrock.live_handles())
"""


@each_loop
def test_a_loop_delivers_every_event_and_ends_after_the_complete_response(loop, at):
    async def main():
        async with at("words.3.5").stream("x") as stream:
            return [event.type.name async for event in stream], stream.response

    types, response = loop.run(main)
    assert types == ["MESSAGE_START", "TEXT", "TEXT", "TEXT", "BLOCK_STOP", "MESSAGE_STOP", "METADATA"]
    assert response.complete and response.text == "twenty bytes of text" * 3


@each_loop
def test_a_call_that_does_not_stream_needs_no_thread(loop, at):
    async def main():
        model = at("words.3.0")
        await model.agenerate("x")  # which starts the library's own threads
        before = threads()
        responses = await loop.together(*[lambda: model.agenerate("x")] * 20)
        return [response.text for response in responses], before, threads()

    texts, before, after = loop.run(main)
    assert texts == ["twenty bytes of text" * 3] * 20
    assert after <= before


@each_loop
def test_a_thousand_streams_at_once_need_three_threads_at_most(loop, python):
    program = f"""
        import sys
        sys.path.insert(0, {str(__file__.rsplit("/", 1)[0])!r})
        from conftest import threads
        from loops import LOOPS
        loop = next(loop for loop in LOOPS if loop.name == {loop.name!r})
        model = MODEL("words.10.20")
        begun, counts = 0, []

        async def one():
            global begun
            async with model.stream("x") as stream:
                await stream.__anext__()
                begun += 1
                while begun < {MANY}:
                    await loop.sleep(0.01)
                async for _ in stream:
                    pass
                counts.append(threads())
                return stream.response.text

        async def main():
            return await loop.together(*[one] * {MANY})

        texts = loop.run(main)
        assert texts == ["twenty bytes of text" * 10] * {MANY}
        print(max(counts))
    """
    ended = python(program, timeout=100, flags=())
    assert (ended.code, ended.err) == (0, ""), ended
    assert int(ended.out) <= 3


@each_loop
def test_a_stream_that_is_cut_is_an_error(loop, at):
    async def main():
        async with at("cut-after.2", retry={"max_attempts": 1}).stream("x") as stream:
            return [text async for text in stream.text]

    with pytest.raises(libbedrock.TruncatedError):
        loop.run(main)


@each_loop
def test_cancelling_a_task_ends_its_stream(loop, at):
    model = at("silent-after.1")
    before = libbedrock.live_handles()
    began = []

    async def read():
        async for event in model.stream("x"):
            began.append(event.type is EventType.TEXT)

    async def main():
        assert await loop.cancelled_after(lambda: True in began, read)
        await loop.sleep(0)  # until then the event loop refers to the task
        return libbedrock.live_handles()

    left = loop.run(main)
    if sys.implementation.name == "cpython":
        assert left == before
    gc.collect()
    assert libbedrock.live_handles() == before


@each_loop
def test_cancelling_a_task_ends_its_call(loop, at):
    model = at("silent")
    before = libbedrock.live_handles()
    began = []

    async def call():
        began.append(True)
        await model.agenerate("x")

    async def main():
        assert await loop.cancelled_after(lambda: began, call)

    loop.run(main)
    gc.collect()
    assert libbedrock.live_handles() == before


@each_loop
def test_a_wait_that_was_given_up_loses_no_event(loop, at):
    async def main():
        texts = []
        async with at("words.5.50").stream("x") as stream:
            ended = False
            while not ended:
                done = []

                async def one():
                    try:
                        event = await stream.__anext__()
                    except StopAsyncIteration:
                        done.append(None)
                    else:
                        done.append(event)

                async def soon():
                    await loop.sleep(0.01)
                    return True

                if loop.name == "trio":
                    import trio

                    with trio.move_on_after(0.01):
                        await one()
                else:
                    try:
                        await asyncio.wait_for(one(), 0.01)
                    except asyncio.TimeoutError:
                        pass
                for event in done:
                    if event is None:
                        ended = True
                    elif event.type is EventType.TEXT:
                        texts.append(event.text)
        return texts, stream.response

    texts, response = loop.run(main)
    assert len(texts) == 5
    assert response.complete


@each_loop
def test_leaving_a_loop_by_break_or_by_an_exception_ends_the_stream(loop, at):
    model = at("words.1000.10")
    before = libbedrock.live_handles()

    async def leave_by_break():
        async with model.stream("x") as stream:
            async for _ in stream:
                break
        with pytest.raises(libbedrock.ClosedError):
            await stream.__anext__()

    async def leave_by_exception():
        async with model.stream("x") as stream:
            async for _ in stream:
                raise ZeroDivisionError

    async def main():
        await leave_by_break()
        with pytest.raises(ZeroDivisionError):
            await leave_by_exception()

    loop.run(main)
    gc.collect()
    assert libbedrock.live_handles() == before


@each_loop
def test_closing_a_stream_that_another_task_reads_ends_that_task(loop, at):
    async def main():
        stream = at("silent-after.1").stream("x")
        outcome, reading = [], []

        async def read():
            try:
                async for event in stream:
                    reading.append(event.type is EventType.TEXT)
            except libbedrock.Error as error:
                outcome.append(error)

        async def close():
            while True not in reading:
                await loop.sleep(0.001)
            with pytest.raises(libbedrock.BusyError):
                await stream.__anext__()
            await stream.aclose()

        await loop.together(read, close)
        return outcome

    assert isinstance(loop.run(main)[0], libbedrock.CancelledError)


@each_loop
def test_a_stream_that_always_has_events_lets_other_tasks_run(loop, scripted):
    words = " ".join("word" for _ in range(2000))

    async def main():
        turns = []

        async def read():
            count = 0
            async for _ in scripted(words).stream("x").text:
                count += 1
                turns.append("read")
            return count

        async def other():
            for _ in range(20):
                turns.append("other")
                await loop.sleep(0)

        count, _ = await loop.together(read, other)
        return count, turns

    count, turns = loop.run(main)
    assert count == 2000
    last = len(turns) - 1 - turns[::-1].index("other")
    assert turns[:last].count("read") < 20 * 40, "the other task had its turns while the stream had events"


def test_without_an_event_loop_async_for_is_an_error(at):
    with at("silent").stream("x") as stream:
        with pytest.raises(RuntimeError, match="no running event loop"):
            stream.__anext__().send(None)


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_stream_may_go_along_to_another_event_loop(kind, at):
    new_loop = asyncio.new_event_loop if kind == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    stream = at("words.10.20").stream("x")
    first, second = new_loop(), new_loop()
    try:
        texts = [first.run_until_complete(stream.text.__anext__())]
        texts.append(second.run_until_complete(stream.text.__anext__()))  # the first loop is still open
        first.close()
        texts.append(second.run_until_complete(stream.text.__anext__()))
    finally:
        first.close()
        second.close()
    texts += list(stream.text)  # and on without a loop
    assert texts == ["twenty bytes of text"] * 10


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_loop_is_read_only_while_a_task_waits(kind, at):
    loop = asyncio.new_event_loop() if kind == "asyncio" else pytest.importorskip("uvloop").new_event_loop()

    async def main():
        from libbedrock._asyncio import _hub

        hub = _hub(asyncio.get_running_loop())
        seen = []
        async with at("silent-after.1").stream("x") as stream:
            reading = asyncio.ensure_future(stream.aread())
            while not hub.reads:
                await asyncio.sleep(0)
            seen.append(list(hub.waiting) == [stream._number])
            stream.cancel()
            with pytest.raises(libbedrock.CancelledError):
                await reading
        await asyncio.sleep(0)
        return seen, hub.reads, hub.waiting, loop.remove_reader(hub.descriptor)

    try:
        seen, reads, waiting, was_registered = loop.run_until_complete(main())
    finally:
        loop.close()
    assert seen == [True]
    assert (reads, waiting) == (False, {}) and not was_registered


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="objects end at once in CPython alone")
@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_event_loops_that_are_closed_leave_no_descriptor(kind, at):
    import os

    new_loop = asyncio.new_event_loop if kind == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    model = at("words.1.5")
    gc.disable()
    try:
        counts = []
        for _ in range(20):
            loop = new_loop()
            loop.run_until_complete(model.agenerate("x"))
            loop.close()
            counts.append(len(os.listdir("/proc/self/fd")))
    finally:
        gc.enable()
    assert max(counts[2:]) <= counts[1] + 2, counts


@pytest.mark.parametrize("kind", ["asyncio", "uvloop", "trio"])
@pytest.mark.parametrize("way", ["closed", "collected"])
def test_loops_that_end_with_streams_open_print_nothing_and_free_them(kind, way, python):
    if kind != "asyncio":
        pytest.importorskip(kind)
    if way == "collected" and sys.implementation.name == "pypy":
        pytest.skip("PyPy keeps tasks that have not ended when their loop was closed")
    if kind == "trio" and way == "closed":
        program = """
            import trio
            async def main():
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(read)
                    while len(began) < 20:
                        await trio.sleep(0.001)
                    nursery.cancel_scope.cancel()
            began = []
            async def read():
                async with MODEL("silent-after.1").stream("x") as stream:
                    await stream.__anext__()
                    began.append(1)
                    async for _ in stream: pass
            trio.run(main)
        """
    elif kind == "trio":
        program = """
            import trio
            kept = []
            async def main():
                for _ in range(20):
                    stream = MODEL("silent-after.1").stream("x")
                    await stream.__anext__()
                    kept.append(stream)
            trio.run(main)
            kept.clear()
        """
    else:
        program = f"""
            import asyncio
            make = asyncio.new_event_loop if {kind!r} == "asyncio" else __import__("uvloop").new_event_loop
            async def main():
                tasks = [asyncio.ensure_future(read()) for _ in range(20)]
                while len(began) < 20:
                    await asyncio.sleep(0.001)
                return tasks
            began = []
            async def read():
                stream = MODEL("silent-after.1").stream("x")
                await stream.__anext__()
                began.append(1)
                async for _ in stream: pass
            async def ended(tasks):
                for task in tasks:
                    try:
                        await task
                    except asyncio.CancelledError:
                        pass
            loop = make()
            tasks = loop.run_until_complete(main())
            if {way!r} == "closed":
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(ended(tasks))
            else:
                for task in tasks:
                    task._log_destroy_pending = False  # asyncio's own line about a task that nothing waits for
                loop.set_exception_handler(lambda loop, context: print(context))
            loop.close()
            del task, tasks, loop
        """
    ended = python(textwrap.dedent(program) + AFTERWARDS)
    assert (ended.code, ended.out, ended.err) == (0, "0\n", ""), ended


@each_loop
def test_connecting_ahead_does_not_hold_up_other_tasks(loop, at):
    async def main():
        await at("words.1.0").aconnect(5)
        with pytest.raises(libbedrock.NetworkError):
            await libbedrock.Model(
                "any",
                base_url="http://127.0.0.1:9",
                api_key="k",
                secret_key="s",
                region="us-east-1",
                retry={"max_attempts": 1},
            ).aconnect(5)

    loop.run(main)


def test_both_kinds_of_loops_can_read_one_stream_after_the_other(at):
    trio = pytest.importorskip("trio")
    stream = at("words.10.5").stream("x")

    async def one():
        return await stream.__anext__()

    loop = asyncio.new_event_loop()
    kinds = [loop.run_until_complete(one()).type, trio.run(one).type, next(stream).type]
    loop.close()
    assert kinds == [EventType.MESSAGE_START, EventType.TEXT, EventType.TEXT]
    stream.close()


if sys.version_info >= (3, 11):

    def test_asyncio_timeout_ends_a_wait(at):
        async def main():
            async with at("silent").stream("x") as stream:
                async with asyncio.timeout(0.05):
                    await stream.__anext__()

        with pytest.raises(TimeoutError):
            asyncio.run(main())
