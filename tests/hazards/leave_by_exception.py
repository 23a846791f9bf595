# leave_by_exception.py - an exception out of a loop over a stream, by for and by async for, and out of a with block: the
# stream ends, and nothing is left open.
# tries: 400
# seconds: 60

import asyncio
import gc
import os

import common
import libbedrock

tries, url = common.arguments()
model = common.service_model(url, 100000, 1)


class Left(Exception):
    pass


async def read():
    async with model.stream("Hello?") as stream:
        async for _ in stream:
            raise Left


def read_in_with():
    with model.stream("Hello?") as stream:
        next(stream)
        raise Left


def read_by_for():
    for _ in model.stream("Hello?"):
        raise Left


def leave(way):
    try:
        asyncio.run(read()) if way == 0 else read_in_with() if way == 1 else read_by_for()
    except Left:
        return
    raise SystemExit("no exception")


leave(0)
descriptors = len(os.listdir("/proc/self/fd"))
for attempt in range(tries):
    leave(attempt % 3)
model.close()
# Event loops, and the waiting set of each, are freed by the collector.
gc.collect()
assert libbedrock.live_handles() == 0, libbedrock.live_handles()
assert len(os.listdir("/proc/self/fd")) <= descriptors, os.listdir("/proc/self/fd")
