//go:build cgo

package abi

/*
#include "shim.h"
#cgo nocallback go_call_open
#cgo nocallback go_stream_next
#cgo nocallback go_stream_response
#cgo nocallback go_run_open
#cgo nocallback go_run_next
#cgo nocallback go_run_response
#cgo nocallback go_waitset_take
#cgo noescape go_waitset_take
*/
import "C"

import "unsafe"

// The layouts and constants of this package are those of the header. A difference does not compile.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(event{})-C.sizeof_bedrock_event]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.kind)-unsafe.Offsetof(C.bedrock_event{}._type)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.block)-unsafe.Offsetof(C.bedrock_event{}.block)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.inputValid)-unsafe.Offsetof(C.bedrock_event{}.input_valid)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.text)-unsafe.Offsetof(C.bedrock_event{}.text)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.toolID)-unsafe.Offsetof(C.bedrock_event{}.tool_id)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.toolName)-unsafe.Offsetof(C.bedrock_event{}.tool_name)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.jsonLen)-unsafe.Offsetof(C.bedrock_event{}.json_len)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.payload)-unsafe.Offsetof(C.bedrock_event{}.payload)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.payloadLen)-unsafe.Offsetof(C.bedrock_event{}.payload_len)]
	_ = [1]struct{}{}[unsafe.Offsetof(event{}.round)-unsafe.Offsetof(C.bedrock_event{}.round)]
	_ = [1]struct{}{}[unsafe.Sizeof(feedItem{})-C.sizeof_bedrock_feed_item]
	_ = [1]struct{}{}[unsafe.Offsetof(feedItem{}.lost)-unsafe.Offsetof(C.bedrock_feed_item{}.lost)]
	_ = [1]struct{}{}[unsafe.Offsetof(feedItem{}.text)-unsafe.Offsetof(C.bedrock_feed_item{}.text)]
	_ = [1]struct{}{}[unsafe.Offsetof(feedItem{}.target)-unsafe.Offsetof(C.bedrock_feed_item{}.target)]
	_ = [1]struct{}{}[unsafe.Offsetof(feedItem{}.level)-unsafe.Offsetof(C.bedrock_feed_item{}.level)]
	_ = [1]struct{}{}[unsafe.Sizeof(toolCall{})-C.sizeof_bedrock_tool_call]
	_ = [1]struct{}{}[unsafe.Offsetof(toolCall{}.name)-unsafe.Offsetof(C.bedrock_tool_call{}.name)]
	_ = [1]struct{}{}[unsafe.Offsetof(toolCall{}.input)-unsafe.Offsetof(C.bedrock_tool_call{}.input_json)]
	_ = [1]struct{}{}[unsafe.Offsetof(toolCall{}.inputValid)-unsafe.Offsetof(C.bedrock_tool_call{}.input_valid)]
	_ = [1]struct{}{}[unsafe.Sizeof(Usage{})-C.sizeof_bedrock_usage]
	_ = [1]struct{}{}[unsafe.Offsetof(Usage{}.CacheReadTokens)-unsafe.Offsetof(C.bedrock_usage{}.cache_read_tokens)]
	_ = [1]struct{}{}[unsafe.Offsetof(Usage{}.LatencyMS)-unsafe.Offsetof(C.bedrock_usage{}.latency_ms)]
	_ = [1]struct{}{}[OK-C.BEDROCK_OK]
	_ = [1]struct{}{}[Done-C.BEDROCK_DONE]
	_ = [1]struct{}{}[Again-C.BEDROCK_AGAIN]
	_ = [1]struct{}{}[Stopped-C.BEDROCK_STOPPED]
	_ = [1]struct{}{}[ResultText-C.BEDROCK_RESULT_TEXT]
	_ = [1]struct{}{}[ResultError-C.BEDROCK_RESULT_ERROR]
	_ = [1]struct{}{}[ResultJSON-C.BEDROCK_RESULT_JSON]
	_ = [1]struct{}{}[EConfig-C.BEDROCK_E_CONFIG]
	_ = [1]struct{}{}[EResource-C.BEDROCK_E_RESOURCE]
)

// Next is the result of [StreamNext]. It is reused for all events of a stream.
type Next struct {
	event *event
	err   uintptr
}

// Load makes the library ready to be called. The linker has done so.
func Load() *Failure { return nil }

func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(start(s))), C.size_t(len(s))
}

func result(r C.go_result) Result { return Result{Handle(r.out), Handle(r.err), int32(r.status)} }

// named calls a function that has a parameter without a length.
func named(parameter string, call func(*C.char) C.go_result) Result {
	return result(call((*C.char)(unsafe.Pointer(name(parameter)))))
}

// Version returns the version of the library.
func Version() string { return C.GoString(C.bedrock_version()) }

// StatusName returns the name of a status.
func StatusName(status int32) string {
	return C.GoString(C.bedrock_status_name(C.bedrock_status(status)))
}

// LiveHandles returns the number of handles that were made and not freed.
func LiveHandles() int { return int(C.bedrock_live_handles()) }

// Shutdown cancels all calls and waits for the library's threads.
func Shutdown(timeoutMS int32) int32 { return int32(C.bedrock_shutdown(C.int32_t(timeoutMS))) }

// ModelNew makes a model.
func ModelNew(json string) Result {
	p, n := text(json)
	return result(C.go_model_new(p, n))
}

// ModelWith derives a model.
func ModelWith(model Handle, json string) Result {
	p, n := text(json)
	return result(C.go_model_with(C.uintptr_t(model), p, n))
}

// ModelConnect connects, and waits.
func ModelConnect(model, cancel Handle, timeoutMS int32) Result {
	return result(C.go_model_connect(C.uintptr_t(model), C.uintptr_t(cancel), C.int32_t(timeoutMS)))
}

// ModelSetCredentials replaces what authorizes calls.
func ModelSetCredentials(model Handle, json string) Result {
	p, n := text(json)
	return result(C.go_model_set_credentials(C.uintptr_t(model), p, n))
}

// ModelAPIKey makes an API key, and waits. It returns the length of the key, which may not fit into the buffer.
func ModelAPIKey(model Handle, seconds int32, cancel Handle, buffer []byte) (int, Result) {
	p, n := (*C.char)(unsafe.Pointer(unsafe.SliceData(buffer))), C.size_t(len(buffer))
	r := C.go_model_api_key(C.uintptr_t(model), C.int32_t(seconds), C.uintptr_t(cancel), p, n)
	return int(r.out), Result{err: Handle(r.err), Status: int32(r.status)}
}

// ModelID returns the model id.
func ModelID(model Handle) string {
	id := C.go_model_id(C.uintptr_t(model))
	return copyText(unsafe.Pointer(id.start), uintptr(id.len))
}

// ModelSettings returns the settings that calls of a model use, as JSON.
func ModelSettings(model Handle) (string, Result) {
	return textOrFailure(C.go_model_settings(C.uintptr_t(model)))
}

// ModelUsage returns the usage of all calls of a model.
func ModelUsage(model Handle) Usage {
	usage := C.go_model_usage(C.uintptr_t(model))
	return *(*Usage)(unsafe.Pointer(&usage))
}

// ModelStats returns how the calls of a model run and wait.
func ModelStats(model Handle) Stats {
	stats := C.go_model_stats(C.uintptr_t(model))
	return *(*Stats)(unsafe.Pointer(&stats))
}

// RequestNew makes a request.
func RequestNew() Result { return result(C.go_request_new(nil, 0)) }

// RequestClone copies a request.
func RequestClone(request Handle) Result { return result(C.go_request_clone(C.uintptr_t(request))) }

// RequestLoad makes a request from JSON.
func RequestLoad(json string) Result {
	p, n := text(json)
	return result(C.go_request_new(p, n))
}

// RequestSet replaces members.
func RequestSet(request Handle, json string) Result {
	p, n := text(json)
	return result(C.go_request_set(C.uintptr_t(request), p, n))
}

// RequestRemove removes a member.
func RequestRemove(request Handle, member string) Result {
	return named(member, func(member *C.char) C.go_result {
		return C.go_request_remove(C.uintptr_t(request), member)
	})
}

// RequestSetTraceparent sets the span in which the request is sent. "" removes it.
func RequestSetTraceparent(request Handle, traceparent string) Result {
	return named(traceparent, func(traceparent *C.char) C.go_result {
		return C.go_request_set_traceparent(C.uintptr_t(request), traceparent)
	})
}

// RequestAddText adds text.
func RequestAddText(request Handle, role, content string) Result {
	return named(role, func(role *C.char) C.go_result {
		p, n := text(content)
		return C.go_request_add_text(C.uintptr_t(request), role, p, n)
	})
}

// RequestAddMessage adds a message.
func RequestAddMessage(request Handle, json string) Result {
	p, n := text(json)
	return result(C.go_request_add_message(C.uintptr_t(request), p, n))
}

// RequestAddResponse adds the message of a response.
func RequestAddResponse(request, response Handle) Result {
	return result(C.go_request_add_response(C.uintptr_t(request), C.uintptr_t(response)))
}

// RequestAddToolResult adds the result of a tool.
func RequestAddToolResult(request Handle, id, content string, isError bool) Result {
	return named(id, func(id *C.char) C.go_result {
		failed := C.int32_t(0)
		if isError {
			failed = 1
		}
		p, n := text(content)
		return C.go_request_add_tool_result(C.uintptr_t(request), id, p, n, failed)
	})
}

// RequestMessageCount returns the number of messages.
func RequestMessageCount(request Handle) int {
	return int(C.go_request_message_count(C.uintptr_t(request)))
}

// RequestRemoveMessages removes messages.
func RequestRemoveMessages(request Handle, first, count uint) Result {
	return result(C.go_request_remove_messages(C.uintptr_t(request), C.size_t(first), C.size_t(count)))
}

// RequestTrim shortens the conversation. Its result is a request with the removed messages, or 0.
func RequestTrim(request Handle, messages uint) Result {
	return result(C.go_request_trim(C.uintptr_t(request), C.size_t(messages)))
}

// RequestAddImage adds a copy of an image.
func RequestAddImage(request Handle, role, format string, data []byte) Result {
	kind := name(format)
	return named(role, func(role *C.char) C.go_result {
		return C.go_request_add_image(C.uintptr_t(request), role, (*C.char)(unsafe.Pointer(kind)),
			unsafe.Pointer(startOf(data)), C.size_t(len(data)))
	})
}

// RequestAddDocument adds a copy of a document.
func RequestAddDocument(request Handle, role, format, title string, data []byte) Result {
	kind, called := name(format), name(title)
	return named(role, func(role *C.char) C.go_result {
		return C.go_request_add_document(C.uintptr_t(request), role, (*C.char)(unsafe.Pointer(kind)),
			(*C.char)(unsafe.Pointer(called)), unsafe.Pointer(startOf(data)), C.size_t(len(data)))
	})
}

// RequestAttach copies bytes to which JSON refers by a name.
func RequestAttach(request Handle, title string, data []byte) Result {
	return named(title, func(title *C.char) C.go_result {
		return C.go_request_attach(C.uintptr_t(request), title, unsafe.Pointer(startOf(data)), C.size_t(len(data)))
	})
}

// RequestJSON returns the request as JSON.
func RequestJSON(request Handle, attachments int32) (string, Result) {
	return textOrFailure(C.go_request_json(C.uintptr_t(request), C.int32_t(attachments)))
}

// RequestBody returns the body that a call would send.
func RequestBody(request, model Handle) (string, Result) {
	return textOrFailure(C.go_request_body(C.uintptr_t(request), C.uintptr_t(model)))
}

// RequestDiff returns the first difference between the bodies of two requests, as JSON, or "".
func RequestDiff(request, other, model Handle) (string, Result) {
	return textOrFailure(C.go_request_diff(C.uintptr_t(request), C.uintptr_t(other), C.uintptr_t(model)))
}

// ResponseStructured returns the one JSON value of a response.
func ResponseStructured(response Handle) (string, Result) {
	return textOrFailure(C.go_response_structured(C.uintptr_t(response)))
}

func textOrFailure(t C.go_text) (string, Result) {
	return copyText(unsafe.Pointer(t.start), uintptr(t.len)), Result{err: Handle(t.err), Status: int32(t.status)}
}

// CancelNew makes a cancel. It returns 0 if the process is out of handles.
func CancelNew() Handle { return Handle(C.go_cancel_new()) }

// CancelFire fires a cancel.
func CancelFire(cancel Handle) { C.go_cancel_fire(C.uintptr_t(cancel)) }

// CallOpen opens a call of any operation.
func CallOpen(model Handle, operation string, request Handle) Result {
	return named(operation, func(operation *C.char) C.go_result {
		return C.go_call_open(C.uintptr_t(model), operation, C.uintptr_t(request))
	})
}

// StreamNext gets the next event, and does not wait for it.
func StreamNext(stream Handle, next *Next) int32 {
	n := C.go_stream_next(C.uintptr_t(stream))
	next.event, next.err = (*event)(unsafe.Pointer(n.event)), uintptr(n.err)
	return int32(n.status)
}

// StreamResponse makes a response of the events that have been read.
func StreamResponse(stream Handle) Result { return result(C.go_stream_response(C.uintptr_t(stream))) }

// StreamCancel ends a stream.
func StreamCancel(stream Handle) { C.go_stream_cancel(C.uintptr_t(stream)) }

// RunOpen opens a run.
func RunOpen(model, request Handle, options string) Result {
	p, n := text(options)
	return result(C.go_run_open(C.uintptr_t(model), C.uintptr_t(request), p, n))
}

// RunNext gets the next event of a run, and does not wait for it.
func RunNext(run Handle, next *Next) int32 {
	n := C.go_run_next(C.uintptr_t(run))
	next.event, next.err = (*event)(unsafe.Pointer(n.event)), uintptr(n.err)
	return int32(n.status)
}

// RunResult gives the result of a tool call.
func RunResult(run Handle, id, content string, kind int32) Result {
	return named(id, func(id *C.char) C.go_result {
		p, n := text(content)
		return C.go_run_result(C.uintptr_t(run), id, p, n, C.int32_t(kind))
	})
}

// RunResponse makes a response of the last message of a run.
func RunResponse(run Handle) Result { return result(C.go_run_response(C.uintptr_t(run))) }

// RunCancel ends a run.
func RunCancel(run Handle) { C.go_run_cancel(C.uintptr_t(run)) }

// RunFree frees a run, and ends it.
func RunFree(run Handle) { C.go_run_free(C.uintptr_t(run)) }

// WaitsetNew makes a waiting set. It returns 0 if the process is out of handles.
func WaitsetNew() Handle { return Handle(C.go_waitset_new()) }

// WaitsetAdd adds a stream to a set.
func WaitsetAdd(set, stream Handle) int32 {
	return int32(C.go_waitset_add(C.uintptr_t(set), C.uintptr_t(stream)))
}

// WaitsetAddRun adds a run to a set.
func WaitsetAddRun(set, run Handle) int32 {
	return int32(C.go_waitset_add_run(C.uintptr_t(set), C.uintptr_t(run)))
}

// WaitsetFD returns the descriptor of a set, or -1.
func WaitsetFD(set Handle) int { return int(C.go_waitset_fd(C.uintptr_t(set))) }

// WaitsetTake takes streams and runs that are readable. It waits for the first one only, and returns [OK] if there may be more.
func WaitsetTake(set Handle, timeoutMS int32, streams []Handle) (int, int32) {
	r := C.go_waitset_take(C.uintptr_t(set), C.int32_t(timeoutMS),
		(*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(streams))), C.size_t(len(streams)))
	return int(r.out), int32(r.status)
}

// ResponseText returns one of the texts of a response.
func ResponseText(response Handle, which int) string {
	t := C.go_response_text(C.uintptr_t(response), C.int32_t(which))
	return copyText(unsafe.Pointer(t.start), uintptr(t.len))
}

// ResponseComplete returns whether a response is complete.
func ResponseComplete(response Handle) bool {
	return C.go_response_complete(C.uintptr_t(response)) != 0
}

// ResponseAttempts returns how many attempts the call made.
func ResponseAttempts(response Handle) int { return int(C.go_response_attempts(C.uintptr_t(response))) }

// ResponseUsage returns the usage of a call.
func ResponseUsage(response Handle) Usage {
	usage := C.go_response_usage(C.uintptr_t(response))
	return *(*Usage)(unsafe.Pointer(&usage))
}

// ResponseToolCall returns a tool call, and false if there is no such call.
func ResponseToolCall(response Handle, index int) (ToolCall, bool) {
	return copyCall(C.go_response_tool_call(C.uintptr_t(response), C.size_t(index)))
}

// ResponseServerToolCall returns a call of a tool that the service ran, and false if there is no such call.
func ResponseServerToolCall(response Handle, index int) (ToolCall, bool) {
	return copyCall(C.go_response_server_tool_call(C.uintptr_t(response), C.size_t(index)))
}

func copyCall(c C.go_tool_call) (ToolCall, bool) {
	if c.status != OK {
		return ToolCall{}, false
	}
	return (*toolCall)(unsafe.Pointer(&c.call)).copy(), true
}

func readError(err Handle) *Failure {
	e := C.go_error_view(C.uintptr_t(err))
	return &Failure{
		Message:    C.GoString(e.message),
		Code:       C.GoString(e.code),
		Path:       C.GoString(e.path),
		RequestID:  C.GoString(e.request_id),
		JSON:       copyText(unsafe.Pointer(e.json), uintptr(e.json_len)),
		HTTPStatus: int32(e.http_status),
		Attempts:   int32(e.attempts),
		Retryable:  e.retryable != 0,
		RetryAfter: int64(e.retry_after),
	}
}

// ModelFree frees a model.
func ModelFree(model Handle) { C.go_model_free(C.uintptr_t(model)) }

// RequestFree frees a request.
func RequestFree(request Handle) { C.go_request_free(C.uintptr_t(request)) }

// ResponseFree frees a response.
func ResponseFree(response Handle) { C.go_response_free(C.uintptr_t(response)) }

// StreamFree frees a stream, and ends it.
func StreamFree(stream Handle) { C.go_stream_free(C.uintptr_t(stream)) }

// FeedNew opens a feed.
func FeedNew(options string) Result {
	p, n := text(options)
	return result(C.go_feed_new(p, n))
}

// FeedNext returns a copy of the next item of a feed, and does not wait for it.
func FeedNext(feed Handle) (FeedItem, int32) {
	next := C.go_feed_next(C.uintptr_t(feed))
	if next.item == nil {
		return FeedItem{}, int32(next.status)
	}
	return (*feedItem)(unsafe.Pointer(next.item)).copy(), int32(next.status)
}

// FeedFD returns the descriptor of a feed, or -1.
func FeedFD(feed Handle) int { return int(C.go_feed_fd(C.uintptr_t(feed))) }

// FeedFree frees a feed.
func FeedFree(feed Handle) { C.go_feed_free(C.uintptr_t(feed)) }

// WaitsetFree frees a set, and ends its wait.
func WaitsetFree(set Handle) { C.go_waitset_free(C.uintptr_t(set)) }

// CancelFree frees a cancel.
func CancelFree(cancel Handle) { C.go_cancel_free(C.uintptr_t(cancel)) }

func errorFree(err Handle) { C.go_error_free(C.uintptr_t(err)) }
