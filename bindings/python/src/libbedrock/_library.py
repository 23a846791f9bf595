"""The shared library: where it is, and its functions."""

from __future__ import annotations

import ctypes
import os
import sys

from . import _abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Next = Callable[[object, int, object, object], int]

# These functions are called for each event, and never wait: stream_next, run_next and waitset_wait are called with a time limit
# of 0. The interpreter keeps its lock while they run, because with other threads at work each release of the lock can
# cost a switch of threads. The library calls nothing in Python, so it cannot wait for the lock.
QUICK = ("bedrock_stream_next", "bedrock_stream_fd", "bedrock_run_next", "bedrock_run_fd", "bedrock_waitset_wait")


def _candidates() -> list[str]:
    """Where the library may be, the first place first."""
    chosen = os.environ.get("LIBBEDROCK")
    if chosen:
        return [chosen]
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libbedrock.so")
    return [bundled, "libbedrock.so.0"] if os.path.exists(bundled) else ["libbedrock.so.0"]


def _load() -> tuple[str, ctypes.CDLL]:
    failures: list[str] = []
    for path in _candidates():
        try:
            return path, ctypes.CDLL(path)
        except OSError as error:
            failures.append(str(error))
    raise ImportError(
        f"libbedrock: the shared library cannot be loaded: {'; '.join(failures)}. Install a wheel of libbedrock, which "
        "has it inside, or set LIBBEDROCK to the path of libbedrock.so"
    )


def _bind() -> tuple[str, _abi.Functions, list[Next]]:
    path, releasing = _load()
    # PyPy has no lock that a call could keep.
    keeping = ctypes.PyDLL(path) if sys.implementation.name == "cpython" else releasing
    functions = _abi.Functions()
    try:
        for name, (result, parameters) in _abi.PROTOTYPES.items():
            function = getattr(keeping if name in QUICK else releasing, name)
            function.restype, function.argtypes = result, parameters
            setattr(functions, name, function)
    except AttributeError as error:
        raise ImportError(f"libbedrock: {path} is of another version: {error}") from None
    number = functions.bedrock_version_number()
    major, minor, _ = _abi.VERSION
    if (number >> 16, number >> 8 & 255) != (major, minor):
        raise ImportError(
            f"libbedrock: {path} is version {functions.bedrock_version().decode()}, and this package needs "
            f"{major}.{minor}. Install the package and the library of one version, or set LIBBEDROCK to another file"
        )
    waiting: list[Next] = []
    for name in ("bedrock_stream_next", "bedrock_run_next"):
        function = getattr(releasing, name)
        function.restype, function.argtypes = _abi.PROTOTYPES[name]
        waiting.append(function)
    return path, functions, waiting


# path: The file that was loaded. library: Its functions. next_within, run_next_within: bedrock_stream_next and
# bedrock_run_next with the lock of the interpreter released, for waits.
path, library, (next_within, run_next_within) = _bind()


class Handle:
    """Owns a handle of the library, and frees it with the last reference."""

    __slots__ = ("_free", "_owned")

    def __init__(self, free: Callable[[object], None], number: int | None = None) -> None:
        self._free, self._owned = free, ctypes.c_void_p(number)

    @property
    def number(self) -> int | None:
        """The handle. None before a function has made it."""
        return self._owned.value

    def out(self) -> object:
        """Returns the parameter by which a function of the library makes the handle.

        It is owned from then on: a signal handler that raises, which Python calls as soon as the function has returned,
        leaves nothing open.
        """
        return ctypes.byref(self._owned)

    def close(self) -> None:
        """Frees the handle. It keeps its number, with which every function of the library then fails.

        Freeing it twice does nothing.
        """
        self._free(self._owned)

    def __del__(self) -> None:
        self._free(self._owned)


def encoded(text: str, what: str) -> bytes:
    """Returns a text in UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"libbedrock: {what} has a character that UTF-8 cannot encode: {error}") from None


def short(text: str, what: str) -> bytes:
    """Returns a short text, which ends at its first NUL for the library."""
    if "\0" in text:
        raise ValueError(f"libbedrock: {what} has a NUL in it")
    return encoded(text, what)


def text_of(function: Callable[[object, object], int | None], number: object) -> str:
    """Calls a function that returns a text and its length."""
    length = ctypes.c_size_t()
    address = function(number, ctypes.byref(length))
    return ctypes.string_at(address, length.value).decode() if address is not None else ""
