"""Frames of an event stream, for the test servers in Python."""

import json
import struct
import zlib


def frame(headers, payload):
    """A frame. A header is its name, the number of its type, and its encoded value."""
    block = b"".join(bytes([len(name)]) + name.encode() + bytes([kind]) + value for name, kind, value in headers)
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head += struct.pack(">I", zlib.crc32(head))
    whole = head + block + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def text(name, value):
    """A header whose value is a text."""
    encoded = value.encode()
    return name, 7, struct.pack(">H", len(encoded)) + encoded


def event(name, payload, kind="event", indent=None):
    """The frame of an event, or with kind "exception" of an exception, as the service writes it."""
    headers = [text(f":{kind}-type", name), text(":content-type", "application/json"), text(":message-type", kind)]
    return frame(headers, json.dumps(payload, indent=indent).encode())


def chunk(data):
    """A chunk of a body with "transfer-encoding: chunked"."""
    return b"%x\r\n%b\r\n" % (len(data), data)
