"""Bedrock on loopback, as far as the programs of this folder need it. Prints its port, and serves until its stdin ends."""

import http.server
import json
import re
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/support"))
from event_stream import event

USAGE = {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21}


def content(request):
    """What the model responds to a conversation."""
    blocks = request["messages"][-1]["content"]
    text = " ".join(block.get("text", "") for block in blocks)
    if "umbrella" in text:
        return [{"toolUse": {"toolUseId": "call-1", "name": "weather", "input": {"city": "Oslo"}}}]
    for block in blocks:
        if "toolResult" in block:
            return [{"text": f"Take one: {block['toolResult']['content'][0]['text']}"}]
        if "image" in block:
            size = len(block["image"]["source"]["bytes"]) * 3 // 4
            return [{"text": f"A picture of {block['image']['format']}, about {size // 10 * 10} bytes."}]
    if "sky" in text:
        return [{"text": "Because air scatters blue light more than red."}]
    return [{"text": f"You wrote: {text}"}]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "no-such-model" in self.path:
            message = json.dumps({"message": "The provided model identifier is invalid."}).encode()
            self.respond(400, message, ("x-amzn-errortype", "ValidationException"))
        elif self.path.endswith("/invoke"):
            length = len(request["inputText"])
            self.respond(200, json.dumps({"embedding": [length / 4, -1, 0.5], "inputTextTokenCount": 2}).encode())
        elif self.path.endswith("/converse-stream"):
            self.respond(200, b"".join(self.events(content(request))), ("content-type", "application/vnd.amazon.eventstream"))
        else:
            blocks = content(request)
            self.respond(200, json.dumps({
                "output": {"message": {"role": "assistant", "content": blocks}},
                "stopReason": "tool_use" if "toolUse" in blocks[0] else "end_turn",
                "usage": USAGE, "metrics": {"latencyMs": 40},
            }).encode())

    def events(self, blocks):
        yield event("messageStart", {"role": "assistant"})
        for word in re.findall(r"\S+\s*", blocks[0]["text"]):
            yield event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}})
        yield event("contentBlockStop", {"contentBlockIndex": 0})
        yield event("messageStop", {"stopReason": "end_turn"})
        yield event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 40}})

    def respond(self, status, body, *headers):
        self.send_response(status)
        for name, value in (("content-length", len(body)), ("x-amzn-requestid", "00000000-0000-4000-8000-000000000000"), *headers):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
