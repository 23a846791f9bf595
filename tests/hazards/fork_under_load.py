# fork_under_load.py - forks while other threads read streams: the parent's model makes itself anew in the child, the
# parent's streams raise ForkedError there, and the parent goes on.
# tries: 100
# seconds: 60

import os
import threading
import warnings

import common
import libbedrock

tries, _ = common.arguments()
# Python 3.12 and newer warn of every fork of a process with threads.
warnings.simplefilter("ignore", DeprecationWarning)
model, stopping = common.scripted_model(), False


def read():
    while not stopping:
        assert common.texts(model.stream("Hello?")) == 3


readers = [threading.Thread(target=read) for _ in range(4)]
for reader in readers:
    reader.start()
for _ in range(tries):
    stream = model.stream("Hello?")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert common.texts(model.stream("Hello?")) == 3
            try:
                next(stream)
            except libbedrock.ForkedError:
                code = 0
        finally:
            os._exit(code)
    assert common.child_ended(pid) == 0
    assert common.texts(stream) == 3
stopping = True
for reader in readers:
    reader.join()
