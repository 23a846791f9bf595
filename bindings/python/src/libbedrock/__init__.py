"""Amazon Bedrock: `for` and `async for` over one Stream, on one shared library.

import libbedrock

model = libbedrock.Model("us.amazon.nova-micro-v1:0")
with model.stream("Why is the sky blue?") as stream:
    for text in stream.text:
        print(text, end="", flush=True)
"""

from ._abi import EventType, FeedType, Status, ToolCallKind
from ._cancel import Cancel
from ._errors import (
    AccessDeniedError,
    BusyError,
    CancelledError,
    ClosedError,
    ConfigError,
    ContextOverflowError,
    CredentialsError,
    Error,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    ModelError,
    NetworkError,
    NotFoundError,
    ProtocolError,
    QuotaError,
    RequestError,
    ResourceError,
    ServiceError,
    ThrottledError,
    TimeoutError,
    TruncatedError,
    ValidationError,
)
from ._feed import Feed, FeedItem, log_to
from ._model import Model
from ._process import live_handles, shutdown, version
from ._records import Event, Stats, ToolCall, Usage
from ._request import Request
from ._response import Response
from ._run import Run, Tool, ToolError
from ._stream import Stream, Texts
from ._waitset import WaitSet

__all__ = [
    "AccessDeniedError",
    "BusyError",
    "Cancel",
    "CancelledError",
    "ClosedError",
    "ConfigError",
    "ContextOverflowError",
    "CredentialsError",
    "Error",
    "Event",
    "EventType",
    "Feed",
    "FeedItem",
    "FeedType",
    "ForkedError",
    "InternalError",
    "InvalidArgumentError",
    "Model",
    "ModelError",
    "NetworkError",
    "NotFoundError",
    "ProtocolError",
    "QuotaError",
    "Request",
    "RequestError",
    "ResourceError",
    "Response",
    "Run",
    "ServiceError",
    "Stats",
    "Status",
    "Stream",
    "Texts",
    "ThrottledError",
    "TimeoutError",
    "Tool",
    "ToolCall",
    "ToolCallKind",
    "ToolError",
    "TruncatedError",
    "Usage",
    "ValidationError",
    "WaitSet",
    "live_handles",
    "log_to",
    "shutdown",
    "version",
]
__version__ = "0.1.0"
