"""Runs: the loop that calls tools."""

from __future__ import annotations

from . import _calls, _waiting
from ._abi import EventType
from ._errors import CancelledError, ClosedError, InvalidArgumentError
from ._library import Handle, library, run_next_within, short
from ._records import parsed
from ._request import json_of, json_text_of
from ._stream import Functions, Stream, Texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping

    from ._cancel import Cancel
    from ._records import Event
    from ._response import Response
    from .types import BytesLike, Json

TEXT, ERROR, JSON = 0, 1, 2


class ToolError(Exception):
    """A tool failed: the message informs the model, and the run goes on."""


class Tool:
    """A function that the model may call, with the members of its input as keyword arguments.

    What it returns is the result: a str as text, and every other value as JSON. ToolError informs the model that it
    failed; every other exception ends the run, and leaves the loop, also an asyncio.CancelledError and that of a value
    that is not JSON. A lone surrogate in a result, or in the message of a ToolError, becomes "?". With `async for` it may
    be a coroutine function: the calls of a message then run at the same time in asyncio.
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

    __slots__ = ("_begun", "_cancel", "_due", "_over", "_raised", "_tools")

    _functions = Functions(
        library.bedrock_run_next,
        run_next_within,
        library.bedrock_run_fd,
        library.bedrock_run_cancel,
        library.bedrock_run_response,
        library.bedrock_waitset_add_run,
    )

    def __init__(self, handle: Handle, tools: Mapping[str, Tool], cancel: Cancel | None) -> None:
        """Model.run makes runs."""
        super().__init__(handle)
        self._tools = tools
        self._cancel = cancel
        # Whether the run has ended, or the program has ended it.
        self._over = False
        # The calls to do before the next event.
        self._due: list[Event] = []
        # What ends the calls that were begun.
        self._begun: list[Callable[[], object]] = []
        # What a call without a result has raised.
        self._raised: BaseException | None = None

    def __next__(self) -> Event:
        self._do_due()
        return self._noted(super().__next__())

    async def __anext__(self) -> Event:
        while self._due and not self._is_over():
            call = self._due.pop(0)
            try:
                self._begun.append(await _waiting.current().begin(self._work(call), self._fail))
            except BaseException:  # trio has done the call in this task, which was cancelled meanwhile
                self.cancel()
                raise
        try:
            return self._noted(await super().__anext__())
        except CancelledError:
            if self._raised is not None:
                raise self._raised from None
            raise
        finally:
            if self.ended or self.closed:
                self._end_calls()

    @property
    def text(self) -> Texts:
        """The pieces of the text of all rounds alone, for `for` and for `async for`."""
        return Texts(_Unseen(self))

    def read(self) -> Response:
        """Reads the rest, and returns the last message. Every tool that is called then needs a function."""
        for _ in _Unseen(self):
            pass
        return self.response

    async def aread(self) -> Response:
        """Reads the rest, and returns the last message. Every tool that is called then needs a function."""
        async for _ in _Unseen(self):
            pass
        return self.response

    def ready(self) -> Iterator[Event]:
        """Returns the events that have arrived, without waiting for more, and calls the tools.

        `ended` tells whether more can follow.
        """
        self._do_due()
        for event in super().ready():
            yield self._noted(event)
            self._do_due()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most so many seconds for the next event, a tool to call or the end. Returns whether there is one."""
        return bool(self._due) or super().wait(timeout)

    def result(self, tool_id: str, value: object) -> None:
        """Gives the result of a call of a tool without a function: a str as text, and every other value as JSON.

        A ToolError informs the model that the tool failed. A lone surrogate becomes "?". Any thread may give results.
        """
        kind, text = _encoded(value)
        number = short(tool_id, "the id of a tool call")
        _calls.done(library.bedrock_run_result, self._number, number, text, len(text), kind)

    def cancel(self) -> None:
        """Ends the run, and keeps what was read: the next read raises CancelledError, and no further tool is called."""
        self._over = True
        super().cancel()

    def close(self) -> None:
        """Ends the run, and its calls of coroutine functions. A thread or task that reads it gets CancelledError."""
        self._end_calls()
        super().close()

    # ---- inside

    def _is_over(self) -> bool:
        """Whether the program has ended the run, so that it wants no further call."""
        return self._over or (self._cancel is not None and self._cancel.fired)

    def _noted(self, event: Event) -> Event:
        if event.type is EventType.TOOL_CALL and event.tool_name in self._tools:
            self._due.append(event)
        return event

    def _do_due(self) -> None:
        """Does the calls, one after the other. Whatever is raised here ends the run: a call has no result."""
        try:
            while self._due and not self._is_over():
                call = self._due.pop(0)
                try:
                    value = self._called(call)
                except ToolError as error:
                    value = error.with_traceback(None)  # it would refer to this frame, and keep the run
                self._give(call.tool_id, value)
        except BaseException:
            self.cancel()
            raise

    def _work(self, call: Event) -> Callable[[], Coroutine[object, object, None]]:
        return lambda: self._do(call)

    async def _do(self, call: Event) -> None:
        # The program may have ended the run before the event loop began this.
        if self._is_over():
            return
        try:
            value = await _settled(self._called(call))
        except ToolError as error:
            value = error.with_traceback(None)  # it would refer to this frame, and keep the run
        self._give(call.tool_id, value)

    def _called(self, call: Event) -> object:
        return self._tools[call.tool_name].function(**_input(call))

    def _fail(self, error: BaseException) -> None:
        """Ends the run, whose reader then raises the error. A run that has ended has cancelled its calls itself."""
        if not self._over and self._raised is None:
            self._raised = error
        self.cancel()

    def _give(self, tool_id: str, value: object) -> None:
        try:
            self.result(tool_id, value)
        except (InvalidArgumentError, ClosedError):
            pass  # no call waits for it: the run has ended, or the program has given a result itself

    def _end_calls(self) -> None:
        self._over = True
        begun, self._begun = self._begun, []
        for end in begun:
            end()


class _Unseen:
    """The events of a run for a reader that shows the program no tool call, so that it cannot give the result."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def __iter__(self) -> _Unseen:
        return self

    def __next__(self) -> Event:
        return self._checked(next(self._run))

    def __aiter__(self) -> _Unseen:
        return self

    async def __anext__(self) -> Event:
        return self._checked(await self._run.__anext__())

    def _checked(self, event: Event) -> Event:
        if event.type is EventType.TOOL_CALL and event.tool_name not in self._run._tools:
            self._run.cancel()
            raise InvalidArgumentError(
                f"bedrock: the model calls the tool {event.tool_name!r}, which has no function. Give it one, or read "
                "the events of the run and give the results of TOOL_CALL with Run.result"
            )
        return event


def open_run(
    number: int | None,
    request: int | None,
    tools: Iterable[Tool | Mapping[str, object]] | None,
    options: Mapping[str, object],
    cancel: Cancel | None,
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
    fires = None if cancel is None else cancel._handle.number
    handle = _calls.made(library.bedrock_run_free, library.bedrock_run_open, number, request, text, len(text), fires)
    return Run(handle, functions, cancel)


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
    # The name of a file may have lone surrogates, for its bytes that are not UTF-8.
    if isinstance(value, ToolError):
        return ERROR, str(value).encode(errors="replace")
    if isinstance(value, str):
        return TEXT, value.encode(errors="replace")
    return JSON, json_text_of(value, _refuse).encode(errors="replace")


def _refuse(data: BytesLike) -> str:
    raise TypeError("libbedrock: bytes belong in a request, not in a run")
