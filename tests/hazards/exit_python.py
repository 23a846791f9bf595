# exit_python.py - Python ends while a Python function is the wakeup of streams: up to 3.13 it ends a thread that then wants
# its lock with pthread_exit. The process ends with the code that it asked for. (Shortly before
# the process ends, Python crashes on any thread that calls it for the first time; so few wakeups are due here at once.)
# tries: 100
# runs: 100
# exit: 7

import ctypes
import os
import sys
import threading

bedrock = ctypes.CDLL(os.environ["BEDROCK_LIBRARY"])
WAKEUP = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
HANDLE, STRLEN = ctypes.c_void_p, ctypes.c_size_t(-1)

called = threading.Event()


@WAKEUP
def wakeup(_):
    called.set()


model, request = HANDLE(), HANDLE()
config = b'{"model": "any", "transport": {"replies": ["One two three four five."], "repeat": true}}'
question = b'{"messages": [{"role": "user", "content": "Hi."}]}'
assert bedrock.bedrock_model_new(config, STRLEN, ctypes.byref(model), None) == 0
assert bedrock.bedrock_request_new(question, STRLEN, ctypes.byref(request), None) == 0


def use():
    while True:
        stream = HANDLE()
        bedrock.bedrock_stream_open(model, request, None, ctypes.byref(stream), None)
        bedrock.bedrock_stream_set_wakeup(stream, wakeup, None, None)
        bedrock.bedrock_stream_free(stream)


for _ in range(2):
    threading.Thread(target=use, daemon=True).start()
called.wait()
sys.exit(7)
