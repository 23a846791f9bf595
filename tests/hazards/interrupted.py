# interrupted.py - a signal whose handler raises KeyboardInterrupt, at any moment of a call: the exception comes out of the
# call at once, in every way of calling, and nothing is left open.
# tries: 200
# seconds: 60

import asyncio
import signal

import common
import libbedrock

tries, url = common.arguments()
model = common.service_model(url, 100000, 10)


# asyncio handles SIGINT unless it is ignored, as it is in a shell's background jobs.
signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupt_soon():
    signal.setitimer(signal.ITIMER_REAL, 0.001 + attempt * 0.0001)


async def read():
    interrupt_soon()  # here, because a signal before leaves asyncio with a loop that is half made
    async with model.stream("Hello?") as stream:
        async for _ in stream:
            pass


def call(way):
    if way < 3:
        interrupt_soon()
    if way == 0:
        model.generate("Hello?")
    elif way == 1:
        common.texts(model.stream("Hello?"))
    elif way == 2:
        model.call("Converse", {"messages": [{"role": "user", "content": [{"text": "Hello?"}]}]})
    else:
        asyncio.run(read())


for attempt in range(tries):
    way = attempt % 4
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        call(way)
    except KeyboardInterrupt:
        continue
    raise SystemExit(f"way {way}: no KeyboardInterrupt")
model.close()
assert libbedrock.live_handles() == 0, libbedrock.live_handles()
