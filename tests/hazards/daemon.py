# daemon.py - a program that makes a model, calls it, becomes a daemon by forking twice and closes all descriptors: the
# model works in the daemon.
# tries: 40

import os
import warnings

import common

tries, url = common.arguments()
warnings.simplefilter("ignore", DeprecationWarning)
model = common.service_model(url, 3, 0)
assert common.texts(model.stream("Hello?")) == 3
for _ in range(tries):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, writer)
            os.closerange(writer + 1, 256)
            os.write(writer, b"%d" % common.texts(model.stream("Hello?")))
        os._exit(0)
    os.close(writer)
    assert common.child_ended(pid) == 0
    assert os.read(reader, 10) == b"3"
    os.close(reader)
