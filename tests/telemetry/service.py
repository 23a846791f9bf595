"""A server that takes the place of Amazon Bedrock."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESPONSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "It scatters."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11},
    "metrics": {"latencyMs": 12},
}
REPLIES = [(503, {"message": "Busy"}), (200, RESPONSE), (400, {"message": "No"})]


class Service:
    """Is too busy for the first request, responds to the second, and refuses the third. `spans` are those that they name."""

    def __init__(self):
        self.spans = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):
                status, reply = REPLIES[len(self.spans)]
                self.spans.append(handler.headers["traceparent"])
                handler.rfile.read(int(handler.headers["Content-Length"]))
                body = json.dumps(reply).encode()
                handler.send_response(status)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
