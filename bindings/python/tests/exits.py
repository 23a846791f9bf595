"""Interpreters that exit while streams are open: each keeps its exit code and prints nothing.

    exits.py URL COUNT      starts so many interpreters, with this Python, one way of leaving after the other

Prints a line for each way, and exits with 1 if one of them failed.
"""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

CODE = 7
STREAMS = 50
OPENING = """
import sys, threading
import libbedrock
model = libbedrock.Model({model!r}, base_url={url!r}, region="us-east-1", api_key="k", secret_key="s")
begun = threading.Semaphore(0)
def read():
    for event in model.stream("x"):
        if event.type is libbedrock.EventType.TEXT:
            begun.release()
def wait(count):
    for _ in range(count):
        begun.acquire()
"""
WAYS = {
    "daemon threads that wait": (
        "silent-after.1",
        """
        for _ in range({streams}):
            threading.Thread(target=read, daemon=True).start()
        wait({streams})
        sys.exit({code})
        """,
    ),
    "daemon threads at work": (
        "words.100000.0",
        """
        for _ in range(8):
            threading.Thread(target=read, daemon=True).start()
        wait(8)
        sys.exit({code})
        """,
    ),
    "daemon threads in generate": (
        "silent",
        """
        entered = threading.Semaphore(0)
        def call():
            entered.release()
            model.generate("x")
        for _ in range({streams}):
            threading.Thread(target=call, daemon=True).start()
        for _ in range({streams}):
            entered.acquire()
        sys.exit({code})
        """,
    ),
    "executor threads": (
        "words.30.1",
        """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor({streams})
        for _ in range({streams}):
            pool.submit(read)
        wait({streams})
        sys.exit({code})
        """,
    ),
    "tasks of asyncio": (
        "silent-after.1",
        """
        import asyncio
        begun_tasks = 0
        async def read():
            global begun_tasks
            async with model.stream("x") as stream:
                async for event in stream:
                    begun_tasks += event.type is libbedrock.EventType.TEXT
        async def main():
            tasks = [asyncio.ensure_future(read()) for _ in range({streams})]
            while begun_tasks < {streams}:
                await asyncio.sleep(0.001)
            sys.exit({code})
        asyncio.run(main())
        """,
    ),
    "a loop that is never closed": (
        "silent-after.1",
        """
        import asyncio
        async def begin():
            streams = [model.stream("x") for _ in range({streams})]
            for stream in streams:
                await stream.__anext__()
            return streams
        loop = asyncio.new_event_loop()
        streams = loop.run_until_complete(begin())
        sys.exit({code})
        """,
    ),
    "streams in globals": (
        "silent-after.1",
        """
        streams = [model.stream("x") for _ in range({streams})]
        for stream in streams:
            next(stream)
        sys.exit({code})
        """,
    ),
    "an atexit handler that reads": (
        "words.3.1",
        """
        import atexit
        stream = model.stream("x")
        def last():
            assert len(list(stream.text)) == 3
            assert model.generate("x").complete
        atexit.register(last)
        sys.exit({code})
        """,
    ),
    "os._exit": (
        "silent-after.1",
        """
        import os
        for _ in range({streams}):
            threading.Thread(target=read, daemon=True).start()
        wait({streams})
        os._exit({code})
        """,
    ),
    "an exception in a loop": (
        "words.100.1",
        """
        sys.excepthook = lambda *_: None
        import os
        for text in model.stream("x").text:
            raise SystemExit({code})
        """,
    ),
}


# CPython 3.10 crashes by itself if daemon threads compete for its lock while it exits: 7 of 500 programs that only count
# in eight threads did, and 3 of 500 of these. A thread that has asked for the lock withdraws its request in take_gil(),
# in the state of the interpreter, which may be freed by then. 3.9 withdraws nothing, and 3.11 and newer do not free it.
if sys.implementation.name == "cpython" and sys.version_info[:2] == (3, 10):
    del WAYS["daemon threads at work"]


def leave(way, url):
    model, program = WAYS[way]
    text = OPENING.format(model=model, url=url) + textwrap.dedent(program).format(streams=STREAMS, code=CODE)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", text],
            env=os.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    if (ended.returncode, ended.stdout, ended.stderr) == (CODE, "", ""):
        return ""
    return f"exit code {ended.returncode}\n{ended.stdout}{ended.stderr}"


def run(url, count):
    """Returns how many interpreters each way got, and what went wrong."""
    ways = [list(WAYS)[index % len(WAYS)] for index in range(count)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda way: (way, leave(way, url)), ways))
    return {way: [outcome for ended, outcome in outcomes if ended == way] for way in WAYS}


if __name__ == "__main__":
    failed = False
    for way, outcomes in run(sys.argv[1], int(sys.argv[2])).items():
        wrong = [outcome for outcome in outcomes if outcome]
        failed = failed or bool(wrong)
        print(f"{way:<32}{len(outcomes):>6} exits{len(wrong):>6} wrong", *wrong[:2], sep="\n  ")
    sys.exit(failed)
