typedef struct bedrock_error bedrock_error;
typedef struct bedrock_model bedrock_model;
typedef struct bedrock_request bedrock_request;
typedef struct bedrock_cancel bedrock_cancel;
typedef struct bedrock_stream bedrock_stream;
typedef struct bedrock_waitset bedrock_waitset;
typedef struct bedrock_response bedrock_response;
typedef struct bedrock_run bedrock_run;
typedef struct bedrock_feed bedrock_feed;

typedef int32_t bedrock_status;

enum {
  BEDROCK_VERSION_MAJOR = 0,
  BEDROCK_VERSION_MINOR = 1,
  BEDROCK_VERSION_PATCH = 0
};
enum {
  BEDROCK_OK = 0,
  BEDROCK_DONE = 1,
  BEDROCK_AGAIN = 2,
  BEDROCK_STOPPED = 3,
  BEDROCK_E_INVALID_ARGUMENT = -1,
  BEDROCK_E_BAD_HANDLE = -2,
  BEDROCK_E_BUSY = -3,
  BEDROCK_E_CONFIG = -4,
  BEDROCK_E_REQUEST = -5,
  BEDROCK_E_CREDENTIALS = -6,
  BEDROCK_E_ACCESS_DENIED = -7,
  BEDROCK_E_NOT_FOUND = -8,
  BEDROCK_E_VALIDATION = -9,
  BEDROCK_E_CONTEXT_OVERFLOW = -10,
  BEDROCK_E_THROTTLED = -11,
  BEDROCK_E_QUOTA = -12,
  BEDROCK_E_MODEL = -13,
  BEDROCK_E_SERVICE = -14,
  BEDROCK_E_NETWORK = -15,
  BEDROCK_E_TIMEOUT = -16,
  BEDROCK_E_TRUNCATED = -17,
  BEDROCK_E_PROTOCOL = -18,
  BEDROCK_E_CANCELLED = -19,
  BEDROCK_E_FORKED = -20,
  BEDROCK_E_INTERNAL = -21,
  BEDROCK_E_RESOURCE = -22
};
enum {
  BEDROCK_ATTACHMENTS_INLINE = 0,
  BEDROCK_ATTACHMENTS_BY_NAME = 1
};
enum {
  BEDROCK_EVENT_MESSAGE_START = 1,
  BEDROCK_EVENT_BLOCK_START = 2,
  BEDROCK_EVENT_TEXT = 3,
  BEDROCK_EVENT_REASONING = 4,
  BEDROCK_EVENT_TOOL_INPUT = 5,
  BEDROCK_EVENT_BLOCK_DELTA = 6,
  BEDROCK_EVENT_BLOCK_STOP = 7,
  BEDROCK_EVENT_MESSAGE_STOP = 8,
  BEDROCK_EVENT_METADATA = 9,
  BEDROCK_EVENT_OTHER = 10,
  BEDROCK_EVENT_CHUNK = 11,
  BEDROCK_EVENT_TOOL_CALL = 12
};
enum {
  BEDROCK_TOOL_CALL_CLIENT = 0,
  BEDROCK_TOOL_CALL_SERVER = 1
};
enum {
  BEDROCK_TOOL_DONE = 0,
  BEDROCK_TOOL_LATER = 1,
  BEDROCK_TOOL_STOP = 2
};
enum {
  BEDROCK_RESULT_TEXT = 0,
  BEDROCK_RESULT_ERROR = 1,
  BEDROCK_RESULT_JSON = 2,
  BEDROCK_RESULT_CONTENT = 3
};
enum {
  BEDROCK_FEED_RECORD = 1,
  BEDROCK_FEED_LOG = 2,
  BEDROCK_FEED_LOST = 3
};
enum {
  BEDROCK_JSON_NONE = 0,
  BEDROCK_JSON_NULL = 1,
  BEDROCK_JSON_FALSE = 2,
  BEDROCK_JSON_TRUE = 3,
  BEDROCK_JSON_NUMBER = 4,
  BEDROCK_JSON_STRING = 5,
  BEDROCK_JSON_ARRAY = 6,
  BEDROCK_JSON_OBJECT = 7
};
enum {
  BEDROCK_LOG_OFF = 0,
  BEDROCK_LOG_ERROR = 1,
  BEDROCK_LOG_WARN = 2,
  BEDROCK_LOG_INFO = 3,
  BEDROCK_LOG_DEBUG = 4
};

typedef struct bedrock_event {
  uint32_t size;
  int32_t type;
  int32_t block;
  int32_t input_valid;
  const char *text;
  size_t text_len;
  const char *tool_id;
  size_t tool_id_len;
  const char *tool_name;
  size_t tool_name_len;
  const char *json;
  size_t json_len;
  const void *payload;
  size_t payload_len;
  int32_t round;
} bedrock_event;
typedef struct bedrock_tool_call {
  const char *id;
  const char *name;
  const char *input_json;
  size_t input_json_len;
  int32_t input_valid;
  int32_t kind;
} bedrock_tool_call;
typedef struct bedrock_usage {
  int64_t input_tokens;
  int64_t output_tokens;
  int64_t total_tokens;
  int64_t cache_read_tokens;
  int64_t cache_write_tokens;
  int64_t latency_ms;
  int64_t cache_write_5m_tokens;
  int64_t cache_write_1h_tokens;
} bedrock_usage;
typedef struct bedrock_stats {
  int64_t running;
  int64_t waiting;
  int64_t waits;
  int64_t waited_ms;
  int64_t refused;
  int64_t requests_in_minute;
  int64_t tokens_in_minute;
  int64_t requests_per_minute;
  int64_t tokens_per_minute;
} bedrock_stats;
typedef struct bedrock_feed_item {
  uint32_t size;
  int32_t type;
  int64_t lost;
  const char *text;
  size_t text_len;
  const char *target;
  int32_t level;
} bedrock_feed_item;
typedef struct bedrock_json_item {
  const char *key;
  size_t key_len;
  const char *value;
  size_t value_len;
  size_t index;
  size_t state[3];
} bedrock_json_item;

typedef void (*bedrock_release_fn)(void *user);
typedef int32_t (*bedrock_event_fn)(const bedrock_event *event, void *user);
typedef void (*bedrock_wakeup_fn)(void *user);
typedef int32_t (*bedrock_tool_fn)(bedrock_run *run, const bedrock_tool_call *call, void *user);
typedef void (*bedrock_record_fn)(const char *record, size_t len, int64_t lost, void *user);
typedef void (*bedrock_log_fn)(int32_t level, const char *target, const char *message, size_t len, void *user);
typedef struct bedrock_tool {
  const char *name;
  const char *description;
  const char *input_schema_json;
  bedrock_tool_fn call;
  void *user;
} bedrock_tool;

uint32_t bedrock_version_number(void);
const char *bedrock_version(void);
const char *bedrock_status_name(bedrock_status status);
bedrock_status bedrock_error_status(const bedrock_error *error);
const char *bedrock_error_message(const bedrock_error *error);
const char *bedrock_error_code(const bedrock_error *error);
const char *bedrock_error_path(const bedrock_error *error);
const char *bedrock_error_request_id(const bedrock_error *error);
int32_t bedrock_error_http_status(const bedrock_error *error);
int32_t bedrock_error_retryable(const bedrock_error *error);
int64_t bedrock_error_retry_after(const bedrock_error *error);
const char *bedrock_error_json(const bedrock_error *error, size_t *len);
int32_t bedrock_error_attempts(const bedrock_error *error);
void bedrock_error_free(bedrock_error *error);
bedrock_status bedrock_model_new(const char *config_json, size_t len, bedrock_model **out, bedrock_error **err);
bedrock_status bedrock_model_connect(const bedrock_model *model, bedrock_cancel *cancel, int32_t timeout_ms, bedrock_error **err);
bedrock_status bedrock_model_with(const bedrock_model *model, const char *defaults_json, size_t len, bedrock_model **out, bedrock_error **err);
bedrock_status bedrock_model_set_credentials(const bedrock_model *model, const char *json, size_t len, bedrock_error **err);
bedrock_status bedrock_model_api_key(const bedrock_model *model, int32_t seconds, bedrock_cancel *cancel, char *buffer, size_t size, size_t *len, bedrock_error **err);
const char *bedrock_model_id(const bedrock_model *model, size_t *len);
const char *bedrock_model_settings(const bedrock_model *model, size_t *len, bedrock_error **err);
void bedrock_model_free(bedrock_model *model);
bedrock_status bedrock_request_new(const char *json, size_t len, bedrock_request **out, bedrock_error **err);
bedrock_status bedrock_request_clone(const bedrock_request *request, bedrock_request **out, bedrock_error **err);
bedrock_status bedrock_request_set(bedrock_request *request, const char *json, size_t len, bedrock_error **err);
bedrock_status bedrock_request_remove(bedrock_request *request, const char *member, bedrock_error **err);
bedrock_status bedrock_request_set_traceparent(bedrock_request *request, const char *traceparent, bedrock_error **err);
const char *bedrock_request_json(bedrock_request *request, int32_t attachments, size_t *len, bedrock_error **err);
const char *bedrock_request_body(bedrock_request *request, const bedrock_model *model, size_t *len, bedrock_error **err);
const char *bedrock_request_diff(bedrock_request *a, const bedrock_request *b, const bedrock_model *model, size_t *len, bedrock_error **err);
void bedrock_request_free(bedrock_request *request);
bedrock_status bedrock_request_add_text(bedrock_request *request, const char *role, const char *text, size_t len, bedrock_error **err);
bedrock_status bedrock_request_add_message(bedrock_request *request, const char *json, size_t len, bedrock_error **err);
bedrock_status bedrock_request_add_response(bedrock_request *request, const bedrock_response *response, bedrock_error **err);
bedrock_status bedrock_request_add_tool_result(bedrock_request *request, const char *tool_use_id, const char *content, size_t len, int32_t is_error, bedrock_error **err);
size_t bedrock_request_message_count(const bedrock_request *request);
bedrock_status bedrock_request_remove_messages(bedrock_request *request, size_t first, size_t count, bedrock_error **err);
bedrock_status bedrock_request_trim(bedrock_request *request, size_t max_messages, bedrock_request **removed, bedrock_error **err);
bedrock_status bedrock_request_add_image(bedrock_request *request, const char *role, const char *format, const void *data, size_t len, bedrock_release_fn release, void *user, bedrock_error **err);
bedrock_status bedrock_request_add_document(bedrock_request *request, const char *role, const char *format, const char *name, const void *data, size_t len, bedrock_release_fn release, void *user, bedrock_error **err);
bedrock_status bedrock_request_attach(bedrock_request *request, const char *name, const void *data, size_t len, bedrock_release_fn release, void *user, bedrock_error **err);
bedrock_cancel *bedrock_cancel_new(void);
void bedrock_cancel_fire(bedrock_cancel *cancel);
void bedrock_cancel_free(bedrock_cancel *cancel);
bedrock_status bedrock_generate(const bedrock_model *model, const bedrock_request *request, bedrock_cancel *cancel, bedrock_response **out, bedrock_error **err);
bedrock_status bedrock_generate_stream(const bedrock_model *model, const bedrock_request *request, bedrock_cancel *cancel, bedrock_event_fn on_event, void *user, bedrock_response **out, bedrock_error **err);
bedrock_status bedrock_stream_open(const bedrock_model *model, const bedrock_request *request, bedrock_cancel *cancel, bedrock_stream **out, bedrock_error **err);
bedrock_status bedrock_stream_next(bedrock_stream *stream, int32_t timeout_ms, const bedrock_event **event, bedrock_error **err);
int bedrock_stream_fd(bedrock_stream *stream);
bedrock_status bedrock_stream_set_wakeup(bedrock_stream *stream, bedrock_wakeup_fn wakeup, void *user, bedrock_release_fn release);
bedrock_status bedrock_stream_response(bedrock_stream *stream, bedrock_response **out, bedrock_error **err);
void bedrock_stream_cancel(bedrock_stream *stream);
void bedrock_stream_free(bedrock_stream *stream);
bedrock_waitset *bedrock_waitset_new(void);
bedrock_status bedrock_waitset_add(bedrock_waitset *set, bedrock_stream *stream, void *user);
bedrock_status bedrock_waitset_add_run(bedrock_waitset *set, bedrock_run *run, void *user);
bedrock_status bedrock_waitset_wait(bedrock_waitset *set, int32_t timeout_ms, bedrock_stream **stream, void **user);
int bedrock_waitset_fd(bedrock_waitset *set);
void bedrock_waitset_free(bedrock_waitset *set);
bedrock_status bedrock_call(const bedrock_model *model, const char *operation, const bedrock_request *request, bedrock_cancel *cancel, bedrock_response **out, bedrock_error **err);
bedrock_status bedrock_call_open(const bedrock_model *model, const char *operation, const bedrock_request *request, bedrock_cancel *cancel, bedrock_stream **out, bedrock_error **err);
const char *bedrock_response_text(const bedrock_response *response, size_t *len);
const char *bedrock_response_structured(const bedrock_response *response, size_t *len, bedrock_error **err);
const char *bedrock_response_reasoning(const bedrock_response *response, size_t *len);
const char *bedrock_response_stop_reason(const bedrock_response *response);
const char *bedrock_response_finish_reason(const bedrock_response *response);
int32_t bedrock_response_complete(const bedrock_response *response);
size_t bedrock_response_tool_call_count(const bedrock_response *response);
bedrock_status bedrock_response_tool_call(const bedrock_response *response, size_t index, bedrock_tool_call *out, size_t size);
bedrock_status bedrock_response_server_tool_call(const bedrock_response *response, size_t index, bedrock_tool_call *out, size_t size);
const char *bedrock_response_message(const bedrock_response *response, size_t *len);
const char *bedrock_response_json(const bedrock_response *response, size_t *len);
const char *bedrock_response_request_id(const bedrock_response *response);
const char *bedrock_response_model(const bedrock_response *response);
const char *bedrock_response_service_tier(const bedrock_response *response);
int32_t bedrock_response_attempts(const bedrock_response *response);
void bedrock_response_free(bedrock_response *response);
bedrock_status bedrock_response_usage(const bedrock_response *response, bedrock_usage *out, size_t size);
bedrock_status bedrock_model_usage(const bedrock_model *model, bedrock_usage *out, size_t size);
bedrock_status bedrock_model_stats(const bedrock_model *model, bedrock_stats *out, size_t size);
bedrock_status bedrock_run_tools(const bedrock_model *model, bedrock_request *request, const bedrock_tool *tools, size_t count, size_t size, const char *options_json, size_t len, bedrock_cancel *cancel, bedrock_event_fn on_event, void *user, bedrock_response **out, bedrock_error **err);
bedrock_status bedrock_run_open(const bedrock_model *model, bedrock_request *request, const char *options_json, size_t len, bedrock_cancel *cancel, bedrock_run **out, bedrock_error **err);
bedrock_status bedrock_run_next(bedrock_run *run, int32_t timeout_ms, const bedrock_event **event, bedrock_error **err);
bedrock_status bedrock_run_result(bedrock_run *run, const char *tool_use_id, const char *content, size_t len, int32_t kind, bedrock_error **err);
int bedrock_run_fd(bedrock_run *run);
bedrock_status bedrock_run_set_wakeup(bedrock_run *run, bedrock_wakeup_fn wakeup, void *user, bedrock_release_fn release);
bedrock_status bedrock_run_response(bedrock_run *run, bedrock_response **out, bedrock_error **err);
void bedrock_run_cancel(bedrock_run *run);
void bedrock_run_free(bedrock_run *run);
bedrock_status bedrock_set_observer(const char *options_json, size_t len, bedrock_record_fn observer, void *user, bedrock_release_fn release, bedrock_error **err);
bedrock_status bedrock_feed_new(const char *options_json, size_t len, bedrock_feed **out, bedrock_error **err);
bedrock_status bedrock_feed_next(bedrock_feed *feed, int32_t timeout_ms, const bedrock_feed_item **item, bedrock_error **err);
int bedrock_feed_fd(bedrock_feed *feed);
void bedrock_feed_free(bedrock_feed *feed);
int32_t bedrock_json_type(const char *json, size_t len, const char *pointer);
size_t bedrock_json_count(const char *json, size_t len, const char *pointer);
int32_t bedrock_json_next(const char *json, size_t len, const char *pointer, bedrock_json_item *item, size_t size);
double bedrock_json_number(const char *json, size_t len, const char *pointer, double fallback);
size_t bedrock_json_numbers(const char *json, size_t len, const char *pointer, double *out, size_t max);
size_t bedrock_json_floats(const char *json, size_t len, const char *pointer, float *out, size_t max);
int64_t bedrock_json_integer(const char *json, size_t len, const char *pointer, int64_t fallback);
const char *bedrock_json_raw(const char *json, size_t len, const char *pointer, size_t *raw_len);
size_t bedrock_json_string(const char *json, size_t len, const char *pointer, char *buffer, size_t size);
size_t bedrock_json_bytes(const char *json, size_t len, const char *pointer, void *buffer, size_t size);
size_t bedrock_json_quote(const char *text, size_t len, char *buffer, size_t size);
size_t bedrock_json_quote_bytes(const void *data, size_t len, char *buffer, size_t size);
size_t bedrock_utf8_length(const char *text, size_t len);
bedrock_status bedrock_set_log(int32_t level, bedrock_log_fn log, void *user, bedrock_release_fn release);
bedrock_status bedrock_shutdown(int32_t timeout_ms);
size_t bedrock_live_handles(void);
