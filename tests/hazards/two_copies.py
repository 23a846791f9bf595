# two_copies.py - two copies of the library in one interpreter, as two packages install them: they are independent, and a
# handle of one is not a handle of the other.
# tries: 20
# runs: 20

import ctypes
import os
import shutil
import tempfile

import common

model = common.scripted_model()
with tempfile.TemporaryDirectory() as folder:
    copy = shutil.copy(os.environ["BEDROCK_LIBRARY"], os.path.join(folder, "libcopy.so"))
    other = ctypes.CDLL(copy)
HANDLE, STRLEN = ctypes.c_void_p, ctypes.c_size_t(-1)
other.bedrock_model_id.restype = ctypes.c_char_p
theirs = HANDLE()
config = b'{"model": "theirs", "transport": {"replies": ["One."]}}'
assert other.bedrock_model_new(config, STRLEN, ctypes.byref(theirs), None) == 0
assert other.bedrock_model_id(theirs, None) == b"theirs"
ours = ctypes.CDLL(os.environ["BEDROCK_LIBRARY"])
ours.bedrock_model_id.restype = ctypes.c_char_p
assert ours.bedrock_model_id(theirs, None) == b""
assert common.texts(model.stream("Hello?")) == 3
