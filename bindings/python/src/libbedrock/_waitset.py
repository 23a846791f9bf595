"""Many streams, one waiter."""

from __future__ import annotations

from ctypes import byref, c_void_p

from ._abi import Status
from ._errors import ResourceError, of_status
from ._library import Handle, library
from ._polling import readable
from ._stream import Stream


TYPE_CHECKING = False
if TYPE_CHECKING:
    import select
    from collections.abc import Iterator


class WaitSet:
    """A set of streams and runs, for which one thread waits. Programs with asyncio or trio need none.

    for stream in waitset:              # until all streams have ended
        for event in stream.ready():    # raises the failure of this stream
            ...
    """

    __slots__ = ("_handle", "_poll", "_streams")

    def __init__(self) -> None:
        number = library.bedrock_waitset_new()
        if number is None:
            raise ResourceError("bedrock: the process is out of handles")
        self._handle = Handle(library.bedrock_waitset_free, number)
        self._streams: dict[int, Stream] = {}
        self._poll: select.poll | None = None

    def add(self, stream: Stream) -> None:
        """Adds a stream. It is in the set until it is closed."""
        status = stream._functions.add(self._handle.number, stream._number, stream._number)
        if status < 0:
            raise of_status(status)
        self._streams[stream._number] = stream

    def wait(self, timeout: float | None = None) -> Stream | None:
        """Waits at most so many seconds for a stream that has something to read. Returns it, or None if the time is up.

        Then read all of Stream.ready: a stream that is left before is not returned again.
        """
        found = c_void_p()
        while True:
            status = library.bedrock_waitset_wait(self._handle.number, 0, None, byref(found))
            if status == Status.OK:
                stream = self._streams.get(found.value or 0)
                if stream is not None:
                    return stream
            elif status != Status.AGAIN:
                raise of_status(status)
            elif not readable(self, timeout):
                return None

    def __iter__(self) -> Iterator[Stream]:
        """Returns the streams that have something to read, again and again, until all have ended or are closed."""
        while True:
            for number, stream in list(self._streams.items()):
                if stream.ended or stream.closed:
                    del self._streams[number]
            if not self._streams:
                return
            ready = self.wait()
            if ready is not None:
                yield ready

    def fileno(self) -> int:
        """Returns a descriptor that is readable while `wait` would return a stream at once. Only poll it."""
        descriptor = library.bedrock_waitset_fd(self._handle.number)
        if descriptor < 0:
            raise ResourceError(
                "bedrock: the waiting set has no descriptor: the process has none left, or the set is closed"
            )
        return descriptor

    def close(self) -> None:
        """Frees the set. Its streams go on."""
        self._streams.clear()
        self._handle.close()

    def __enter__(self) -> WaitSet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
