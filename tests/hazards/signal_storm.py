# signal_storm.py - a thousand signals a second, with a handler in Python, while streams are read: each stream is complete.
# tries: 200
# seconds: 60

import asyncio
import signal

import common

tries, url = common.arguments()
model = common.service_model(url, 20, 1)


async def read():
    count = 0
    async for _ in model.stream("Hello?").text:
        count += 1
    return count


signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for attempt in range(tries):
    count = asyncio.run(read()) if attempt % 2 else common.texts(model.stream("Hello?"))
    assert count == 20, count
# A signal after the end of the interpreter's handlers would end the process.
signal.setitimer(signal.ITIMER_REAL, 0)
