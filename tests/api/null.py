"""Calls every function with each pointer as NULL in turn: refused where api.json does not allow it, and nowhere else.

A function that returns a status refuses with BEDROCK_E_INVALID_ARGUMENT. The others must return, and nothing more.
"""

import ctypes
import json
import sys

description, library = sys.argv[2:]
api = json.load(open(description, encoding="utf-8"))
lib = ctypes.CDLL(library)
NUMBERS = {"int": ctypes.c_int, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64,
           "size_t": ctypes.c_size_t, "double": ctypes.c_double, "void": None}
NUMBERS |= {number["name"]: NUMBERS[number["type"]] for number in api["types"]}
INVALID_ARGUMENT, SUCCESS = -1, 0
TOOL_CALL = 12
HANDLES = {handle["name"]: handle["free"] for handle in api["handles"]}
FUNCTIONS = {function["name"]: function for function in api["functions"]}
CALLBACKS = {callback["name"]: ctypes.CFUNCTYPE(NUMBERS[callback["returns"]],
                                                *[NUMBERS.get(parameter["type"], ctypes.c_void_p)
                                                  for parameter in callback["parameters"]])
             for callback in api["callbacks"]}
NOTHING = {name: kind(lambda *_: 0) for name, kind in CALLBACKS.items()}
TOOLS = [{"toolUse": {"toolUseId": "1", "name": "f", "input": {}}},
         {"toolUse": {"toolUseId": "2", "name": "g", "input": {}, "type": "server_tool_use"}}]
REPLIES = {"replies": [{"message": {"role": "assistant", "content": TOOLS}}]}
DECLARED = {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}}
TEXTS = {"config_json": json.dumps({"model": "m", "transport": REPLIES, "defaults": DECLARED}), "defaults_json": "{}",
         "json": "{}", "role": "user", "text": "text", "member": "system", "tool_use_id": "id", "content": "text",
         "options_json": "{}", "tools": "", "format": "txt", "name": "name", "operation": "Converse", "pointer": "",
         "traceparent": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"}
MESSAGE = '{"role": "user", "content": [{"text": "Hello"}]}'
FEED = '{"records": true}'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
STEPS = {"bedrock_request_add_message": {"json": MESSAGE}, "bedrock_request_add_image": {"data": PNG, "format": "png"},
         "bedrock_json_next": {"json": "[1]"}, "bedrock_run_result": {"tool_use_id": "1"},
         "bedrock_run_tools": {"options_json": '{"max_rounds": 1}'}, "bedrock_feed_new": {"options_json": FEED}}

for name, function in FUNCTIONS.items():
    entry = getattr(lib, name)
    entry.restype = NUMBERS.get(function["returns"]["type"], ctypes.c_void_p)
    entry.argtypes = [NUMBERS.get(parameter["type"], ctypes.c_void_p) for parameter in function["parameters"]]


def made(name, *arguments):
    """The object that a function makes."""
    out = ctypes.c_void_p()
    status = getattr(lib, name)(*arguments, ctypes.byref(out), None)
    assert status == SUCCESS, (name, status)
    return out.value


def handle(name):
    """A new handle of this type."""
    if name == "bedrock_model":
        config = TEXTS["config_json"].encode()
        return made("bedrock_model_new", config, len(config))
    if name == "bedrock_request":
        request = made("bedrock_request_new", None, 0)
        assert lib.bedrock_request_add_text(request, b"user", b"Hello", 5, None) == SUCCESS
        return request
    if name in ("bedrock_response", "bedrock_stream"):
        with Made("bedrock_model") as model, Made("bedrock_request") as request:
            maker = "bedrock_generate" if name == "bedrock_response" else "bedrock_stream_open"
            return made(maker, model, request, None)
    if name == "bedrock_run":
        with Made("bedrock_model") as model, Made("bedrock_request") as request:
            run, event = made("bedrock_run_open", model, request, None, 0, None), ctypes.c_void_p()
        kind = 0
        # Up to a call, which then waits for its result.
        while kind != TOOL_CALL:
            assert lib.bedrock_run_next(run, -1, ctypes.byref(event), None) == SUCCESS
            kind = ctypes.cast(event, ctypes.POINTER(ctypes.c_int32))[1]
        return run
    if name == "bedrock_error":
        error = ctypes.c_void_p()
        assert lib.bedrock_model_new(b"", 0, ctypes.byref(ctypes.c_void_p()), ctypes.byref(error)) < SUCCESS
        return error.value
    if name == "bedrock_feed":
        return made("bedrock_feed_new", FEED.encode(), len(FEED))
    return getattr(lib, f"{name}_new")()


class Made:
    """A handle that is freed at the end of a with statement."""

    def __init__(self, name):
        self.name, self.value = name, handle(name)

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        getattr(lib, HANDLES[self.name])(self.value)


def call(function, null):
    """Calls a function with good arguments, but NULL for one of them. Returns what it returns."""
    arguments, handles, outs, memory = [], [], [], []
    for at, parameter in enumerate(function["parameters"]):
        name, kind = parameter["name"], parameter["type"]
        pointee = kind.removeprefix("const ").rstrip(" *")
        value = {**TEXTS, "data": b"text"} | STEPS.get(function["name"], {})
        if kind.endswith("**"):
            out = ctypes.c_void_p()
            outs.append((pointee, out, parameter.get("ownership")))
            argument = ctypes.byref(out)
        elif pointee in HANDLES:
            handles.append(Made(pointee))
            argument = handles[-1].value
        elif kind in NOTHING:
            argument = ctypes.cast(NOTHING[kind], ctypes.c_void_p)
        elif kind.startswith("const "):
            data = value[name].encode() if isinstance(value[name], str) else value[name]
            memory.append(data)
            argument = data
        elif kind.endswith("*"):
            memory.append(ctypes.create_string_buffer(256))
            argument = ctypes.addressof(memory[-1])
        elif name == "len":
            argument = len(memory[-1]) if memory else 0
        elif name == "size":
            argument = 0 if at == null + 1 else 256
        elif name == "max":
            argument = 0
        elif name == "seconds":
            argument = 60
        else:
            argument = 0
        if at == null:
            argument = None
            if name in ("data", "json") and parameter["nullable"]:
                memory = [b""]
        arguments.append(argument)
    result = getattr(lib, function["name"])(*arguments)
    for pointee, out, ownership in outs:
        if ownership == "owned" and out.value:
            getattr(lib, HANDLES[pointee])(out)
    for item in handles:
        item.__exit__()
    return result


refused = allowed = 0
wrong = []
for function in FUNCTIONS.values():
    if function["name"] == "bedrock_shutdown":
        continue
    has_status = function["returns"]["type"] == "bedrock_status" and not function["name"].endswith("error_status")
    if has_status and call(function, -2) < SUCCESS:
        wrong.append(f"{function['name']}: these arguments are not good")
    for at, parameter in enumerate(function["parameters"]):
        if "nullable" not in parameter:
            continue
        result = call(function, at)
        if has_status and (result != INVALID_ARGUMENT) != parameter["nullable"]:
            wrong.append(f"{function['name']}: NULL as {parameter['name']} returns {result}")
        refused += not parameter["nullable"]
        allowed += parameter["nullable"]
assert not wrong, "\n".join(wrong)
assert refused > 100 and allowed > 50, (refused, allowed)
assert lib.bedrock_live_handles() == 0, lib.bedrock_live_handles()
