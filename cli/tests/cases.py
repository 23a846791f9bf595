"""Cases, and what they check with."""

import base64
import shutil

CASES = []
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
# A reply of a script, with reasoning.
REASONING = {
    "message": {
        "role": "assistant",
        "content": [{"reasoningContent": {"reasoningText": {"text": "Let me think."}}}, {"text": "Done."}],
    }
}


class Skipped(Exception):
    """A tool is missing that a case needs."""


def case(function):
    """Makes a function a case. Its name is the promise that it tests."""
    CASES.append(function)
    return function


def equal(found, expected, *context):
    if found != expected:
        raise AssertionError("\n".join([f"found {found!r}", f"expected {expected!r}", *map(str, context)]))


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in\n{text}")


def texts(message):
    return [block["text"] for block in message["content"] if "text" in block]


def need(command):
    if not shutil.which(command):
        raise Skipped(f"{command} is not installed")
