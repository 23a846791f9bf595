"""What the library raises."""

from __future__ import annotations

import builtins

from ._abi import Status
from ._library import library, text_of
from ._records import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._response import Response
    from .types import Json


class Error(Exception):
    """A failure. `str(error)` is one line: what was being done, what happened and, if it is known, what to do next."""

    #: The status of the library. Each class below has its own.
    status: Status = Status.INTERNAL

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        path: str = "",
        request_id: str = "",
        http_status: int = 0,
        retryable: bool = False,
        retry_after: float | None = None,
        attempts: int = 0,
        raw: str = "",
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        #: The service's name for the failure, such as "ThrottlingException", or "".
        self.code = code
        #: A JSON pointer to the member of the config or request that caused the failure, or "".
        self.path = path
        #: The service's id of the request, which AWS support asks for, or "".
        self.request_id = request_id
        #: The HTTP status of the response that failed, or 0.
        self.http_status = http_status
        #: Whether the same call may succeed later. The library has made its own retries before.
        self.retryable = retryable
        #: How many seconds the service asks to wait before the next call, or None.
        self.retry_after = retry_after
        #: How many attempts the call made, retries included.
        self.attempts = attempts
        #: The service's failure as JSON, byte for byte as it came, or "".
        self.raw = raw
        #: The part of the response that had arrived, or None.
        self.response = response

    def json(self) -> Json:
        """Reads `raw`. None if the service gave no JSON."""
        return parsed(self.raw) if self.raw else None

    # Exception's own way calls the class with args alone. All members are in __dict__, which it restores.
    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.args, self.__dict__


class InvalidArgumentError(Error, ValueError):
    """An argument is wrong: an index that is too large, an unknown operation."""

    status = Status.INVALID_ARGUMENT


class ClosedError(Error, ValueError):
    """The object was closed."""

    status = Status.BAD_HANDLE


class BusyError(Error, RuntimeError):
    """Another thread or task reads the stream or waits for the waiting set, or the stream is in a waiting set."""

    status = Status.BUSY


class ConfigError(Error, ValueError):
    """The config, a variable or a file of AWS is wrong, or a script or a replay holds no response to the request."""

    status = Status.CONFIG


class RequestError(Error, ValueError):
    """The library refused the request before sending it. `path` points to the reason."""

    status = Status.REQUEST


class CredentialsError(Error):
    """No credentials were found, they have expired, or their provider failed."""

    status = Status.CREDENTIALS


class AccessDeniedError(Error, PermissionError):
    """The credentials are wrong, or do not permit this call."""

    status = Status.ACCESS_DENIED


class NotFoundError(Error):
    """The service has no such model or resource."""

    status = Status.NOT_FOUND


class ValidationError(Error):
    """The service refused the request."""

    status = Status.VALIDATION


class ContextOverflowError(ValidationError):
    """The service refused the request because the input is too long."""

    status = Status.CONTEXT_OVERFLOW


class ThrottledError(Error):
    """Too many requests or tokens."""

    status = Status.THROTTLED


class QuotaError(Error):
    """The account's quota is used up."""

    status = Status.QUOTA


class ModelError(Error):
    """The model failed, took too long or is not ready."""

    status = Status.MODEL


class ServiceError(Error):
    """The service failed."""

    status = Status.SERVICE


class NetworkError(Error, ConnectionError):
    """The host name was not resolved, or connecting or TLS failed, or the connection failed."""

    status = Status.NETWORK


class TimeoutError(Error, builtins.TimeoutError):
    """A timer ran out. The message names the timer and its setting."""

    status = Status.TIMEOUT


class TruncatedError(NetworkError):
    """The connection of a stream ended before the response was complete."""

    status = Status.TRUNCATED


class ProtocolError(Error):
    """The bytes that arrived are not a valid response, or are more than max_answer."""

    status = Status.PROTOCOL


class CancelledError(Error):
    """A cancel was fired, the stream was closed while it was read, or the library was shut down."""

    status = Status.CANCELLED


class ForkedError(Error, RuntimeError):
    """The stream or request was made before fork(), and this process is the child."""

    status = Status.FORKED


class InternalError(Error):
    """A bug in the library. The process is unharmed."""

    status = Status.INTERNAL


class ResourceError(Error):
    """The process has no descriptors, threads, handles or memory left, or a recording cannot be written."""

    status = Status.RESOURCE


def _classes(base: type[Error]) -> list[type[Error]]:
    return [found for cls in base.__subclasses__() for found in (cls, *_classes(cls))]


CLASSES = {cls.status: cls for cls in _classes(Error)}


def of_status(status: int, message: str = "") -> Error:
    """Makes the error of a function that gives no more than a status."""
    name = library.bedrock_status_name(status).decode()
    return CLASSES[Status(status)](f"bedrock: {message}" if message else name)


def taken(status: int, number: int | None) -> Error:
    """Makes an exception of an error of the library, and frees the error."""
    if number is None:
        return of_status(status)
    try:
        wait = library.bedrock_error_retry_after(number)
        return CLASSES[Status(status)](
            library.bedrock_error_message(number).decode(),
            code=library.bedrock_error_code(number).decode(),
            path=library.bedrock_error_path(number).decode(),
            request_id=library.bedrock_error_request_id(number).decode(),
            http_status=library.bedrock_error_http_status(number),
            retryable=library.bedrock_error_retryable(number) != 0,
            retry_after=wait / 1000 if wait >= 0 else None,
            attempts=library.bedrock_error_attempts(number),
            raw=text_of(library.bedrock_error_json, number),
        )
    finally:
        library.bedrock_error_free(number)
