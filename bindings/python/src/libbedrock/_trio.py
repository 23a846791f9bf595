"""Waits for streams in trio: on the descriptor of each."""

from __future__ import annotations

import trio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ._stream import Stream


async def readable(stream: Stream) -> None:
    """Waits until the stream has something to read."""
    await trio.lowlevel.wait_readable(stream.fileno())


async def checkpoint() -> None:
    """Lets other tasks run, and ends here if the task is cancelled."""
    await trio.lowlevel.checkpoint()


async def begin(
    work: Callable[[], Coroutine[object, object, None]], failed: Callable[[BaseException], None]
) -> Callable[[], object]:
    """Does the work, because a task of trio needs a nursery of the program. Returns what ends it: nothing is left."""
    try:
        await work()
    except Exception as error:
        failed(error)
    return bool


async def in_thread(function: Callable[[], None], abandoned: Callable[[], None]) -> None:
    """Runs a function on a thread of trio."""
    try:
        await trio.to_thread.run_sync(function, abandon_on_cancel=True)
    except trio.Cancelled:
        abandoned()
        raise
