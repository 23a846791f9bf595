"""Runs: the loop that calls tools."""

from __future__ import annotations

from . import _calls, _waiting
from ._abi import EventType
from ._errors import CancelledError, ClosedError, InvalidArgumentError
from ._library import Handle, encoded, library, run_next_within, short
from ._records import parsed
from ._request import json_of
from ._stream import Functions, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._records import Event
    from .types import BytesLike, Json

TEXT, ERROR, JSON = 0, 1, 2


class ToolError(Exception):
    """A tool failed: the message informs the model, and the run goes on."""


class Tool:
    """A function that the model may call, with the members of its input as keyword arguments.

    What it returns is the result: a str as text, and every other value as JSON. ToolError informs the model that it
    failed; every other exception ends the run, and leaves the loop. With `async for` it may be a coroutine function:
    the calls of a message then run at the same time in asyncio.
    """

    __slots__ = ("description", "function", "name", "schema")

    def __init__(
        self,
        function: Callable[..., object],
        schema: Mapping[str, object],
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        """Makes a tool of a function and the JSON schema of its input. Name and description are the function's."""
        self.function, self.schema = function, schema
        self.name: str = function.__name__ if name is None else name
        self.description = (function.__doc__ or "").strip() if description is None else description


class Run(Stream):
    """The events of all rounds of a run, as they arrive: an iterator for `for` and for `async for`.

    The tools of a message are called when the loop asks for the next event. The loop ends when the model has stopped,
    or after the last permitted round; `response` is then the last message, with the usage of all rounds. The request
    gets complete rounds alone, so the conversation can go on after whatever happened.
    """

    __slots__ = ("_begun", "_due", "_raised", "_tools")

    _functions = Functions(
        library.bedrock_run_next,
        run_next_within,
        library.bedrock_run_fd,
        library.bedrock_run_cancel,
        library.bedrock_run_response,
        library.bedrock_waitset_add_run,
    )

    def __init__(self, handle: Handle, tools: Mapping[str, Tool]) -> None:
        """Model.run makes runs."""
        super().__init__(handle)
        self._tools = tools
        # The calls to do before the next event.
        self._due: list[Event] = []
        # What ends the calls that were begun.
        self._begun: list[Callable[[], object]] = []
        # What a tool has raised.
        self._raised: BaseException | None = None

    def __next__(self) -> Event:
        while self._due:
            call = self._due.pop(0)
            try:
                self._give(call.tool_id, self._tools[call.tool_name].function(**_input(call)))
            except ToolError as error:
                self._give(call.tool_id, error)
            except BaseException:
                self.cancel()
                raise
        return self._noted(super().__next__())

    async def __anext__(self) -> Event:
        while self._due:
            call = self._due.pop(0)
            self._begun.append(await _waiting.current().begin(lambda call=call: self._do(call)))  # type: ignore[misc]
        try:
            return self._noted(await super().__anext__())
        except CancelledError:
            if self._raised is not None:
                raise self._raised from None
            raise
        finally:
            if self.ended or self.closed:
                self._end_calls()

    def result(self, tool_id: str, value: object) -> None:
        """Gives the result of a call of a tool without a function: a str as text, and every other value as JSON.

        A ToolError informs the model that the tool failed. Any thread may give results.
        """
        kind, text = _encoded(value)
        number = short(tool_id, "the id of a tool call")
        _calls.done(library.bedrock_run_result, self._number, number, text, len(text), kind)

    def close(self) -> None:
        """Ends the run, and its calls of coroutine functions. A thread or task that reads it gets CancelledError."""
        self._end_calls()
        super().close()

    # ---- inside

    def _noted(self, event: Event) -> Event:
        if event.type is EventType.TOOL_CALL and event.tool_name in self._tools:
            self._due.append(event)
        return event

    async def _do(self, call: Event) -> None:
        try:
            value = self._tools[call.tool_name].function(**_input(call))
            self._give(call.tool_id, await _settled(value))
        except ToolError as error:
            self._give(call.tool_id, error)
        except Exception as error:
            if self._raised is None:
                self._raised = error
            self.cancel()

    def _give(self, tool_id: str, value: object) -> None:
        try:
            self.result(tool_id, value)
        except (InvalidArgumentError, ClosedError):
            pass  # the run has ended

    def _end_calls(self) -> None:
        begun, self._begun = self._begun, []
        for end in begun:
            end()


def open_run(
    number: int | None,
    request: int | None,
    tools: Iterable[Tool | Mapping[str, object]] | None,
    options: Mapping[str, object],
    cancel: int | None,
) -> Run:
    """Opens a run."""
    functions: dict[str, Tool] = {}
    members = dict(options)
    if tools is not None:
        declared: list[object] = []
        for tool in tools:
            if isinstance(tool, Tool):
                if tool.name in functions:
                    raise ValueError(f"libbedrock: two tools are called {tool.name!r}")
                functions[tool.name] = tool
                declared.append({"name": tool.name, "description": tool.description, "input_schema": tool.schema})
            else:
                declared.append(tool)
        members["tools"] = declared
    text = json_of(members, _refuse)
    free = library.bedrock_run_free
    return Run(_calls.made(free, library.bedrock_run_open, number, request, text, len(text), cancel), functions)


def _input(call: Event) -> dict[str, Json]:
    value = parsed(call.text)
    return value if isinstance(value, dict) else {}


async def _settled(value: object) -> object:
    """Waits for the result of a coroutine function."""
    from collections.abc import Awaitable

    if isinstance(value, Awaitable):
        awaitable: Awaitable[object] = value  # pyright: ignore[reportUnknownVariableType]
        return await awaitable
    return value


def _encoded(value: object) -> tuple[int, bytes]:
    if isinstance(value, ToolError):
        return ERROR, encoded(str(value), "the error of a tool")
    if isinstance(value, str):
        return TEXT, encoded(value, "the result of a tool")
    return JSON, json_of(value, _refuse)


def _refuse(data: BytesLike) -> str:
    raise TypeError("libbedrock: bytes belong in a request, not in a run")
