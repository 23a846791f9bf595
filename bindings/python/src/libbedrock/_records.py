"""Plain data that the library returns."""

from __future__ import annotations

from ._abi import EventType, ToolCallKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import Json


def parsed(text: str) -> Json:
    """Reads JSON. The module is imported here, because a program that only reads texts does not need it."""
    import json

    value: Json = json.loads(text)
    return value


class Record:
    """A value with named members, which compares, prints, copies and pickles as such."""

    __slots__: tuple[str, ...] = ()

    def _members(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._members() == other._members() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._members())

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__ if not name.startswith("_"))
        return f"{type(self).__name__}({members})"


class Event(Record):
    """One event of a stream."""

    __slots__ = ("type", "block", "text", "tool_id", "tool_name", "input_valid", "round", "payload", "_is_json")

    #: What the event is. OTHER is an event that this version does not know; `text` is then its name.
    type: EventType
    #: The index of the content block, or None.
    block: int | None
    #: The text: a piece of the answer in TEXT, of the reasoning in REASONING, of a tool's input in TOOL_INPUT; the
    #: complete input in BLOCK_STOP of a tool call; the role in MESSAGE_START; the stop reason in MESSAGE_STOP.
    text: str
    #: The id and the name of a tool call, in BLOCK_START, BLOCK_STOP and TOOL_CALL; otherwise "".
    tool_id: str
    tool_name: str
    #: In BLOCK_STOP of a tool call: whether `text` is a JSON object. If not, do not run the tool.
    input_valid: bool
    #: The round of a run, from 1; 0 in a stream.
    round: int
    #: The event's own bytes, as the service sent them.
    payload: bytes
    _is_json: bool

    @property
    def raw(self) -> str:
        """The event's JSON as the service sent it, or "" if it is not JSON."""
        return self.payload.decode() if self._is_json else ""

    def json(self) -> Json:
        """Reads the event's JSON. None if it is not JSON."""
        return parsed(self.raw) if self._is_json and self.payload else None


class Usage(Record):
    """Tokens that were used. A member is None if the service gave no value."""

    __slots__ = (
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "latency_ms",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
    )

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    #: Read from a prompt cache.
    cache_read_tokens: int | None
    #: Written to a prompt cache.
    cache_write_tokens: int | None
    #: The time that the service took, in milliseconds.
    latency_ms: int | None
    #: The parts of cache_write_tokens that the cache keeps for five minutes, and for an hour.
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None


class Stats(Record):
    """How the calls of a model run and wait, and what counts against its limits. A member is None if nothing counts it."""

    __slots__ = (
        "running",
        "waiting",
        "waits",
        "waited_ms",
        "refused",
        "requests_in_minute",
        "tokens_in_minute",
        "requests_per_minute",
        "tokens_per_minute",
    )

    #: Calls that run.
    running: int | None
    #: Calls that wait for max_concurrency or limits.
    waiting: int | None
    #: Calls that have waited, and the sum of their waits in milliseconds.
    waits: int | None
    waited_ms: int | None
    #: Calls that were refused because max_queue calls waited already.
    refused: int | None
    #: Requests and tokens that count in this minute.
    requests_in_minute: int | None
    tokens_in_minute: int | None
    #: The limits in effect, given or learned.
    requests_per_minute: int | None
    tokens_per_minute: int | None


class ToolCall(Record):
    """A tool call of the model."""

    __slots__ = ("id", "name", "raw_input", "input_valid", "kind")

    #: The id, for Request.tool_result.
    id: str
    name: str
    #: The input as the model wrote it.
    raw_input: str
    #: False if the input is not a JSON object, because the model was cut off or wrote something else. Then do not run
    #: the tool, and reply with an error result.
    input_valid: bool
    #: Who runs the tool: CLIENT is the program.
    kind: ToolCallKind

    @property
    def input(self) -> dict[str, Json]:
        """The input. Raises ValueError if it is not a JSON object (`input_valid`)."""
        value = parsed(self.raw_input) if self.input_valid else None
        if not isinstance(value, dict):
            raise ValueError(
                f"libbedrock: the input of the tool call {self.id!r} is not a JSON object: {self.raw_input!r}"
            )
        return value
