# exit_with_streams.py - an interpreter that ends while streams run, in each way that Python has: it ends at once, silently,
# and with the code that it asked for.
# tries: 60
# runs: 60
# exit: 7

import os
import sys
import threading

import common
import libbedrock

_, url = common.arguments()
model = common.service_model(url, 100000, 1)
begun = threading.Semaphore(0)


def read():
    for event in model.stream("Hello?"):
        if event.type is libbedrock.EventType.TEXT:
            begun.release()


left_open = [model.stream("Hello?") for _ in range(4)]
for _ in range(4):
    threading.Thread(target=read, daemon=True).start()
for _ in range(4):
    begun.acquire()
match os.getpid() % 3:
    case 0:
        sys.exit(7)
    case 1:
        os._exit(7)
    case _:
        threading.Thread(target=os._exit, args=(7,)).start()
        threading.Event().wait()
