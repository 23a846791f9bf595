"""Records of calls, and messages of the library."""

from __future__ import annotations

import time
from ctypes import POINTER, byref, c_void_p, cast, string_at

from . import _calls
from ._abi import FeedType, Status, bedrock_feed_item
from ._errors import CancelledError, ClosedError, ResourceError, taken
from ._library import library
from ._process import SLICE
from ._records import Record, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from .types import Json

# The level of the library's log, by that of Python: the number of the library and the name of the option.
LEVELS = {10: (4, "debug"), 20: (3, "info"), 30: (2, "warn"), 40: (1, "error")}


class FeedItem(Record):
    """A record, a message, or the number of those that were lost."""

    __slots__ = ("type", "text", "target", "level", "lost")

    #: What the item is.
    type: FeedType
    #: The JSON of a record, or the text of a message.
    text: str
    #: The topic of a message, or "".
    target: str
    #: The level of a message as in the module logging, or 0.
    level: int
    #: How many records and messages were dropped, because the program did not read them.
    lost: int

    def __init__(self, type: FeedType, text: str, target: str, level: int, lost: int) -> None:
        self.type, self.text, self.target, self.level, self.lost = type, text, target, level, lost

    @property
    def record(self) -> dict[str, Json]:
        """The record as a dict, which is empty for another item."""
        record = parsed(self.text) if self.type == FeedType.RECORD else None
        return record if isinstance(record, dict) else {}


class Feed:
    """Records of calls and messages of the library, from now on.

    with libbedrock.Feed() as feed:
        for item in feed:               # until another thread closes the feed
            print(item.record["name"], item.record["metrics"])

    A record has the names of OpenTelemetry's conventions for generative AI. It holds no content,
    unless `content` asks for it.
    """

    __slots__ = ("_handle",)

    def __init__(
        self, *, records: bool = True, content: bool = False, log: str | None = None, capacity: int = 4096
    ) -> None:
        """Opens a feed of records, of messages of a level ("error", "warn", "info", "debug"), or of both.

        With `content`, records hold the prompts, the responses and the tools of calls.

        While `capacity` of them wait, further ones are dropped and counted.
        """
        import json

        options: dict[str, bool | int | str] = {"records": records, "content": content, "capacity": capacity}
        if log is not None:
            options["log"] = log
        text = json.dumps(options).encode()
        self._handle = _calls.made(library.bedrock_feed_free, library.bedrock_feed_new, text, len(text))

    def next(self, timeout: float | None = None) -> FeedItem | None:
        """Waits at most so many seconds for the next item. Returns None if the time is up."""
        end = None if timeout is None else time.monotonic() + timeout
        found, error = c_void_p(), c_void_p()
        while True:
            left = SLICE if end is None else min(SLICE, max(0, round((end - time.monotonic()) * 1000)))
            status = library.bedrock_feed_next(self._handle.number, left, byref(found), byref(error))
            if status == Status.OK:
                return _item(cast(found, POINTER(bedrock_feed_item)).contents)
            if status < 0:
                raise taken(status, error.value)
            if end is not None and time.monotonic() >= end:
                return None

    def __iter__(self) -> Iterator[FeedItem]:
        """Returns the items as they come, until another thread closes the feed."""
        while True:
            try:
                item = self.next()
            except (CancelledError, ClosedError):
                return
            if item is not None:
                yield item

    def fileno(self) -> int:
        """Returns a descriptor that is readable while `next` would return an item at once. Only poll it."""
        descriptor = library.bedrock_feed_fd(self._handle.number)
        if descriptor < 0:
            raise ResourceError("bedrock: the feed has no descriptor: the process has none left, or the feed is closed")
        return descriptor

    def close(self) -> None:
        """Frees the feed, and ends the loop of a thread that reads it."""
        self._handle.close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def log_to(logger: logging.Logger) -> Feed:
    """Sends the messages of the library to a logger, from a thread of its own, until the feed that it returns is closed.

    The library makes only messages for which the logger is enabled now.
    """
    import threading

    enabled = [name for level, (_, name) in LEVELS.items() if logger.isEnabledFor(level)]
    feed = Feed(records=False, log=enabled[0] if enabled else "error")

    def forward() -> None:
        for item in feed:
            if item.type == FeedType.LOG:
                logger.log(item.level, "%s: %s", item.target, item.text)
            else:
                logger.warning("%d messages of libbedrock were lost", item.lost)

    threading.Thread(target=forward, name="libbedrock-log", daemon=True).start()
    return feed


def _item(item: bedrock_feed_item) -> FeedItem:
    text = string_at(item.text or 0, item.text_len).decode()
    level = next((level for level, (number, _) in LEVELS.items() if number == item.level), 0)
    return FeedItem(FeedType(item.type), text, string_at(item.target or 0).decode(), level, item.lost)
