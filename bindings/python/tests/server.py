"""Bedrock on loopback, as far as these tests need it, in a process of its own.

    server.py [CERTIFICATE KEY]     prints its port, and serves until its stdin ends; with TLS if a certificate is given

The model id says what a call gets:

    words.COUNT.MS      so many words, each after so many milliseconds; a call that does not stream gets them at once
    silent              no response, ever
    silent-after.COUNT  so many words, and then silence
    cut-after.COUNT     so many words, and then the connection is closed
    error.STATUS.CODE   an error of the service
"""

import asyncio
import json
import re
import ssl
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/support"))
from event_stream import chunk, event  # noqa: E402

WORD = "twenty bytes of text"

USAGE = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
START = chunk(event("messageStart", {"role": "assistant"}))
PIECE = chunk(event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": WORD}}))
END = (
    chunk(event("contentBlockStop", {"contentBlockIndex": 0}))
    + chunk(event("messageStop", {"stopReason": "end_turn"}))
    + chunk(event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 4}}))
    + b"0\r\n\r\n"
)


async def answer(path, reader, writer):
    kind, _, rest = re.search(r"/model/([a-z-]+)(\.([^/]*))?/", path).groups()
    numbers = (rest or "").split(".")
    if kind == "error":
        body = json.dumps({"message": "No."}).encode()
        writer.write(
            b"HTTP/1.1 %b No\r\nx-amzn-errortype: %b\r\nx-amzn-requestid: r-1\r\ncontent-length: %d\r\n\r\n%b"
            % (numbers[0].encode(), numbers[1].encode(), len(body), body)
        )
        return
    if kind == "silent":
        await reader.read()  # until the client goes away
        return
    words = int(numbers[0])
    if path.endswith("/converse"):
        response = {
            "output": {"message": {"role": "assistant", "content": [{"text": WORD * words}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": words, "totalTokens": words + 1},
        }
        body = json.dumps(response).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        return
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"
        + START
    )
    pause = int(numbers[1]) / 1000 if kind == "words" else 0
    if pause:
        for _ in range(words):
            await asyncio.sleep(pause)
            if writer.is_closing():
                return
            writer.write(PIECE)
    else:
        for first in range(0, words, 100):
            writer.write(PIECE * min(100, words - first))
            await writer.drain()
    if kind == "silent-after":
        await reader.read()
        return
    if kind == "cut-after":
        writer.close()
        return
    writer.write(END)
    await writer.drain()


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            await answer(head.split(b" ")[1].decode(), reader, writer)
            if writer.is_closing() or reader.at_eof():
                return
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        pass  # the client has gone away, or the tests have ended
    finally:
        writer.close()


async def main(certificate=None, key=None):
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def watch():
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    import os
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), None))
    os._exit(0)  # calls that are silent are still there
