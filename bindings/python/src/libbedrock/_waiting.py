"""Waits for streams in the event loop that runs, without a thread.

asyncio, and the loops that implement it, such as uvloop: _asyncio. trio: _trio. Neither is imported unless it runs.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Protocol

    from ._stream import Stream

    class Loop(Protocol):
        """An event loop."""

        async def readable(self, stream: Stream) -> None:
            """Waits until the stream has something to read."""

        async def checkpoint(self) -> None:
            """Lets other tasks run, and ends here if the task is cancelled."""

        async def begin(
            self, work: Callable[[], Coroutine[object, object, None]], failed: Callable[[BaseException], None]
        ) -> Callable[[], object]:
            """Begins work beside the task, or does it at once. Returns what ends it, for any thread.

            `failed` receives what the work raises, unless this function raises it.
            """
            ...

        async def in_thread(self, function: Callable[[], None], abandoned: Callable[[], None]) -> None:
            """Runs a function on a thread. Calls `abandoned` if the task is cancelled."""


def current() -> Loop:
    """Returns the event loop of the task that runs."""
    # trio first: it may run as a guest of asyncio, whose loop then runs too.
    trio = sys.modules.get("trio")
    if trio is not None and _is_trio_task(trio):
        from . import _trio

        return _trio
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        from . import _asyncio

        return _asyncio
    raise RuntimeError("libbedrock: there is no running event loop of asyncio or trio")


def _is_trio_task(trio: object) -> bool:
    try:
        trio.lowlevel.current_task()  # type: ignore[attr-defined]
    except (RuntimeError, AttributeError):  # AttributeError while another thread imports it
        return False
    return True
