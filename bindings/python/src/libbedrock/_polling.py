"""Waits for a descriptor on the calling thread, without an event loop."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Polled(Protocol):
        """What has a descriptor, and keeps what polls it."""

        _poll: select.poll | None

        def fileno(self) -> int:
            """Returns the descriptor."""
            ...


def readable(polled: Polled, timeout: float | None) -> bool:
    """Waits at most so many seconds until the descriptor is readable. Returns whether it is."""
    if polled._poll is None:
        poll = select.poll()
        poll.register(polled.fileno(), select.POLLIN)
        polled._poll = poll
    return bool(polled._poll.poll(None if timeout is None else max(timeout, 0) * 1000))
