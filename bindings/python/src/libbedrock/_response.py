"""Responses."""

from __future__ import annotations

from ctypes import byref, sizeof, string_at

from . import _abi, _calls
from ._abi import ToolCallKind
from ._errors import InvalidArgumentError
from ._library import Handle, library, text_of
from ._records import Record, Stats, ToolCall, Usage, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import Structure

    from .types import Json

KINDS = {int(kind): kind for kind in ToolCallKind}


class Response(Record):
    """A response. It is plain data: it can be pickled, copied, and used in a child process."""

    __slots__ = (
        "text",
        "reasoning",
        "stop_reason",
        "finish_reason",
        "complete",
        "tool_calls",
        "server_tool_calls",
        "usage",
        "request_id",
        "model",
        "service_tier",
        "attempts",
        "raw_message",
        "raw",
        "_handle",
    )

    #: All text of the response, joined.
    text: str
    #: All reasoning that the model showed, joined.
    reasoning: str
    #: Why the model stopped, in the service's word: "end_turn", "tool_use", "max_tokens" or another.
    stop_reason: str
    #: Why the model stopped, in the words of chat completions: "stop", "tool_calls", "length", "content_filter".
    finish_reason: str
    #: False if this is the part that had arrived when a stream was left or failed.
    complete: bool
    #: The tool calls that the program has to reply to.
    tool_calls: tuple[ToolCall, ...]
    #: The calls of tools that the service ran itself. Their results are in the message.
    server_tool_calls: tuple[ToolCall, ...]
    usage: Usage
    #: The service's id of the request, which AWS support asks for.
    request_id: str
    #: The model that answered: the one of the call, or that of a fallback.
    model: str
    #: The tier that served the call, such as "default", or "".
    service_tier: str
    #: How many attempts the call made, retries included.
    attempts: int
    #: The assistant's message as JSON, as it came, or "".
    raw_message: str
    #: The complete response as JSON: for a call that does not stream, byte for byte what the service sent.
    raw: str
    # The library's own response, for Request.add and structured. None in a copy from another process.
    _handle: Handle | None

    def json(self) -> Json:
        """Reads the complete response."""
        return parsed(self.raw) if self.raw else None

    @property
    def message(self) -> Json:
        """The assistant's message as the Converse API has it, or None."""
        return parsed(self.raw_message) if self.raw_message else None

    def structured(self) -> Json:
        """Reads the one JSON value of the response: structured output, or the input of the one tool call.

        The error states why there is none; its code is the stop reason.
        """
        return parsed(self.raw_structured())

    def raw_structured(self) -> str:
        """Returns the text of the value that `structured` reads."""
        if self._handle is None:
            raise InvalidArgumentError(
                "bedrock: a response that comes from a pickle has no structured output. Read it before: response.structured()"
            )
        return _calls.text_made(library.bedrock_response_structured, self._handle.number)

    def close(self) -> None:
        """Frees what the library keeps for Request.add and structured. The data stays."""
        if self._handle is not None:
            self._handle.close()

    def _members(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__ if name != "_handle")

    def __getstate__(self) -> tuple[object, ...]:
        return self._members()

    def __setstate__(self, members: tuple[object, ...]) -> None:
        for name, value in zip(self.__slots__, (*members, None)):
            setattr(self, name, value)

    def __copy__(self) -> Response:
        return self  # nothing in it changes

    def __deepcopy__(self, memo: object) -> Response:
        return self


def _tool_calls(function: Callable[[object, int, object, int], int], number: object) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    out = _abi.bedrock_tool_call()
    while function(number, len(calls), byref(out), sizeof(out)) == 0:
        call = ToolCall()
        call.id = string_at(out.id or 0).decode()
        call.name = string_at(out.name or 0).decode()
        call.raw_input = string_at(out.input_json or 0, out.input_json_len).decode()
        call.input_valid = out.input_valid != 0
        call.kind = KINDS[out.kind]
        calls.append(call)
    return tuple(calls)


def usage_of(function: Callable[[object, object, int], int], number: object) -> Usage:
    """Calls a function that fills a bedrock_usage."""
    usage = Usage()
    _fill(usage, _abi.bedrock_usage(), function, number)
    return usage


def stats_of(number: object) -> Stats:
    """Reads the bedrock_stats of a model."""
    stats = Stats()
    _fill(stats, _abi.bedrock_stats(), library.bedrock_model_stats, number)
    return stats


def _fill(record: Record, out: Structure, function: Callable[[object, object, int], int], number: object) -> None:
    """Calls a function that fills a struct of numbers, and copies them into a record. A negative one is None."""
    function(number, byref(out), sizeof(out))
    for name in record.__slots__:
        value: int = getattr(out, name)
        setattr(record, name, value if value >= 0 else None)


def response_of(handle: Handle) -> Response:
    """Copies everything out of a response of the library."""
    number = handle.number
    response = Response()
    response.text = text_of(library.bedrock_response_text, number)
    response.reasoning = text_of(library.bedrock_response_reasoning, number)
    response.stop_reason = library.bedrock_response_stop_reason(number).decode()
    response.finish_reason = library.bedrock_response_finish_reason(number).decode()
    response.complete = library.bedrock_response_complete(number) != 0
    response.tool_calls = _tool_calls(library.bedrock_response_tool_call, number)
    response.server_tool_calls = _tool_calls(library.bedrock_response_server_tool_call, number)
    response.usage = usage_of(library.bedrock_response_usage, number)
    response.request_id = library.bedrock_response_request_id(number).decode()
    response.model = library.bedrock_response_model(number).decode()
    response.service_tier = library.bedrock_response_service_tier(number).decode()
    response.attempts = library.bedrock_response_attempts(number)
    response.raw_message = text_of(library.bedrock_response_message, number)
    response.raw = text_of(library.bedrock_response_json, number)
    response._handle = handle
    return response
