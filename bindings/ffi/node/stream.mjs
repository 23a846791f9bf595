// stream.mjs - print a response while the model writes it, handle an error, and free everything.
//
//     npm install koffi && node stream.mjs
//
// A script takes the place of the service. For the real one, the config is {"model": "..."} alone.
//
// A waiting set waits for all streams of the process in one thread of Node's pool, and the event loop goes on meanwhile.
// JavaScript functions are never passed as callbacks: the library's threads are not Node's.

import koffi from 'koffi';

const lib = koffi.load(process.env.BEDROCK_LIBRARY ?? 'libbedrock.so.0');
const OK = 0;
const AGAIN = 2;
const EVENT_TEXT = 3;

for (const type of ['model', 'request', 'stream', 'waitset', 'response', 'error']) koffi.opaque(`bedrock_${type}`);
// As in bedrock.h: koffi computes the offsets.
const Event = koffi.struct('bedrock_event', {
  size: 'uint32_t', type: 'int32_t', block: 'int32_t', input_valid: 'int32_t', text: 'void *', text_len: 'size_t',
  tool_id: 'void *', tool_id_len: 'size_t', tool_name: 'void *', tool_name_len: 'size_t', json: 'void *', json_len: 'size_t',
  payload: 'void *', payload_len: 'size_t',
});
koffi.struct('bedrock_usage', {
  input_tokens: 'int64_t', output_tokens: 'int64_t', total_tokens: 'int64_t', cache_read_tokens: 'int64_t',
  cache_write_tokens: 'int64_t', latency_ms: 'int64_t',
  cache_write_5m_tokens: 'int64_t', cache_write_1h_tokens: 'int64_t',
});

const modelNew = lib.func(
  'int32_t bedrock_model_new(const char *json, size_t len, _Out_ bedrock_model **out, _Out_ bedrock_error **err)');
const modelFree = lib.func('void bedrock_model_free(bedrock_model *model)');
const requestNew = lib.func(
  'int32_t bedrock_request_new(const char *json, size_t len, _Out_ bedrock_request **out,'
  + ' _Out_ bedrock_error **err)');
const addText = lib.func(
  'int32_t bedrock_request_add_text(bedrock_request *request, const char *role, const char *text, size_t len,'
  + ' _Out_ bedrock_error **err)');
const requestFree = lib.func('void bedrock_request_free(bedrock_request *request)');
const streamOpen = lib.func(
  'int32_t bedrock_stream_open(bedrock_model *model, bedrock_request *request, void *cancel,'
  + ' _Out_ bedrock_stream **out, _Out_ bedrock_error **err)');
const streamNext = lib.func(
  'int32_t bedrock_stream_next(bedrock_stream *stream, int32_t timeout_ms, _Out_ void **event,'
  + ' _Out_ bedrock_error **err)');
const streamResponse = lib.func(
  'int32_t bedrock_stream_response(bedrock_stream *stream, _Out_ bedrock_response **out,'
  + ' _Out_ bedrock_error **err)');
const streamFree = lib.func('void bedrock_stream_free(bedrock_stream *stream)');
const waitsetNew = lib.func('bedrock_waitset *bedrock_waitset_new()');
const waitsetAdd = lib.func('int32_t bedrock_waitset_add(bedrock_waitset *set, bedrock_stream *stream, void *user)');
const waitsetWait = lib.func(
  'int32_t bedrock_waitset_wait(bedrock_waitset *set, int32_t timeout_ms, void *stream, void *user)');
const waitsetFree = lib.func('void bedrock_waitset_free(bedrock_waitset *set)');
const stopReason = lib.func('const char *bedrock_response_stop_reason(bedrock_response *response)');
const responseUsage = lib.func(
  'int32_t bedrock_response_usage(bedrock_response *response, _Out_ bedrock_usage *out, size_t size)');
const responseFree = lib.func('void bedrock_response_free(bedrock_response *response)');
const statusName = lib.func('const char *bedrock_status_name(int32_t status)');
const errorPath = lib.func('const char *bedrock_error_path(bedrock_error *error)');
const errorMessage = lib.func('const char *bedrock_error_message(bedrock_error *error)');
const errorFree = lib.func('void bedrock_error_free(bedrock_error *error)');
const liveHandles = lib.func('size_t bedrock_live_handles()');

class BedrockError extends Error {
  constructor(status, error) {
    super(errorMessage(error));
    this.status = statusName(status);
    this.path = errorPath(error);
    errorFree(error);
  }
}

// Calls a function that can fail: its last parameter receives the error, which is thrown.
function call(func, ...args) {
  const err = [null];
  const status = func(...args, err);
  if (status < 0) throw new BedrockError(status, err[0]);
  return status;
}

// Makes an object with a function whose last parameter but one receives it.
function make(func, ...args) {
  const out = [null];
  call(func, ...args, out);
  return out[0];
}

// Yields the texts of a stream. An event is borrowed until the next one, so its text is copied.
async function* texts(stream) {
  const set = waitsetNew();
  const event = [null];
  try {
    waitsetAdd(set, stream, null);
    for (;;) {
      const status = call(streamNext, stream, 0, event);
      if (status === AGAIN) {
        await new Promise((resolve) => waitsetWait.async(set, -1, null, null, resolve));
      } else if (status === OK) {
        const { type, text, text_len } = koffi.decode(event[0], Event);
        if (type === EVENT_TEXT) yield Buffer.from(koffi.view(text, Number(text_len))).toString('utf8');
      } else {
        return;
      }
    }
  } finally {
    waitsetFree(set);
  }
}

const config = '{"model": "any", "transport": {"replies": ["One word at a time."]}}';
const model = make(modelNew, config, Buffer.byteLength(config));
const request = make(requestNew, null, 0);
const question = 'Say something.';
call(addText, request, 'user', question, Buffer.byteLength(question));

const stream = make(streamOpen, model, request, null);
for await (const text of texts(stream)) process.stdout.write(text);

const response = make(streamResponse, stream);
const usage = {};
responseUsage(response, usage, koffi.sizeof('bedrock_usage'));
console.log(`\n[${stopReason(response)}: ${usage.input_tokens} tokens in, ${usage.output_tokens} out]`);

try {
  const wrong = '{"model": "any", "tiemout": "10s"}';
  make(modelNew, wrong, Buffer.byteLength(wrong));
} catch (error) {
  if (!(error instanceof BedrockError)) throw error;
  console.log(`${error.status} at ${error.path}: ${error.message}`);
}

responseFree(response);
streamFree(stream);
requestFree(request);
modelFree(model);
console.log(`live handles: ${liveHandles()}`);
