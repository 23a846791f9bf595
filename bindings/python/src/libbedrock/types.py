"""Types for annotations. `import libbedrock` does not import this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Dict, List, Literal, TypedDict, Union

from ._request import Request

__all__ = [
    "BytesLike",
    "Cache",
    "Config",
    "Fallback",
    "Hedge",
    "Json",
    "Limits",
    "RequestLike",
    "Retry",
    "Throttling",
    "Timeouts",
    "Transport",
]

#: A value of JSON.
Json = Union[None, bool, int, float, str, List["Json"], Dict[str, "Json"]]

#: What a call accepts: a question, the members of a request, a list of messages, or a Request. Bytes inside of members
#: are attached.
RequestLike = Union[str, Mapping[str, object], Sequence[Mapping[str, object]], Request]

#: Bytes of an image or a document.
BytesLike = Union[bytes, bytearray, "memoryview[int]"]


class Timeouts(TypedDict, total=False):
    """The timers, as durations such as "30s". README.md of the library describes each."""

    connect: str
    first_event: str
    idle: str
    total: str
    queue: str


class Throttling(TypedDict):
    """How long a throttled call is tried again, beyond max_attempts."""

    max_elapsed: str


class Retry(TypedDict, total=False):
    """How failed attempts are repeated."""

    max_attempts: int
    mode: Literal["standard", "adaptive"]
    max_backoff: str
    throttling: Throttling


class Fallback(TypedDict, total=False):
    """Another target for a call: a model, a region or an endpoint, and members that replace the request's."""

    model: str
    region: str
    base_url: str
    request: Mapping[str, Json]


class Hedge(TypedDict):
    """When the next target is called beside one that is slow."""

    after: str


class Limits(TypedDict, total=False):
    """The quota of a minute."""

    requests_per_minute: int
    tokens_per_minute: int
    adaptive: bool


class Cache(TypedDict, total=False):
    """Where cache points are added to the requests of Converse, and how long the service keeps what is before them."""

    points: Sequence[Literal["system", "tools", "last_user"]]
    ttl: Literal["5m", "1h"]


class Transport(TypedDict, total=False):
    """What takes the place of the network, for tests; or the file in which calls are recorded."""

    replies: Sequence[object]
    repeat: bool
    record: str
    replay: str
    timing: Literal["at_once", "recorded"]


class Config(TypedDict, total=False):
    """The keys of a model's config, besides `model`. README.md of the library describes each."""

    region: str
    api_key: str
    secret_key: str
    session_token: str
    bearer_token: str
    bearer_token_file: str
    auth: Literal["auto", "sigv4", "bearer"]
    profile: str
    role_arn: str
    role_session_name: str
    external_id: str
    base_url: str
    allow_http: bool
    timeout: str
    timeouts: Timeouts
    retry: Retry
    cache: Cache
    fallbacks: List[Fallback]
    fallback_on: List[Literal["access_denied", "context_overflow", "not_found", "validation"]]
    cooldown: str
    hedge: Hedge
    max_concurrency: int
    max_queue: int
    limits: Limits
    max_answer: int
    keep_answer: bool
    read_ahead: Union[int, str]
    ca_file: str
    proxy: str
    http_version: Literal["auto", "1.1", "2"]
    fips: bool
    dual_stack: bool
    user_agent: str
    defaults: Mapping[str, object]
    lint: Literal["error", "off"]
    transport: Transport
    options: Mapping[str, object]
