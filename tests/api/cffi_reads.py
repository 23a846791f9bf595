"""cffi reads bedrock.cdef.h, and finds the sizes, offsets and values that api.json states."""

import json
import sys

import cffi

cdef, description, library = sys.argv[1:]
api = json.load(open(description, encoding="utf-8"))
ffi = cffi.FFI()
ffi.cdef(open(cdef, encoding="utf-8").read())
lib = ffi.dlopen(library)

for struct in api["structs"]:
    assert ffi.sizeof(struct["name"]) == struct["size"], struct["name"]
    assert ffi.alignof(struct["name"]) == struct["align"], struct["name"]
    for field in struct["fields"]:
        assert ffi.offsetof(struct["name"], field["name"]) == field["offset"], (struct["name"], field["name"])
for group in api["constants"]:
    for constant in group["constants"]:
        assert getattr(lib, constant["name"]) == constant["value"], constant["name"]
for function in api["functions"]:
    kind = ffi.typeof(getattr(lib, function["name"]))
    assert len(kind.args) == len(function["parameters"]), function["name"]
assert ffi.string(lib.bedrock_status_name(lib.BEDROCK_AGAIN)) == b"BEDROCK_AGAIN"
