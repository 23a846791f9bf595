"""Streams: for `for` and for `async for`."""

from __future__ import annotations

import _thread
from ctypes import byref, c_void_p, string_at

from . import _abi, _calls, _waiting
from ._abi import EventType, Status
from ._errors import BusyError, Error, ResourceError, taken
from ._library import Handle, library, next_within
from ._polling import readable
from ._records import Event
from ._response import Response, response_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import select
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Protocol

    from ._library import Next

    class Events(Protocol):
        """What has events: a stream or a run."""

        def __next__(self) -> Event:
            """Returns the next one."""
            ...

        async def __anext__(self) -> Event:
            """Returns the next one."""
            ...

OK, DONE, AGAIN, STOPPED = int(Status.OK), int(Status.DONE), int(Status.AGAIN), int(Status.STOPPED)
TYPES = {int(kind): kind for kind in EventType}

# A task reads so many events that are there already, before others get their turn.
BURST = 32
# How long a wait lasts without looking for signals, if the process has no descriptor left, in milliseconds.
SLICE = 100


class Functions:
    """The functions of the library for what is read event by event: a stream or a run."""

    __slots__ = ("add", "cancel", "fd", "next", "next_within", "response")

    def __init__(
        self,
        next: Next,
        next_within: Next,
        fd: Callable[[object], int],
        cancel: Callable[[object], None],
        response: Callable[[object, object, object], int],
        add: Callable[[object, object, object], int],
    ) -> None:
        self.next, self.next_within, self.fd = next, next_within, fd
        self.cancel, self.response, self.add = cancel, response, add


class Stream:
    """The events of one response, as they arrive: an iterator for `for` and for `async for`.

    The loop ends after the complete response. It raises an Error if the response is cut off, if a timer runs out or if
    the call fails in another way: a response that is not complete never looks complete.

    A stream ends early if its `with` or `async with` block is left, by `close`, and with the last reference to it. Each
    of them ends the call and closes its connection, and none of them waits. One thread or task at a time may read a
    stream. Any thread may close it.
    """

    __slots__ = (
        "__weakref__",
        "_burst",
        "_ended",
        "_error",
        "_error_reference",
        "_event",
        "_event_reference",
        "_handle",
        "_hub",
        "_leaving",
        "_lock",
        "_number",
        "_poll",
        "_read",
        "_rest",
    )

    # A run has others.
    _functions = Functions(
        library.bedrock_stream_next,
        next_within,
        library.bedrock_stream_fd,
        library.bedrock_stream_cancel,
        library.bedrock_stream_response,
        library.bedrock_waitset_add,
    )

    def __init__(self, handle: Handle) -> None:
        """Model.stream and Model.call_stream make streams."""
        self._handle = handle
        self._number = handle.number or 0
        self._event = c_void_p()
        self._error = c_void_p()
        self._event_reference = byref(self._event)
        self._error_reference = byref(self._error)
        # Held while a thread or task reads. An event is borrowed from the library until the next one, and its
        # descriptor until the stream is freed, so neither may happen meanwhile.
        self._lock = _thread.allocate_lock()
        self._leaving = False
        self._read = False
        self._ended = False
        self._burst = 0
        self._poll: select.poll | None = None
        self._hub: object = None
        # The response, once the stream has ended or is closed; or why there is none.
        self._rest: Handle | Error | None = None

    # ---- reading

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        self._enter()
        try:
            event = self._take()
            while event is None:
                event = self._take_later()
            if event is _END:
                raise StopIteration
            return event
        finally:
            self._leave()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        self._enter()
        try:
            # Before the event is taken, because the task may be cancelled here.
            if self._burst >= BURST:
                self._burst = 0
                await _waiting.current().checkpoint()
            event = self._take()
            if event is None:
                self._burst = 0
                loop = _waiting.current()
                while event is None:
                    await loop.readable(self)
                    event = self._take()
            self._burst += 1
            if event is _END:
                raise StopAsyncIteration
            return event
        finally:
            self._leave()

    @property
    def text(self) -> Texts:
        """The pieces of the text alone, for `for` and for `async for`."""
        return Texts(self)

    def read(self) -> Response:
        """Reads the rest, and returns the complete response."""
        for _ in self:
            pass
        return self.response

    async def aread(self) -> Response:
        """Reads the rest, and returns the complete response."""
        async for _ in self:
            pass
        return self.response

    def ready(self) -> Iterator[Event]:
        """Returns the events that have arrived, without waiting for more. `ended` tells whether more can follow."""
        while True:
            self._enter()
            try:
                event = self._take()
            finally:
                self._leave()
            if event is None or event is _END:
                return
            yield event

    @property
    def ended(self) -> bool:
        """Whether the end was reached: of the complete response, or by a failure."""
        return self._ended

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most so many seconds for the next event or the end. Returns whether it can be read at once."""
        self._enter()
        try:
            self.fileno()  # If the stream is closed or the parent's, the descriptor may be another file now.
            return readable(self, timeout)
        finally:
            self._leave()

    def fileno(self) -> int:
        """Returns a descriptor that is readable while the next event, or the end, can be read at once. Only poll it.

        It belongs to the stream: remove it from your event loop before you close the stream.
        """
        descriptor = self._functions.fd(self._number)
        if descriptor < 0:
            raise ResourceError(
                "bedrock: the stream has no descriptor: the process has none left, or the stream is closed or was made "
                "before fork()"
            )
        return descriptor

    @property
    def response(self) -> Response:
        """The response of the events that were read so far. It is complete once the loop has ended by itself."""
        return response_of(self._made_response() if self._rest is None else _unless_error(self._rest))

    # ---- leaving

    def close(self) -> None:
        """Ends the stream. A thread or task that reads it gets CancelledError."""
        self._leaving = True
        self._functions.cancel(self._number)
        self._free_unless_read()

    @property
    def closed(self) -> bool:
        """Whether the stream was closed."""
        return self._leaving

    async def aclose(self) -> None:
        """Does what `close` does. It does not wait either."""
        self.close()

    def cancel(self) -> None:
        """Ends the call, and keeps the stream: the next read raises CancelledError."""
        self._functions.cancel(self._number)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # ---- inside

    def _enter(self) -> None:
        if not self._lock.acquire(False):
            raise BusyError("bedrock: another thread or task reads the stream")

    def _leave(self) -> None:
        self._lock.release()
        if self._leaving:
            self._free_unless_read()

    def _free_unless_read(self) -> None:
        """Frees the stream, unless it is read: then the reader does it when it leaves."""
        if self._lock.acquire(False):
            try:
                self._keep_response()
                self._handle.close()
            finally:
                self._lock.release()

    def _take(self) -> Event | None:
        """Returns the next event, None if there is none yet, or _END. Raises the failure that ended the stream."""
        return self._taken(self._functions.next(self._number, 0, self._event_reference, self._error_reference))

    def _take_later(self) -> Event | None:
        """Waits, and returns what _take returns. Signal handlers run meanwhile, and what they raise ends the wait."""
        try:
            readable(self, None)
        except ResourceError:
            return self._taken(self._functions.next_within(self._number, SLICE, self._event_reference, self._error_reference))
        return self._take()

    def _taken(self, status: int) -> Event | None:
        if status == OK:
            self._read = True
            source = _abi.bedrock_event.from_address(self._event.value or 0)
            event = Event()
            event.type = TYPES.get(source.type, EventType.OTHER)
            event.block = source.block if source.block >= 0 else None
            event.text = string_at(source.text or 0, source.text_len).decode()
            event.tool_id = string_at(source.tool_id or 0, source.tool_id_len).decode() if source.tool_id_len else ""
            event.tool_name = (
                string_at(source.tool_name or 0, source.tool_name_len).decode() if source.tool_name_len else ""
            )
            event.input_valid = source.input_valid != 0
            event.round = source.round
            event.payload = string_at(source.payload or 0, source.payload_len)
            event._is_json = source.json_len == source.payload_len
            return event
        if status == AGAIN:
            return None
        self._ended = True
        if status in (DONE, STOPPED):
            self._keep_response()
            return _END
        # No variable of this frame may hold the error, which refers to the frame: the two would keep the stream.
        raise self._failure(status)

    def _failure(self, status: int) -> Error:
        error = taken(status, self._error.value)
        self._keep_response()
        if self._read and isinstance(self._rest, Handle):
            error.response = response_of(self._rest)
        return error

    def _keep_response(self) -> None:
        """Keeps the response for the time after the stream. It is not worth a failure."""
        if self._rest is None:
            try:
                self._rest = self._made_response()
            except Error as error:  # this is a child process, or there is no memory
                self._rest = error.with_traceback(None)

    def _made_response(self) -> Handle:
        return _calls.made(library.bedrock_response_free, self._functions.response, self._number)


def _unless_error(rest: Handle | Error) -> Handle:
    if isinstance(rest, Error):
        raise rest
    return rest


# What _take returns after the last event.
_END = Event()


class Texts:
    """The pieces of a stream's text, for `for` and for `async for`."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Events) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            event = next(self._stream)
            if event.type is EventType.TEXT:
                return event.text

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while True:
            event = await self._stream.__anext__()
            if event.type is EventType.TEXT:
                return event.text
