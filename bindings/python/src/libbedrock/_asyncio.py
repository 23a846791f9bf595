"""Waits for streams in asyncio: one waiting set and one reader for each event loop, however many streams."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ctypes import byref, c_void_p
from weakref import WeakKeyDictionary, ref

from ._abi import Status
from ._errors import ResourceError, of_status
from ._library import Handle, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ._stream import Stream

OK, BUSY = int(Status.OK), int(Status.BUSY)


class Hub:
    """The waiting set of one event loop."""

    def __init__(self) -> None:
        number = library.bedrock_waitset_new()
        self.set = Handle(library.bedrock_waitset_free, number)
        self.descriptor = library.bedrock_waitset_fd(number)
        if self.descriptor < 0:
            raise ResourceError("bedrock: the process has no descriptor left to wait for streams")
        self.waiting: dict[int, asyncio.Future[None]] = {}
        self.reads = False

    async def readable(self, stream: int, loop: asyncio.AbstractEventLoop) -> None:
        """Waits for a stream of the set."""
        future = loop.create_future()
        self.waiting[stream] = future
        if not self.reads:
            loop.add_reader(self.descriptor, self.deliver)
            self.reads = True
        try:
            await future
        finally:
            del self.waiting[stream]
            # The task that reads the only stream is about to wait again: the reader is removed after it has run.
            if not self.waiting:
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon(self.rest, loop)

    def deliver(self) -> None:
        """Wakes the tasks whose streams have something to read."""
        found = c_void_p()
        while library.bedrock_waitset_wait(self.set.number, 0, None, byref(found)) == OK:
            # A stream without a waiting task is not armed: it comes back after its next read.
            future = self.waiting.get(found.value or 0)
            if future is not None:
                _wake(future)

    def rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stops reading while nothing waits."""
        if not self.waiting and self.reads:
            loop.remove_reader(self.descriptor)
            self.reads = False


# A hub lives as long as a stream that was read in its loop. What waits refers to its loop, so a strong reference from
# here would keep a loop for ever that was closed before its tasks had ended.
_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Hub]] = WeakKeyDictionary()


def _hub(loop: asyncio.AbstractEventLoop) -> Hub:
    known = _hubs.get(loop)
    hub = None if known is None else known()
    if hub is None:
        hub = Hub()
        _hubs[loop] = ref(hub)
    return hub


async def readable(stream: Stream) -> None:
    """Waits until the stream has something to read."""
    loop = asyncio.get_running_loop()
    hub = _hub(loop)
    number = stream._number
    if stream._hub is not hub:
        status = stream._functions.add(hub.set.number, number, number)
        if status == BUSY:  # in the set of another loop, or in one of the program
            await _descriptor_readable(stream.fileno(), loop)
            return
        if status < 0:
            raise of_status(status)
        stream._hub = hub
    await hub.readable(number, loop)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _descriptor_readable(descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
    future = loop.create_future()
    loop.add_reader(descriptor, _wake, future)
    try:
        await future
    finally:
        with suppress(RuntimeError):
            loop.remove_reader(descriptor)


async def checkpoint() -> None:
    """Lets other tasks run."""
    await asyncio.sleep(0)


async def begin(
    work: Callable[[], Coroutine[object, object, None]], failed: Callable[[BaseException], None]
) -> Callable[[], object]:
    """Begins work in a task of its own. Returns what ends it."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work())

    # Not in the task: one that is cancelled before its first step runs nothing.
    def ended(task: asyncio.Task[None]) -> None:
        try:
            error = task.exception()
        except asyncio.CancelledError as cancelled:
            failed(cancelled)
        else:
            if error is not None:
                failed(error)

    def end() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(task.cancel)

    task.add_done_callback(ended)
    return end


async def in_thread(function: Callable[[], None], abandoned: Callable[[], None]) -> None:
    """Runs a function on a thread of the loop's executor."""
    try:
        await asyncio.get_running_loop().run_in_executor(None, function)
    except asyncio.CancelledError:
        abandoned()
        raise
