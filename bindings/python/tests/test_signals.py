"""Ctrl-C and other signals."""

import gc
import os
import signal
import threading
import time

import libbedrock
import pytest
from libbedrock import _calls
from libbedrock._library import library

# Ctrl-C at this many seconds into a wait, which has to end so soon afterwards. The machine may be busy, so the best of
# some tries counts.
CTRL_C, SOON, TRIES = 0.1, 0.2, 5


def interrupted(wait):
    """Sends SIGINT into a wait. Returns how many seconds later it ended."""
    sent = []

    def interrupt():
        time.sleep(CTRL_C)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            wait()
        return time.monotonic() - sent[0]
    finally:
        thread.join()


def test_a_signal_between_the_making_of_a_handle_and_its_use_leaves_nothing_open():
    def interrupted_as_it_returns(*arguments):
        assert library.bedrock_request_new(*arguments) == 0
        signal.raise_signal(signal.SIGINT)

    before = libbedrock.live_handles()
    with pytest.raises(KeyboardInterrupt):
        _calls.made(library.bedrock_request_free, interrupted_as_it_returns, b"{}", 2)
    gc.collect()  # PyPy ends objects then
    assert libbedrock.live_handles() == before


WAITS = {
    "generate": lambda at: at("silent").generate("x"),
    "call": lambda at: at("silent").call("Converse", "x"),
    "for": lambda at: list(at("silent-after.3").stream("x")),
    "text": lambda at: list(at("silent-after.3").stream("x").text),
    "before the first event": lambda at: next(at("silent").stream("x")),
    "wait": lambda at: [at("silent").stream("x").wait()],
    "read": lambda at: at("silent").stream("x").read(),
}


@pytest.mark.parametrize("kind", WAITS)
def test_ctrl_c_ends_a_wait_at_once(kind, at):
    assert any(interrupted(lambda: WAITS[kind](at)) < SOON for _ in range(TRIES))


def test_ctrl_c_ends_the_wait_for_a_waiting_set(at):
    def wait():
        with libbedrock.WaitSet() as waitset:
            waitset.add(at("silent").stream("x"))
            list(waitset)

    assert any(interrupted(wait) < SOON for _ in range(TRIES))


def test_ctrl_c_ends_connecting(at):
    import socket

    with socket.socket() as listener:  # nobody accepts, and nothing answers the TLS handshake
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        model = libbedrock.Model(
            "any",
            base_url=f"https://127.0.0.1:{port}",
            region="us-east-1",
            api_key="k",
            secret_key="s",
            timeouts={"connect": "30s"},
        )
        assert any(interrupted(model.connect) < SOON for _ in range(TRIES))


def test_after_ctrl_c_the_stream_goes_on_where_it_was(at):
    with at("words.5.1000").stream("x") as stream:
        texts = [next(stream.text)]

        def read():
            for text in stream.text:
                texts.append(text)

        interrupted(read)
        assert len(texts) < 5
        read()
    assert "".join(texts) == stream.response.text == "twenty bytes of text" * 5


def test_a_signal_handler_that_returns_does_not_end_a_wait(at):
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        with at("words.1000.10").stream("x") as stream:
            for count, _ in enumerate(stream.text):
                if count >= 5 and len(seen) > 3:
                    break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert count >= 5 and len(seen) > 3


def test_a_signal_handler_may_close_the_stream_that_it_interrupts(at):
    def close(*_):
        if stream._lock.locked():  # the stream is read
            stream.close()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    stream = at("silent-after.1").stream("x")
    before = signal.signal(signal.SIGALRM, close)
    try:
        assert [next(stream).type.name for _ in range(2)] == ["MESSAGE_START", "TEXT"]
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(libbedrock.CancelledError):
            next(stream)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_may_fire_a_cancel(at):
    cancel = libbedrock.Cancel()
    before = signal.signal(signal.SIGALRM, lambda *_: cancel.fire())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(libbedrock.CancelledError):
            at("silent").generate("x", cancel=cancel)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", ["asyncio.run", "uvloop", "trio"])
def test_ctrl_c_ends_an_event_loop_with_streams(kind, python):
    if kind != "asyncio.run":
        pytest.importorskip(kind)
    ended = python(
        f"""
        import os, signal, threading
        model = MODEL("silent-after.1")
        async def main():
            async with model.stream("x") as stream:
                async for event in stream:
                    if event.type is libbedrock.EventType.TEXT:
                        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        kind = {kind!r}
        try:
            if kind == "trio":
                import trio
                trio.run(main)
            elif kind == "uvloop":
                import uvloop
                loop = uvloop.new_event_loop()
                try:
                    loop.run_until_complete(main())
                finally:
                    import asyncio
                    for task in asyncio.all_tasks(loop):
                        task.cancel()
                    loop.run_until_complete(asyncio.sleep(0))
                    loop.close()
            else:
                import asyncio
                asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (ended.code, ended.out, ended.err) == (0, "interrupted\n", ""), ended
