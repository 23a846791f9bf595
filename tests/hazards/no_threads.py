# no_threads.py - a process whose user may start no thread: a call raises ResourceError, and once there may be threads, the
# next call works.
# tries: 30
# needs: root

import json  # noqa: F401  The child may be unable to read the files of the interpreter.
import os
import resource

import common
import libbedrock

tries, _ = common.arguments()


def in_child():
    # The limit does not hold for root.
    os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 4096))
    model = common.scripted_model()
    try:
        model.generate("Hello?")
    except libbedrock.ResourceError:
        pass
    else:
        raise SystemExit("no ResourceError")
    resource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))
    assert common.texts(model.stream("Hello?")) == 3


for _ in range(tries):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            in_child()
            code = 0
        finally:
            os._exit(code)
    assert common.child_ended(pid) == 0
