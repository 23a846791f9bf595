-- stream.lua - print a response while the model writes it, handle an error, and free everything.
--
--     luajit stream.lua
--
-- A script takes the place of the service. For the real one, the config is {"model": "..."} alone.

local ffi = require("ffi")

local file = assert(io.open(os.getenv("BEDROCK_CDEF") or "../bedrock.cdef.h"))
ffi.cdef(file:read("*a"))
file:close()
local lib = ffi.load(os.getenv("BEDROCK_LIBRARY") or "bedrock")

-- Calls a function that can fail: its last parameter receives the error. A failure is raised as a table.
local function call(name, ...)
  local err = ffi.new("bedrock_error *[1]")
  local arguments, count = { ... }, select("#", ...)
  arguments[count + 1] = err
  local status = lib["bedrock_" .. name](unpack(arguments, 1, count + 1))
  if status < 0 then
    local failure = {
      status = ffi.string(lib.bedrock_status_name(status)),
      path = ffi.string(lib.bedrock_error_path(err[0])),
      message = ffi.string(lib.bedrock_error_message(err[0])),
    }
    lib.bedrock_error_free(err[0])
    error(failure)
  end
  return status
end

-- Makes an object. It is freed by close, or by the garbage collector.
local function make(type, name, ...)
  local out = ffi.new("bedrock_" .. type .. " *[1]")
  local arguments, count = { ... }, select("#", ...)
  arguments[count + 1] = out
  call(name, unpack(arguments, 1, count + 1))
  return ffi.gc(out[0], lib["bedrock_" .. type .. "_free"])
end

local function close(type, object)
  lib["bedrock_" .. type .. "_free"](ffi.gc(object, nil))
end

-- Iterates over the events of a stream. An event and its texts are borrowed until the next one.
local function events(stream)
  local event = ffi.new("const bedrock_event *[1]")
  return function()
    if call("stream_next", stream, -1, event) == lib.BEDROCK_OK then
      return event[0]
    end
  end
end

local config = '{"model": "any", "transport": {"replies": ["One word at a time."]}}'
local model = make("model", "model_new", config, #config)
local request = make("request", "request_new", nil, 0)
local question = "Say something."
call("request_add_text", request, "user", question, #question)

local stream = make("stream", "stream_open", model, request, nil)
for event in events(stream) do
  if event.type == lib.BEDROCK_EVENT_TEXT then
    io.write(ffi.string(event.text, event.text_len))
    io.flush()
  end
end

local response = make("response", "stream_response", stream)
local usage = ffi.new("bedrock_usage")
lib.bedrock_response_usage(response, usage, ffi.sizeof(usage))
print(string.format("\n[%s: %d tokens in, %d out]", ffi.string(lib.bedrock_response_stop_reason(response)),
  tonumber(usage.input_tokens), tonumber(usage.output_tokens)))

local wrong = '{"model": "any", "tiemout": "10s"}'
local ok, failure = pcall(make, "model", "model_new", wrong, #wrong)
assert(not ok)
print(string.format("%s at %s: %s", failure.status, failure.path, failure.message))

close("response", response)
close("stream", stream)
close("request", request)
close("model", model)
print("live handles: " .. tonumber(lib.bedrock_live_handles()))
