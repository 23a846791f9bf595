# exit_python.py - Python ends while a Python function is the wakeup of a stream: up to 3.13 it then ends the thread with
# pthread_exit. The process ends with the code that it asked for. (Python crashes on any thread that calls it for the first
# time after it has ended, so no other wakeup is due here.)
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
    while True:
        pass


model, request = HANDLE(), HANDLE()
config = b'{"model": "any", "transport": {"replies": ["One two three four five."], "repeat": true}}'
question = b'{"messages": [{"role": "user", "content": "Hi."}]}'
assert bedrock.bedrock_model_new(config, STRLEN, ctypes.byref(model), None) == 0
assert bedrock.bedrock_request_new(question, STRLEN, ctypes.byref(request), None) == 0

stream = HANDLE()
assert bedrock.bedrock_stream_open(model, request, None, ctypes.byref(stream), None) == 0
assert bedrock.bedrock_stream_set_wakeup(stream, wakeup, None, None) == 0
called.wait()
sys.exit(7)
