"""The library in this process."""

from __future__ import annotations

import time

from ._abi import Status
from ._errors import of_status
from ._library import library

# A signal does not end a function of the library: the wait is cut into slices, between which signal handlers run.
SLICE = 100


def version() -> str:
    """Returns the version of the shared library."""
    return library.bedrock_version().decode()


def live_handles() -> int:
    """Returns how many handles of the library this process has made and not freed."""
    return library.bedrock_live_handles()


def shutdown(timeout: float | None = None) -> bool:
    """Cancels all running calls, and waits for the library's threads to end. Returns False if the time was up before.

    A program need not call it before it exits, unless it records: it waits until cancelled calls are in the recording.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE if end is None else min(SLICE, max(0, round((end - time.monotonic()) * 1000)))
        status = library.bedrock_shutdown(left)
        if status < 0:
            raise of_status(status)
        if status == Status.OK:
            return True
        if end is not None and time.monotonic() >= end:
            return False
