#!/usr/bin/env python3
"""Decodes the recordings in this folder, without the library, and writes expected.json and frames.json.

expected.json has, for each recording by name, what the response holds. frames.json has frames of the event stream, good
and bad, made and read by this script. The tests compare what the library makes of the same bytes.
"""
import base64
import json
import pathlib
import struct
import sys
import zlib

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "support"))
from event_stream import frame, text

ENVELOPE = {
    "stop_reason": "stopReason", "usage": "usage", "metrics": "metrics", "trace": "trace",
    "additional_model_response_fields": "additionalModelResponseFields",
    "performance_config": "performanceConfig", "service_tier": "serviceTier",
}


def stream(events):
    """What a ConverseStream amounts to."""
    whole = {key: None for key in ENVELOPE} | {"role": None}
    blocks = {}
    for event in events:
        kind, payload = event["type"], event["payload"]
        if kind == "messageStart":
            whole["role"] = payload["role"]
        elif kind in ("messageStop", "metadata"):
            for key, member in ENVELOPE.items():
                whole[key] = payload.get(member, whole[key])
        elif kind.startswith("contentBlock"):
            block = blocks.setdefault(payload["contentBlockIndex"], {})
            if kind == "contentBlockStart":
                block.update(type="toolUse", input_text="", **payload["start"]["toolUse"])
            elif kind == "contentBlockDelta":
                add(block, payload["delta"])
    content = [finish(block) for _, block in sorted(blocks.items())]
    return summary(content, whole) | {"content": content} | whole


def add(block, delta):
    if "text" in delta:
        block["type"] = "text"
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["input_text"] += delta["toolUse"]["input"]
    elif "redactedContent" in delta["reasoningContent"]:
        block["type"] = "reasoningContent"
        block.setdefault("redacted_b64", []).append(delta["reasoningContent"]["redactedContent"])
    else:
        block["type"] = "reasoningContent"
        for key, text in delta["reasoningContent"].items():
            block[key] = block.get(key, "") + text


def finish(block):
    if block["type"] == "toolUse":
        block["input"] = json.loads(block["input_text"] or "{}")
    return block


def summary(content, envelope):
    def joined(kind):
        return "".join(block.get("text", "") for block in content if block["type"] == kind)

    calls = [{key: block[key] for key in ("toolUseId", "name", "input")} for block in content if block["type"] == "toolUse"]
    return {"text": joined("text"), "reasoning_text": joined("reasoningContent"), "tool_calls": calls,
            "stop_reason": envelope["stop_reason"], "usage": envelope["usage"]}


def unary(response):
    """The blocks of a response of Converse, in the shape of a stream's."""
    content = []
    for block in response["output"]["message"]["content"]:
        (kind, value), = block.items()
        if kind == "text":
            content.append({"type": "text", "text": value})
        elif kind == "toolUse":
            content.append({"type": "toolUse"} | value)
        else:
            content.append({"type": kind} | value["reasoningText"])
    return summary(content, {"stop_reason": response["stopReason"], "usage": response["usage"]})


def expected(interaction):
    """None for a stream that fails or is cut."""
    response = interaction["response"]
    operation = interaction["request"]["path"].rsplit("/", 1)[-1]
    events = response.get("events")
    if events is not None and ("ended" in response or any("type" not in event for event in events)):
        return None
    if response["status"] != 200:
        code = next(value for key, value in response["headers"].items() if key.lower() == "x-amzn-errortype")
        return {"error": {"code": code.split(":")[0], "message": response["body"]["message"]}}
    if operation == "converse":
        return {"summary": unary(response["body"])}
    if events is None:
        return {}
    named = [{"event_type": event["type"], "payload": event["payload"]} for event in events]
    decoded = {"event_count": len(events), "events": named}
    return decoded | ({"accumulated": stream(events)} if operation == "converse-stream" else {})


def vectors():
    error = [text(":error-code", "internalError"), text(":error-message", "An internal server error occurred."),
             text(":message-type", "error")]
    values = [("yes", 0, b""), ("no", 1, b""), ("byte", 2, b"\xff"), ("short", 3, struct.pack(">h", -2)),
              ("int", 4, struct.pack(">i", 70000)), ("long", 5, struct.pack(">q", -(1 << 40))),
              ("bytes", 6, struct.pack(">H", 2) + b"\x00\xff"), ("time", 8, struct.pack(">q", 1700000000123)),
              ("uuid", 9, bytes(range(16)))]
    shown = {"yes": True, "no": False, "byte": -1, "short": -2, "int": 70000, "long": -(1 << 40),
             "bytes": {"$b64": b64(b"\x00\xff")}, "time": 1700000000123, "uuid": {"$b64": b64(bytes(range(16)))}}
    good = {
        "EMPTY": ([], {}, b""),
        "PAYLOAD_ALONE": ([], {}, b"{'foo':'bar'}"),
        "ERROR_EVENT_MESSAGE": (error, {name: value[2:].decode() for name, _, value in error}, b""),
        "EVERY_TYPE": (values, shown, b"payload"),
    }
    whole = frame([text(":message-type", "event")], b"{}")

    def changed(at, bytes_=whole):
        return bytes_[:at] + bytes([bytes_[at] ^ 1]) + bytes_[at + 1:]

    bad = {
        "WRONG_LENGTH": changed(3), "WRONG_PRELUDE_CHECKSUM": changed(8), "WRONG_HEADER": changed(14),
        "WRONG_PAYLOAD": changed(len(whole) - 5), "WRONG_MESSAGE_CHECKSUM": changed(len(whole) - 1),
        "UNKNOWN_TYPE": frame([("a", 10, b"")], b""), "EMPTY_NAME": frame([("", 0, b"")], b""),
        "HEADER_CUT_OFF": frame([("a", 7, struct.pack(">H", 9) + b"short")], b""),
        "HEADERS_TOO_LONG": resized(whole, 4, 1000), "TOO_SHORT": resized(whole, 0, 15),
        "TWICE": frame([("a", 0, b""), ("a", 0, b"")], b""), "NO_UTF8": frame([("a", 7, b"\x00\x01\xff")], b""),
    }
    for name, (headers, expect, payload) in good.items():
        yield {"name": name, "bytes_b64": b64(frame(headers, payload)), "valid": True,
               "expect": {"headers": expect, "payload_b64": b64(payload)}}
    for name, bytes_ in bad.items():
        yield {"name": name, "bytes_b64": b64(bytes_), "valid": False}


def resized(bytes_, at, number):
    """The frame with another number in its prelude, whose checksum is right."""
    head = bytearray(bytes_[:8])
    head[at:at + 4] = struct.pack(">I", number)
    return bytes(head) + struct.pack(">I", zlib.crc32(head)) + bytes_[12:]


def b64(bytes_):
    return base64.b64encode(bytes_).decode()


def write(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


decoded = {}
for file in sorted(FOLDER.glob("*.json")):
    if file.name not in ("expected.json", "frames.json"):
        interaction, = json.loads(file.read_text())["interactions"]
        result = expected(interaction)
        if result is not None:
            decoded[file.stem] = result
write("expected.json", decoded)
write("frames.json", {"cases": list(vectors())})
