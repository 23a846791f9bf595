"""Requests, with their conversations."""

from __future__ import annotations

from . import _calls
from ._errors import InvalidArgumentError, RequestError
from ._library import Handle, encoded, library, short
from ._records import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._model import Model
    from ._response import Response
    from .types import BytesLike, Json, RequestLike

INLINE, BY_NAME = 0, 1


class Request:
    """A request, with its conversation. Methods that change it return it, so that they can be chained.

    A call takes a copy when it begins, so a request may be changed and used again while calls run. Any thread may use
    it.
    """

    __slots__ = ("__weakref__", "_attached", "_handle")

    _handle: Handle
    # How many names of its own this request has tried for bytes.
    _attached: int

    def __init__(self, content: RequestLike = "") -> None:
        """Makes a request of a question, of members of the Converse API, of messages, or of another request.

        Bytes inside of members are attached.
        """
        self._attached = 0
        if isinstance(content, Request):
            self._attached = content._attached
            self._handle = content._cloned()
        elif isinstance(content, str):
            self._handle = _made(None)
            self.user(content)
        else:
            found: list[BytesLike] = []

            def attached(data: BytesLike) -> str:
                found.append(data)
                return f"bytes-{len(found)}"

            self._handle = _made(
                json_of({"messages": content} if isinstance(content, (list, tuple)) else content, attached)
            )
            for data in found:
                self._attached += 1
                self.attach(f"bytes-{self._attached}", data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Request:
        """Makes a request of JSON text, which is sent as it is written. `Request.json` saves one."""
        request = cls.__new__(cls)
        request._attached = 0
        request._handle = _made(encoded(text, "the request") if isinstance(text, str) else text)
        return request

    def user(self, text: str) -> Request:
        """Adds text of the user. Blank text is not added."""
        return self.text("user", text)

    def assistant(self, text: str) -> Request:
        """Adds text of the assistant."""
        return self.text("assistant", text)

    def system(self, text: str) -> Request:
        """Adds text to the system prompt."""
        return self.text("system", text)

    def text(self, role: str, text: str) -> Request:
        """Adds text of a role: "user", "assistant" or "system". It joins the last message if that has the same role."""
        data = encoded(text, "the text")
        return self._change(library.bedrock_request_add_text, short(role, "the role"), data, len(data))

    def message(self, message: Mapping[str, object] | str) -> Request:
        """Adds a message of Converse or of chat completions. A str is JSON text. Bytes inside are attached."""
        return self._change(library.bedrock_request_add_message, *self._json(message))

    def add(self, response: Response) -> Request:
        """Adds the message of a response, in the form in which the service accepts it."""
        if response._handle is None:
            raise InvalidArgumentError(
                "bedrock: a response that comes from a pickle cannot be added. Add its message: "
                "request.message(response.message)"
            )
        return self._change(library.bedrock_request_add_response, response._handle.number)

    def tool_result(self, tool_use_id: str, content: str, *, error: bool = False) -> Request:
        """Adds the result of a tool. `error` informs the model that the tool failed."""
        data = encoded(content, "the result")
        return self._change(
            library.bedrock_request_add_tool_result, short(tool_use_id, "the id"), data, len(data), int(error)
        )

    def image(self, data: BytesLike, *, format: str | None = None, role: str = "user") -> Request:
        """Adds an image. `format` is "png", "jpeg", "gif", "webp" or a MIME type; without it the bytes show it."""
        return self._change(
            library.bedrock_request_add_image,
            short(role, "the role"),
            _optional(format, "the format"),
            *_bytes(data),
            None,
            None,
        )

    def document(
        self, data: BytesLike, *, name: str | None = None, format: str | None = None, role: str = "user"
    ) -> Request:
        """Adds a document. The model knows it by `name`. If that is the name of a file, its ending shows the format."""
        return self._change(
            library.bedrock_request_add_document,
            short(role, "the role"),
            _optional(format, "the format"),
            _optional(name, "the name"),
            *_bytes(data),
            None,
            None,
        )

    def attach(self, name: str, data: BytesLike) -> Request:
        """Attaches a copy of bytes, to which members refer as "@name" wherever they would hold base64."""
        return self._change(library.bedrock_request_attach, short(name, "the name"), *_bytes(data), None, None)

    def set(self, members: Mapping[str, object] | str) -> Request:
        """Replaces top-level members, and adds those that are not there. None removes a member. A str is JSON text."""
        return self._change(library.bedrock_request_set, *self._json(members))

    def traceparent(self, traceparent: str | None) -> Request:
        """Makes calls with this request part of a trace: the text of the header traceparent. None removes it."""
        return self._change(library.bedrock_request_set_traceparent, _optional(traceparent, "traceparent"))

    def remove(self, member: str) -> Request:
        """Removes a top-level member, such as "system"."""
        return self._change(library.bedrock_request_remove, short(member, "the member"))

    def remove_messages(self, first: int, count: int = 1) -> Request:
        """Removes messages. The oldest has index 0. Remove a tool call and its result together."""
        if first < 0 or count < 0:
            raise InvalidArgumentError("bedrock: an index and a count are not negative")
        return self._change(library.bedrock_request_remove_messages, first, count)

    def trim(self, max_messages: int) -> Request | None:
        """Shortens the conversation to at most so many messages, and keeps it valid.

        Returns a copy of the request with the removed messages alone, or None if none were removed.
        """
        if max_messages < 0:
            raise InvalidArgumentError("bedrock: a count is not negative")
        removed = Handle(library.bedrock_request_free)
        self._change(library.bedrock_request_trim, max_messages, removed.out())
        if removed.number is None:
            return None
        request = Request.__new__(Request)
        request._attached, request._handle = self._attached, removed
        return request

    def __len__(self) -> int:
        """The number of messages. The system prompt is not one of them."""
        return library.bedrock_request_message_count(self._handle.number)

    def __bool__(self) -> bool:
        return True

    def json(self, *, attachments: str = "inline") -> str:
        """Returns the request as JSON, to save it: Request.from_json makes the same request of it.

        Attachments are in it as base64 ("inline"), or as "@name" ("by_name"); attach those again.
        """
        if attachments not in ("inline", "by_name"):
            raise InvalidArgumentError(f'bedrock: attachments is "inline" or "by_name", not {attachments!r}')
        return self._borrowed(library.bedrock_request_json, BY_NAME if attachments == "by_name" else INLINE)

    def body(self, model: Model) -> str:
        """Returns the exact body that a call with this model would send."""
        return self._borrowed(library.bedrock_request_body, model._number())

    def diff(self, other: Request, model: Model) -> dict[str, Json] | None:
        """Finds the first place where the bodies differ that two requests would send with this model.

        Returns None if they are equal, else "pointer" (the JSON pointer), "offset" (how many bytes both begin with), and
        "a" and "b": what this and the other body have there, if they have anything.
        """
        # As in _borrowed: a copy, whose text no other thread replaces.
        copy = self._cloned()
        text = _calls.text_made(library.bedrock_request_diff, copy.number, other._handle.number, model._number())
        difference = parsed(text) if text else None
        return difference if isinstance(difference, dict) else None

    def copy(self) -> Request:
        """Returns an independent copy, to undo a failed turn or to branch. It shares texts and attachments."""
        return Request(self)

    def close(self) -> None:
        """Frees the request. Running calls keep what they need."""
        self._handle.close()

    def __copy__(self) -> Request:
        return Request(self)

    def __deepcopy__(self, memo: object) -> Request:
        return Request(self)

    def __reduce__(self) -> tuple[object, ...]:
        return Request.from_json, (self.json(),)

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _change(self, function: Callable[..., int], *arguments: object) -> Request:
        _calls.done(function, self._handle.number, *arguments)
        return self

    def _cloned(self) -> Handle:
        return _calls.made(library.bedrock_request_free, library.bedrock_request_clone, self._handle.number)

    def _borrowed(self, function: Callable[..., int | None], argument: object) -> str:
        # The text lives until another thread calls the same function on the same request, so this calls it on a copy.
        copy = self._cloned()
        return _calls.text_made(function, copy.number, argument)

    def _json(self, members: Mapping[str, object] | str) -> tuple[bytes, int]:
        def attached(data: BytesLike) -> str:
            while True:
                self._attached += 1
                try:
                    self.attach(f"bytes-{self._attached}", data)
                except RequestError:
                    continue  # the program uses this name
                return f"bytes-{self._attached}"

        text = encoded(members, "the JSON") if isinstance(members, str) else json_of(members, attached)
        return text, len(text)


def json_of(value: object, attached: Callable[[BytesLike], str]) -> bytes:
    """Writes JSON. `attached` receives bytes, which JSON cannot hold, and returns their name as an attachment."""
    return encoded(json_text_of(value, attached), "the JSON")


def json_text_of(value: object, attached: Callable[[BytesLike], str]) -> str:
    """Does what json_of does, before the text is encoded."""
    import json

    def default(other: object) -> str:
        if isinstance(other, (bytes, bytearray)):
            return "@" + attached(other)
        if isinstance(other, memoryview):
            return "@" + attached(other.tobytes())
        raise TypeError(f"libbedrock: JSON cannot hold a {type(other).__name__}")

    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)


def _bytes(data: BytesLike) -> tuple[bytes, int]:
    whole = data if isinstance(data, bytes) else memoryview(data).tobytes()
    return whole, len(whole)


def _optional(text: str | None, what: str) -> bytes | None:
    return None if text is None else short(text, what)


def _made(text: bytes | None) -> Handle:
    return _calls.made(library.bedrock_request_free, library.bedrock_request_new, text, len(text or b""))
