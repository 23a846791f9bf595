-- LuaJIT reads bedrock.cdef.h, and finds the sizes, offsets and values that api.json states.
-- LuaJIT has no JSON library: the library's own functions read api.json.

local ffi = require("ffi")

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local cdef, description, library = arg[1], read(arg[2]), arg[3]
ffi.cdef(read(cdef))
local lib = ffi.load(library)

-- Each element of an array, as text.
local function elements(json, pointer)
  local item = ffi.new("bedrock_json_item")
  return function()
    if lib.bedrock_json_next(json, #json, pointer, item, ffi.sizeof(item)) ~= lib.BEDROCK_JSON_NONE then
      return ffi.string(item.value, item.value_len)
    end
  end
end

local function member(json, pointer)
  local buffer = ffi.new("char[200]")
  lib.bedrock_json_string(json, #json, pointer, buffer, ffi.sizeof(buffer))
  return ffi.string(buffer)
end

local function number(json, pointer)
  return lib.bedrock_json_number(json, #json, pointer, 0 / 0)
end

local checked = 0
for struct in elements(description, "/structs") do
  local name = member(struct, "/name")
  assert(ffi.sizeof(name) == number(struct, "/size"), name)
  for field in elements(struct, "/fields") do
    local field_name = member(field, "/name")
    assert(ffi.offsetof(name, field_name) == number(field, "/offset"), name .. "." .. field_name)
    checked = checked + 1
  end
end
for group in elements(description, "/constants") do
  for constant in elements(group, "/constants") do
    local name = member(constant, "/name")
    assert(lib[name] == number(constant, "/value"), name)
    checked = checked + 1
  end
end
for f in elements(description, "/functions") do
  assert(lib[member(f, "/name")] ~= nil)
  checked = checked + 1
end
assert(checked > 100, "api.json was not read")
