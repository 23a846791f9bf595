# few_descriptors.py - a process with hardly any descriptors left: a call works or raises an error of the library or an
# OSError, and once there are more descriptors, the next call works, also on asyncio.
# tries: 60
# seconds: 60

import asyncio
import os
import resource

import common
import libbedrock

tries, url = common.arguments()


async def read(model):
    return [text async for text in model.stream("Hello?").text]


def in_child(most):
    model = common.service_model(url, 1, 0)
    loop = asyncio.new_event_loop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, 4096))
    for call in (lambda: common.texts(model.stream("Hello?")), lambda: loop.run_until_complete(read(model))):
        try:
            call()
        except (libbedrock.ResourceError, libbedrock.NetworkError, OSError):
            pass
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    assert common.texts(model.stream("Hello?")) == 1
    assert loop.run_until_complete(read(model)) == ["0 "]
    loop.close()


for attempt in range(tries):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            in_child(3 + attempt % 14)
            code = 0
        finally:
            os._exit(code)
    assert common.child_ended(pid) == 0
