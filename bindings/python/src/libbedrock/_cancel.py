"""Ends calls from outside."""

from __future__ import annotations

from ._errors import ResourceError
from ._library import Handle, library


class Cancel:
    """Ends every call that it is passed to, once it is fired. It stays fired.

    One Cancel may serve many calls, at once or one after the other. Any thread and a signal handler may fire it. The
    first call with one starts a thread of the library, so to end a single stream use Stream.close.
    """

    __slots__ = ("_fired", "_handle")

    def __init__(self) -> None:
        number = library.bedrock_cancel_new()
        if number is None:
            raise ResourceError("bedrock: the process is out of handles")
        self._handle = Handle(library.bedrock_cancel_free, number)
        self._fired = False

    def fire(self) -> None:
        """Ends the calls with CancelledError. It may be called again, and never blocks."""
        self._fired = True
        library.bedrock_cancel_fire(self._handle.number)

    @property
    def fired(self) -> bool:
        """Whether it was fired."""
        return self._fired

    def close(self) -> None:
        """Frees the cancel. The calls that it was passed to go on."""
        self._handle.close()
