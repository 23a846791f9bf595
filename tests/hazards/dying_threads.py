# dying_threads.py - threads that end in the middle of a stream, by an exception out of the loop, by break, and with the
# stream left to the collector: nothing is left open.
# tries: 400
# seconds: 60

import gc
import threading

import common
import libbedrock

tries, url = common.arguments()
model = common.service_model(url, 100000, 1)


class Left(Exception):
    pass


def read(way):
    stream = model.stream("Hello?")
    for _ in stream:
        if way == 0:
            raise Left
        if way == 1:
            break
        next(stream)
        return


threading.excepthook = lambda failure: None if failure.exc_type is Left else threading.__excepthook__(failure)
for attempt in range(tries):
    thread = threading.Thread(target=read, args=(attempt % 3,))
    thread.start()
    thread.join()
model.close()
gc.collect()
assert libbedrock.live_handles() == 0, libbedrock.live_handles()
