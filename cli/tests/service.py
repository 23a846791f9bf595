"""A small Bedrock on the loopback interface."""

import http.server
import json
import threading

from event_stream import event


def delta(text):
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})


def stream_of(*words, stop="end_turn"):
    """The frames of a complete response."""
    usage = {"inputTokens": 7, "outputTokens": len(words), "totalTokens": 7 + len(words)}
    return [
        event("messageStart", {"role": "assistant"}),
        *map(delta, words),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": stop}),
        event("metadata", {"usage": usage, "metrics": {"latencyMs": 5}}),
    ]


class Bedrock:
    """A service that keeps its requests and responds by a function: it gets the request's handler, and returns (status,
    headers, JSON), or an iterable of frames. A frame that is a function is called in its place."""

    def __init__(self, respond=None):
        bedrock, self.requests, self.respond = self, [], respond or (lambda request: stream_of("Hello", " there."))
        self.closed = threading.Event()  # a client has left before its response ended

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.json = json.loads(body) if body else None
                bedrock.requests.append(self)
                response = bedrock.respond(self)
                try:
                    self.refuse(*response) if isinstance(response, tuple) else self.stream(response)
                except OSError:
                    bedrock.closed.set()
                    self.close_connection = True

            def refuse(self, status, headers, response):
                body = json.dumps(response).encode()
                self.send_response(status)
                for name, value in {
                    "content-type": "application/json",
                    "content-length": str(len(body)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def stream(self, frames):
                self.send_response(200)
                self.send_header("content-type", "application/vnd.amazon.eventstream")
                self.send_header("x-amzn-requestid", "the-request-id")
                self.send_header("connection", "close")
                self.end_headers()
                for part in frames:
                    if callable(part):
                        part(self)
                    else:
                        self.wfile.write(part)
                        self.wfile.flush()
                self.close_connection = True

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()

    @property
    def body(self):
        return self.requests[-1].json


def until_closed(request):
    """Waits until the client has closed the connection."""
    while request.connection.recv(4096):
        pass
    raise BrokenPipeError
