"""Calls functions of the library that report a failure by an error in their last argument."""

from __future__ import annotations

from ctypes import byref, c_size_t, c_void_p, string_at

from ._abi import Status
from ._errors import taken
from ._library import Handle, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def done(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function that returns no more than a status. Raises its failure."""
    error = c_void_p()
    status = function(*arguments, byref(error))
    if status < 0:
        raise taken(status, error.value)


def made(free: Callable[[object], None], function: Callable[..., int], *arguments: object) -> Handle:
    """Calls a function that makes a handle. `free` frees the handle."""
    handle = Handle(free)
    done(function, *arguments, handle.out())
    return handle


def text_made(function: Callable[..., int | None], *arguments: object) -> str:
    """Calls a function that returns a text and its length, or NULL and an error."""
    length, error = c_size_t(), c_void_p()
    address = function(*arguments, byref(length), byref(error))
    if address is None:
        status = library.bedrock_error_status(error)
        raise taken(status if status < 0 else Status.INTERNAL, error.value)
    return string_at(address, length.value).decode()
