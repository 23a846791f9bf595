"""Models."""

from __future__ import annotations

import _thread
import os
from ctypes import byref, c_size_t, create_string_buffer

from . import _calls, _waiting
from ._cancel import Cancel
from ._library import Handle, encoded, library, short, text_of
from ._records import Stats, Usage, parsed
from ._request import Request, json_of
from ._response import Response, stats_of, usage_of
from ._run import Run, Tool, open_run
from ._stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Unpack

    from .types import BytesLike, Config, Json, RequestLike

# Only one thread of a child process makes a model anew. A derived model makes the one that it is derived from anew too.
_remaking = _thread.RLock()


def _after_fork_in_child() -> None:
    global _remaking
    _remaking = _thread.RLock()  # a thread of the parent may have held it


os.register_at_fork(after_in_child=_after_fork_in_child)


class Model:
    """A model, ready to be called, by any number of threads and tasks at once.

    To make one starts no thread and opens no connection: the first call does. A model that was made before fork() makes
    itself anew in the child, from the same config, when it is used there.
    """

    __slots__ = ("__weakref__", "_closed", "_config", "_credentials", "_handle", "_parent", "_process", "id")

    #: The model id of all requests that name no other.
    id: str
    _handle: Handle
    # The config, or the defaults of a derived model, as JSON.
    _config: bytes
    # What set_credentials has replaced the credentials of the config by, as JSON. Of a model that is not derived.
    _credentials: bytes | None
    # The model that this one is derived from.
    _parent: Model | None
    # The id of the process that has made the handle.
    _process: int
    _closed: bool

    def __init__(self, model: str, **config: Unpack[Config]) -> None:
        """Makes a model of a model id, an inference profile id or an ARN. `types.Config` has the keys of the config.

        An unknown key, or a value that is wrong, is a ConfigError with a path.
        """
        self._make(_json({"model": model, **config}), None)

    @classmethod
    def from_config(cls, config: Mapping[str, object] | str | bytes) -> Model:
        """Makes a model of a config with all keys, "model" among them: members, or JSON text."""
        model = cls.__new__(cls)
        if isinstance(config, str):
            model._make(encoded(config, "the config"), None)
        else:
            model._make(config if isinstance(config, bytes) else _json(config), None)
        return model

    def with_(self, defaults: Mapping[str, object] | str | None = None, **members: object) -> Model:
        """Derives a model that adds members to every request: inferenceConfig, system, toolConfig, timeout and so on.

        It shares connections, credentials and max_concurrency. It is cheap: derive one to give a call its own deadline.
        """
        text = (
            encoded(defaults, "the defaults") if isinstance(defaults, str) else _json({**(defaults or {}), **members})
        )
        model = type(self).__new__(type(self))
        model._make(text, self)
        return model

    # ---- calls

    def generate(self, request: RequestLike, *, cancel: Cancel | None = None) -> Response:
        """Sends a request, and waits for the complete response."""
        return self.call("Converse", request, cancel=cancel)

    async def agenerate(self, request: RequestLike, *, cancel: Cancel | None = None) -> Response:
        """Sends a request, and waits for the complete response, while other tasks run."""
        return await self.acall("Converse", request, cancel=cancel)

    def stream(self, request: RequestLike, *, cancel: Cancel | None = None) -> Stream:
        """Opens a stream, without waiting for the network."""
        made = _request(request)
        return self._opened(library.bedrock_stream_open, made._handle.number, _number(cancel))

    def run(
        self,
        request: RequestLike,
        tools: Iterable[Tool | Mapping[str, object]] | None = None,
        *,
        max_rounds: int | None = None,
        total: str | None = None,
        cancel: Cancel | None = None,
    ) -> Run:
        """Opens a run: the model is asked, tools are called, results are added, until the model stops.

        Give a Request: each complete round is added to it. `tools` are functions, or declarations as in a request, to
        whose calls the program gives results with Run.result. Without `tools` the request and the model declare them.
        `max_rounds` limits how often the model is asked (20), `total` the time of the run ("5m").
        """
        options = {"max_rounds": max_rounds, "total": total}
        given = {key: value for key, value in options.items() if value is not None}
        made = _request(request)
        return open_run(self._number(), made._handle.number, tools, given, cancel)

    def call(
        self, operation: str, request: RequestLike | None = None, *, cancel: Cancel | None = None, **members: object
    ) -> Response:
        """Calls an operation of the Bedrock runtime by its name, and waits for the complete response."""
        with self.call_stream(operation, request, cancel=cancel, **members) as stream:
            return stream.read()

    async def acall(
        self, operation: str, request: RequestLike | None = None, *, cancel: Cancel | None = None, **members: object
    ) -> Response:
        """Calls an operation by its name, and waits for the complete response, while other tasks run."""
        with self.call_stream(operation, request, cancel=cancel, **members) as stream:
            return await stream.aread()

    def call_stream(
        self, operation: str, request: RequestLike | None = None, *, cancel: Cancel | None = None, **members: object
    ) -> Stream:
        """Opens a call of an operation, without waiting for the network.

        The stream of an operation that does not stream has no events.
        """
        made = _request({} if request is None else request)
        if members:
            made = (made.copy() if made is request else made).set(members)
        name = short(operation, "the operation")
        return self._opened(library.bedrock_call_open, name, made._handle.number, _number(cancel))

    def connect(self, timeout: float | None = None, *, cancel: Cancel | None = None) -> None:
        """Makes a connection ready ahead of the first call, within so many seconds."""
        mine = Cancel() if cancel is None else cancel
        ended = _thread.allocate_lock()
        ended.acquire()
        failures: list[Exception] = []

        def run() -> None:
            try:
                self._connect(timeout, mine)
            except Exception as error:
                failures.append(error)
            finally:
                ended.release()

        # On a thread, because a signal does not end a function of the library. It does end the wait for a lock.
        try:
            _thread.start_new_thread(run, ())
            ended.acquire()
        except BaseException:
            if cancel is None:
                mine.fire()
            raise
        if failures:
            raise failures.pop()

    async def aconnect(self, timeout: float | None = None, *, cancel: Cancel | None = None) -> None:
        """Makes a connection ready ahead of the first call, within so many seconds, while other tasks run."""
        mine = Cancel() if cancel is None else cancel
        abandoned = mine.fire if cancel is None else _nothing
        await _waiting.current().in_thread(lambda: self._connect(timeout, mine), abandoned)

    def set_credentials(self, credentials: Mapping[str, str] | str) -> None:
        """Replaces what authorizes the calls of this model and of all models that share its connections.

        `credentials` has keys of the config: `bearer_token`, or `api_key` with `secret_key` and `session_token`, or
        `profile`. An empty one is the environment. Calls that run go on: their next attempt uses the new credentials.
        """
        first = self
        while first._parent is not None:
            first = first._parent
        text = encoded(credentials, "the credentials") if isinstance(credentials, str) else _json(credentials)
        _set_credentials(self._number(), text)
        first._credentials = text

    def api_key(self, seconds: int = 43200, *, cancel: Cancel | None = None) -> str:
        """Makes a short-term Bedrock API key of the credentials of the model, valid for so many seconds, a secret.

        It is signed here, and nothing is sent for it. Credentials that have to be fetched first are waited for.
        """
        length = c_size_t(4096)
        while True:
            key = create_string_buffer(length.value + 1)
            # ctypes would cut off the higher bits of a larger number.
            arguments = max(-1, min(seconds, 2**31 - 1)), _number(cancel), key, len(key), byref(length)
            _calls.done(library.bedrock_model_api_key, self._number(), *arguments)
            if length.value < len(key):
                return key.value.decode()

    @property
    def usage(self) -> Usage:
        """The tokens that all calls of this model, and of the models derived from it, have used so far."""
        return usage_of(library.bedrock_model_usage, self._number())

    @property
    def stats(self) -> Stats:
        """How the calls of this model, and of all that share its limits, run and wait now."""
        return stats_of(self._number())

    def settings(self) -> Json:
        """Returns the settings that calls of this model use, each with its source: region, endpoint, credentials.

        Nothing is fetched and nothing is sent, and the result holds no secret.
        """
        return parsed(_calls.text_made(library.bedrock_model_settings, self._number()))

    # ---- the object

    def close(self) -> None:
        """Frees the model. Running calls, and models derived from it, keep what they need."""
        self._closed = True
        self._handle.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Model({self.id!r})"

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: object) -> Model:
        return self

    # For multiprocessing. The pickle holds the config, with its keys and tokens.
    def __reduce__(self) -> tuple[object, ...]:
        if self._parent is None:
            return type(self).from_config, (self._config,)
        return type(self).with_, (self._parent, self._config.decode())

    # ---- inside

    def _make(self, config: bytes, parent: Model | None) -> None:
        self._config, self._credentials, self._parent, self._closed = config, None, parent, False
        self._process, self._handle = os.getpid(), _made(config, parent)
        self.id = text_of(library.bedrock_model_id, self._handle.number)

    def _number(self) -> int | None:
        """Returns the number of a handle of this process."""
        if self._process != os.getpid() and not self._closed:
            with _remaking:
                if self._process != os.getpid():
                    self._handle = _made(self._config, self._parent)
                    if self._credentials is not None:
                        _set_credentials(self._handle.number, self._credentials)
                    self._process = os.getpid()
        return self._handle.number

    def _opened(self, function: Callable[..., int], *arguments: object) -> Stream:
        return Stream(_calls.made(library.bedrock_stream_free, function, self._number(), *arguments))

    def _connect(self, timeout: float | None, cancel: Cancel) -> None:
        limit = -1 if timeout is None else round(max(timeout, 0) * 1000)
        _calls.done(library.bedrock_model_connect, self._number(), cancel._handle.number, limit)


def _made(config: bytes, parent: Model | None) -> Handle:
    free = library.bedrock_model_free
    if parent is None:
        return _calls.made(free, library.bedrock_model_new, config, len(config))
    return _calls.made(free, library.bedrock_model_with, parent._number(), config, len(config))


def _set_credentials(model: int | None, text: bytes) -> None:
    _calls.done(library.bedrock_model_set_credentials, model, text, len(text))


def _nothing() -> None:
    pass


def _number(cancel: Cancel | None) -> int | None:
    return None if cancel is None else cancel._handle.number


def _json(members: Mapping[str, object]) -> bytes:
    def refuse(data: BytesLike) -> str:
        raise TypeError("libbedrock: bytes belong in a request, not in a model")

    return json_of(members, refuse)


def _request(content: RequestLike) -> Request:
    return content if isinstance(content, Request) else Request(content)
