//go:build !cgo

package abi

import (
	"os"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Link is how the library is linked.
const Link = "dlopen"

// fn has the addresses of the library's functions, once Load has succeeded.
var fn struct {
	version, statusName, liveHandles, shutdown, modelNew, modelWith, modelConnect, modelID                    uintptr
	modelSettings, modelUsage, modelFree, requestNew, requestClone, requestSet, requestRemove, requestAddText uintptr
	requestAddMessage, requestAddResponse, requestAddToolResult, requestMessageCount, requestRemoveMessages   uintptr
	requestTrim, requestAddImage, requestAddDocument, requestAttach, requestJSON, requestBody, requestFree    uintptr
	cancelNew, cancelFire, cancelFree, callOpen, streamNext, streamResponse, streamCancel                     uintptr
	streamFree, waitsetNew, waitsetAdd, waitsetWait, waitsetFD, waitsetFree, responseText, responseReasoning  uintptr
	responseMessage, responseJSON, responseStopReason, responseFinishReason, responseRequestID, responseModel uintptr
	responseComplete, responseAttempts, responseUsage, responseToolCall, responseServerToolCall, responseFree uintptr
	errorStatus, errorMessage, errorCode, errorPath, errorRequestID, errorJSON, errorHTTPStatus               uintptr
	errorRetryable, errorRetryAfter, errorAttempts, errorFree, requestDiff, responseStructured, modelStats    uintptr
	modelSetCredentials, modelAPIKey                                                                          uintptr
	feedNew, feedNext, feedFD, feedFree, requestSetTraceparent                                                uintptr
	runOpen, runNext, runResult, runResponse, runCancel, runFree, waitsetAddRun, responseServiceTier          uintptr
}

var symbols = []struct {
	name    string
	address *uintptr
}{
	{"bedrock_version", &fn.version},
	{"bedrock_status_name", &fn.statusName},
	{"bedrock_live_handles", &fn.liveHandles},
	{"bedrock_shutdown", &fn.shutdown},
	{"bedrock_model_new", &fn.modelNew},
	{"bedrock_model_with", &fn.modelWith},
	{"bedrock_model_connect", &fn.modelConnect},
	{"bedrock_model_set_credentials", &fn.modelSetCredentials},
	{"bedrock_model_api_key", &fn.modelAPIKey},
	{"bedrock_model_id", &fn.modelID},
	{"bedrock_model_settings", &fn.modelSettings},
	{"bedrock_model_usage", &fn.modelUsage},
	{"bedrock_model_stats", &fn.modelStats},
	{"bedrock_model_free", &fn.modelFree},
	{"bedrock_request_new", &fn.requestNew},
	{"bedrock_request_clone", &fn.requestClone},
	{"bedrock_request_set", &fn.requestSet},
	{"bedrock_request_remove", &fn.requestRemove},
	{"bedrock_request_add_text", &fn.requestAddText},
	{"bedrock_request_add_message", &fn.requestAddMessage},
	{"bedrock_request_add_response", &fn.requestAddResponse},
	{"bedrock_request_add_tool_result", &fn.requestAddToolResult},
	{"bedrock_request_message_count", &fn.requestMessageCount},
	{"bedrock_request_remove_messages", &fn.requestRemoveMessages},
	{"bedrock_request_trim", &fn.requestTrim},
	{"bedrock_request_add_image", &fn.requestAddImage},
	{"bedrock_request_add_document", &fn.requestAddDocument},
	{"bedrock_request_attach", &fn.requestAttach},
	{"bedrock_request_json", &fn.requestJSON},
	{"bedrock_request_body", &fn.requestBody},
	{"bedrock_request_diff", &fn.requestDiff},
	{"bedrock_request_free", &fn.requestFree},
	{"bedrock_cancel_new", &fn.cancelNew},
	{"bedrock_cancel_fire", &fn.cancelFire},
	{"bedrock_cancel_free", &fn.cancelFree},
	{"bedrock_call_open", &fn.callOpen},
	{"bedrock_stream_next", &fn.streamNext},
	{"bedrock_stream_response", &fn.streamResponse},
	{"bedrock_stream_cancel", &fn.streamCancel},
	{"bedrock_stream_free", &fn.streamFree},
	{"bedrock_feed_new", &fn.feedNew},
	{"bedrock_feed_next", &fn.feedNext},
	{"bedrock_feed_fd", &fn.feedFD},
	{"bedrock_feed_free", &fn.feedFree},
	{"bedrock_request_set_traceparent", &fn.requestSetTraceparent},
	{"bedrock_run_open", &fn.runOpen},
	{"bedrock_run_next", &fn.runNext},
	{"bedrock_run_result", &fn.runResult},
	{"bedrock_run_response", &fn.runResponse},
	{"bedrock_run_cancel", &fn.runCancel},
	{"bedrock_run_free", &fn.runFree},
	{"bedrock_waitset_new", &fn.waitsetNew},
	{"bedrock_waitset_add", &fn.waitsetAdd},
	{"bedrock_waitset_add_run", &fn.waitsetAddRun},
	{"bedrock_waitset_wait", &fn.waitsetWait},
	{"bedrock_waitset_fd", &fn.waitsetFD},
	{"bedrock_waitset_free", &fn.waitsetFree},
	{"bedrock_response_text", &fn.responseText},
	{"bedrock_response_structured", &fn.responseStructured},
	{"bedrock_response_reasoning", &fn.responseReasoning},
	{"bedrock_response_message", &fn.responseMessage},
	{"bedrock_response_json", &fn.responseJSON},
	{"bedrock_response_stop_reason", &fn.responseStopReason},
	{"bedrock_response_finish_reason", &fn.responseFinishReason},
	{"bedrock_response_request_id", &fn.responseRequestID},
	{"bedrock_response_model", &fn.responseModel},
	{"bedrock_response_service_tier", &fn.responseServiceTier},
	{"bedrock_response_complete", &fn.responseComplete},
	{"bedrock_response_attempts", &fn.responseAttempts},
	{"bedrock_response_usage", &fn.responseUsage},
	{"bedrock_response_tool_call", &fn.responseToolCall},
	{"bedrock_response_server_tool_call", &fn.responseServerToolCall},
	{"bedrock_response_free", &fn.responseFree},
	{"bedrock_error_status", &fn.errorStatus},
	{"bedrock_error_message", &fn.errorMessage},
	{"bedrock_error_code", &fn.errorCode},
	{"bedrock_error_path", &fn.errorPath},
	{"bedrock_error_request_id", &fn.errorRequestID},
	{"bedrock_error_json", &fn.errorJSON},
	{"bedrock_error_http_status", &fn.errorHTTPStatus},
	{"bedrock_error_retryable", &fn.errorRetryable},
	{"bedrock_error_retry_after", &fn.errorRetryAfter},
	{"bedrock_error_attempts", &fn.errorAttempts},
	{"bedrock_error_free", &fn.errorFree},
}

// Load loads the library: the file that LIBBEDROCK names, or libbedrock.so.0 where the loader finds it. Every other
// function needs it to have succeeded.
var Load = sync.OnceValue(func() *Failure {
	file := os.Getenv("LIBBEDROCK")
	if file == "" {
		file = "libbedrock.so.0"
	}
	fail := func(reason string) *Failure {
		return &Failure{Status: EConfig, RetryAfter: -1, Message: "bedrock: loading the library: " + reason +
			". Install libbedrock where the loader looks for it, or set LIBBEDROCK to its file"}
	}
	library, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fail(strings.TrimSpace(err.Error()))
	}
	for _, symbol := range symbols {
		if *symbol.address, err = purego.Dlsym(library, symbol.name); err != nil {
			return fail(file + " has no function " + symbol.name + ", so its version is too old")
		}
	}
	return nil
})

// outs receives what a function returns by pointers. It is always on the heap, because the library writes to it.
type outs struct{ out, err, len uintptr }

func (o *outs) result(status uintptr) Result {
	return Result{Handle(o.out), Handle(o.err), int32(status)}
}

// pointer makes a pointer of an address outside of Go's memory. Go's vet takes a plain conversion for a mistake.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// call calls a function whose parameters are all numbers. Without the library it returns 0.
func call(function uintptr, arguments ...uintptr) uintptr {
	if function == 0 {
		return 0
	}
	result, _, _ := purego.SyscallN(function, arguments...)
	return result
}

// withText calls a function with a handle, a text with its length, and an error.
func withText(function uintptr, handle Handle, text string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(function, uintptr(handle), uintptr(unsafe.Pointer(start(text))), uintptr(len(text)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// Version returns the version of the library.
func Version() string { return copyString(pointer(call(fn.version))) }

// StatusName returns the name of a status.
func StatusName(status int32) string {
	if Load() != nil {
		return ""
	}
	return copyString(pointer(call(fn.statusName, uintptr(status))))
}

// LiveHandles returns the number of handles that were made and not freed.
func LiveHandles() int { return int(call(fn.liveHandles)) }

// Shutdown cancels all calls and waits for the library's threads.
func Shutdown(timeoutMS int32) int32 { return int32(call(fn.shutdown, uintptr(timeoutMS))) }

// ModelNew makes a model.
func ModelNew(json string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.modelNew, uintptr(unsafe.Pointer(start(json))), uintptr(len(json)),
		uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// ModelWith derives a model.
func ModelWith(model Handle, json string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.modelWith, uintptr(model), uintptr(unsafe.Pointer(start(json))),
		uintptr(len(json)), uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// ModelConnect connects, and waits.
func ModelConnect(model, cancel Handle, timeoutMS int32) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.modelConnect, uintptr(model), uintptr(cancel), uintptr(timeoutMS),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// ModelSetCredentials replaces what authorizes calls.
func ModelSetCredentials(model Handle, json string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.modelSetCredentials, uintptr(model), uintptr(unsafe.Pointer(start(json))),
		uintptr(len(json)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// ModelAPIKey makes an API key, and waits. It returns the length of the key, which may not fit into the buffer.
func ModelAPIKey(model Handle, seconds int32, cancel Handle, buffer []byte) (int, Result) {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.modelAPIKey, uintptr(model), uintptr(seconds), uintptr(cancel),
		uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)), uintptr(unsafe.Pointer(&o.len)),
		uintptr(unsafe.Pointer(&o.err)))
	return int(o.len), o.result(status)
}

// ModelID returns the model id.
func ModelID(model Handle) string { return lengthText(fn.modelID, uintptr(model)) }

// lengthText calls a getter that gives the length of its text.
func lengthText(function, handle uintptr) string {
	o := new(outs)
	text, _, _ := purego.SyscallN(function, handle, uintptr(unsafe.Pointer(&o.len)))
	return copyText(pointer(text), o.len)
}

func usage(function uintptr, handle Handle) Usage {
	u := new(Usage)
	purego.SyscallN(function, uintptr(handle), uintptr(unsafe.Pointer(u)), unsafe.Sizeof(*u))
	return *u
}

// ModelSettings returns the settings that calls of a model use, as JSON.
func ModelSettings(model Handle) (string, Result) {
	o := new(outs)
	text, _, _ := purego.SyscallN(fn.modelSettings, uintptr(model), uintptr(unsafe.Pointer(&o.len)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.textOrFailure(text)
}

// ModelUsage returns the usage of all calls of a model.
func ModelUsage(model Handle) Usage { return usage(fn.modelUsage, model) }

// ModelStats returns how the calls of a model run and wait.
func ModelStats(model Handle) Stats {
	s := new(Stats)
	purego.SyscallN(fn.modelStats, uintptr(model), uintptr(unsafe.Pointer(s)), unsafe.Sizeof(*s))
	return *s
}

// RequestNew makes a request.
func RequestNew() Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestNew, 0, 0, uintptr(unsafe.Pointer(&o.out)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestLoad makes a request from JSON.
func RequestLoad(json string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestNew, uintptr(unsafe.Pointer(start(json))), uintptr(len(json)),
		uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestClone copies a request.
func RequestClone(request Handle) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestClone, uintptr(request), uintptr(unsafe.Pointer(&o.out)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestSet replaces members.
func RequestSet(request Handle, json string) Result { return withText(fn.requestSet, request, json) }

// RequestRemove removes a member.
func RequestRemove(request Handle, member string) Result {
	terminated := name(member)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestRemove, uintptr(request), uintptr(unsafe.Pointer(terminated)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestSetTraceparent sets the span in which the request is sent. "" removes it.
func RequestSetTraceparent(request Handle, traceparent string) Result {
	var given *byte
	if traceparent != "" {
		given = name(traceparent)
	}
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestSetTraceparent, uintptr(request), uintptr(unsafe.Pointer(given)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestAddText adds text.
func RequestAddText(request Handle, role, content string) Result {
	terminated := name(role)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAddText, uintptr(request), uintptr(unsafe.Pointer(terminated)),
		uintptr(unsafe.Pointer(start(content))), uintptr(len(content)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestAddMessage adds a message.
func RequestAddMessage(request Handle, json string) Result {
	return withText(fn.requestAddMessage, request, json)
}

// RequestAddResponse adds the message of a response.
func RequestAddResponse(request, response Handle) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAddResponse, uintptr(request), uintptr(response),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestAddToolResult adds the result of a tool.
func RequestAddToolResult(request Handle, id, content string, isError bool) Result {
	terminated := name(id)
	failed := uintptr(0)
	if isError {
		failed = 1
	}
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAddToolResult, uintptr(request), uintptr(unsafe.Pointer(terminated)),
		uintptr(unsafe.Pointer(start(content))), uintptr(len(content)), failed, uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestMessageCount returns the number of messages.
func RequestMessageCount(request Handle) int {
	return int(call(fn.requestMessageCount, uintptr(request)))
}

// RequestRemoveMessages removes messages.
func RequestRemoveMessages(request Handle, first, count uint) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestRemoveMessages, uintptr(request), uintptr(first), uintptr(count),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestTrim shortens the conversation. Its result is a request with the removed messages, or 0.
func RequestTrim(request Handle, messages uint) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestTrim, uintptr(request), uintptr(messages),
		uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestAddImage adds a copy of an image.
func RequestAddImage(request Handle, role, format string, data []byte) Result {
	who, kind := name(role), optional(format)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAddImage, uintptr(request), uintptr(unsafe.Pointer(who)),
		uintptr(unsafe.Pointer(kind)), uintptr(unsafe.Pointer(startOf(data))), uintptr(len(data)), 0, 0,
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestAddDocument adds a copy of a document.
func RequestAddDocument(request Handle, role, format, title string, data []byte) Result {
	who, kind, called := name(role), optional(format), optional(title)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAddDocument, uintptr(request), uintptr(unsafe.Pointer(who)),
		uintptr(unsafe.Pointer(kind)), uintptr(unsafe.Pointer(called)), uintptr(unsafe.Pointer(startOf(data))),
		uintptr(len(data)), 0, 0, uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// optional is a name, or NULL for an empty one: the library finds it itself.
func optional(text string) *byte {
	if text == "" {
		return nil
	}
	return name(text)
}

// RequestAttach copies bytes to which JSON refers by a name.
func RequestAttach(request Handle, title string, data []byte) Result {
	terminated := name(title)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.requestAttach, uintptr(request), uintptr(unsafe.Pointer(terminated)),
		uintptr(unsafe.Pointer(startOf(data))), uintptr(len(data)), 0, 0, uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RequestJSON returns the request as JSON.
func RequestJSON(request Handle, attachments int32) (string, Result) {
	return textOrFailure(fn.requestJSON, request, uintptr(attachments))
}

// RequestBody returns the body that a call would send.
func RequestBody(request, model Handle) (string, Result) {
	return textOrFailure(fn.requestBody, request, uintptr(model))
}

// RequestDiff returns the first difference between the bodies of two requests, as JSON, or "".
func RequestDiff(request, other, model Handle) (string, Result) {
	o := new(outs)
	text, _, _ := purego.SyscallN(fn.requestDiff, uintptr(request), uintptr(other), uintptr(model),
		uintptr(unsafe.Pointer(&o.len)), uintptr(unsafe.Pointer(&o.err)))
	return o.textOrFailure(text)
}

// ResponseStructured returns the one JSON value of a response.
func ResponseStructured(response Handle) (string, Result) {
	o := new(outs)
	text, _, _ := purego.SyscallN(fn.responseStructured, uintptr(response), uintptr(unsafe.Pointer(&o.len)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.textOrFailure(text)
}

func textOrFailure(function uintptr, request Handle, argument uintptr) (string, Result) {
	o := new(outs)
	text, _, _ := purego.SyscallN(function, uintptr(request), argument, uintptr(unsafe.Pointer(&o.len)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.textOrFailure(text)
}

// textOrFailure copies a text, or returns the failure if there is none.
func (o *outs) textOrFailure(text uintptr) (string, Result) {
	switch {
	case text != 0:
		return copyText(pointer(text), o.len), Result{}
	case o.err == 0:
		return "", Result{Status: EResource}
	}
	return "", o.result(call(fn.errorStatus, o.err))
}

// CancelNew makes a cancel. It returns 0 if the process is out of handles.
func CancelNew() Handle { return Handle(call(fn.cancelNew)) }

// CancelFire fires a cancel.
func CancelFire(cancel Handle) { call(fn.cancelFire, uintptr(cancel)) }

// CallOpen opens a call of any operation.
func CallOpen(model Handle, operation string, request Handle) Result {
	terminated := name(operation)
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.callOpen, uintptr(model), uintptr(unsafe.Pointer(terminated)),
		uintptr(request), 0, uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// Next is the result of [StreamNext]. It is reused for all events of a stream, and so are the arguments: a list of
// arguments that is written in a call is allocated with each call.
type Next struct {
	event     *event
	err       uintptr
	arguments [4]uintptr
}

// StreamNext gets the next event, and does not wait for it.
func StreamNext(stream Handle, next *Next) int32 {
	return next.get(fn.streamNext, stream)
}

func (n *Next) get(function uintptr, from Handle) int32 {
	n.arguments = [...]uintptr{
		uintptr(from), 0, uintptr(unsafe.Pointer(&n.event)), uintptr(unsafe.Pointer(&n.err))}
	status, _, _ := purego.SyscallN(function, n.arguments[:]...)
	return int32(status)
}

// StreamResponse makes a response of the events that have been read.
func StreamResponse(stream Handle) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.streamResponse, uintptr(stream), uintptr(unsafe.Pointer(&o.out)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// StreamCancel ends a stream.
func StreamCancel(stream Handle) { call(fn.streamCancel, uintptr(stream)) }

// RunOpen opens a run.
func RunOpen(model, request Handle, options string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.runOpen, uintptr(model), uintptr(request), uintptr(unsafe.Pointer(start(options))),
		uintptr(len(options)), 0, uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RunNext gets the next event of a run, and does not wait for it.
func RunNext(run Handle, next *Next) int32 { return next.get(fn.runNext, run) }

// RunResult gives the result of a tool call.
func RunResult(run Handle, id, content string, kind int32) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.runResult, uintptr(run), uintptr(unsafe.Pointer(name(id))),
		uintptr(unsafe.Pointer(start(content))), uintptr(len(content)), uintptr(kind), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RunResponse makes a response of the last message of a run.
func RunResponse(run Handle) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.runResponse, uintptr(run), uintptr(unsafe.Pointer(&o.out)),
		uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// RunCancel ends a run.
func RunCancel(run Handle) { call(fn.runCancel, uintptr(run)) }

// RunFree frees a run, and ends it.
func RunFree(run Handle) { call(fn.runFree, uintptr(run)) }

// WaitsetNew makes a waiting set. It returns 0 if the process is out of handles.
func WaitsetNew() Handle { return Handle(call(fn.waitsetNew)) }

// WaitsetAdd adds a stream to a set.
func WaitsetAdd(set, stream Handle) int32 {
	return int32(call(fn.waitsetAdd, uintptr(set), uintptr(stream), uintptr(stream)))
}

// WaitsetAddRun adds a run to a set.
func WaitsetAddRun(set, run Handle) int32 {
	return int32(call(fn.waitsetAddRun, uintptr(set), uintptr(run), uintptr(run)))
}

// WaitsetFD returns the descriptor of a set, or -1.
func WaitsetFD(set Handle) int { return int(int32(call(fn.waitsetFD, uintptr(set)))) }

// WaitsetTake takes streams and runs that are readable. It waits for the first one only, and returns [OK] if there may be more.
func WaitsetTake(set Handle, timeoutMS int32, streams []Handle) (int, int32) {
	for taken := range streams {
		status, _, _ := purego.SyscallN(fn.waitsetWait, uintptr(set), uintptr(timeoutMS), 0,
			uintptr(unsafe.Pointer(&streams[taken])))
		if int32(status) != OK {
			return taken, int32(status)
		}
		timeoutMS = 0
	}
	return len(streams), OK
}

// ResponseText returns one of the texts of a response.
func ResponseText(response Handle, which int) string {
	switch which {
	case Text:
		return lengthText(fn.responseText, uintptr(response))
	case Reasoning:
		return lengthText(fn.responseReasoning, uintptr(response))
	case Message:
		return lengthText(fn.responseMessage, uintptr(response))
	case JSON:
		return lengthText(fn.responseJSON, uintptr(response))
	case StopReason:
		return copyString(pointer(call(fn.responseStopReason, uintptr(response))))
	case FinishReason:
		return copyString(pointer(call(fn.responseFinishReason, uintptr(response))))
	case RequestID:
		return copyString(pointer(call(fn.responseRequestID, uintptr(response))))
	case ResponseModel:
		return copyString(pointer(call(fn.responseModel, uintptr(response))))
	default:
		return copyString(pointer(call(fn.responseServiceTier, uintptr(response))))
	}
}

// ResponseComplete returns whether a response is complete.
func ResponseComplete(response Handle) bool {
	return int32(call(fn.responseComplete, uintptr(response))) != 0
}

// ResponseAttempts returns how many attempts the call made.
func ResponseAttempts(response Handle) int {
	return int(int32(call(fn.responseAttempts, uintptr(response))))
}

// ResponseUsage returns the usage of a call.
func ResponseUsage(response Handle) Usage { return usage(fn.responseUsage, response) }

// ResponseToolCall returns a tool call, and false if there is no such call.
func ResponseToolCall(response Handle, index int) (ToolCall, bool) {
	return copyCall(fn.responseToolCall, response, index)
}

// ResponseServerToolCall returns a call of a tool that the service ran, and false if there is no such call.
func ResponseServerToolCall(response Handle, index int) (ToolCall, bool) {
	return copyCall(fn.responseServerToolCall, response, index)
}

func copyCall(function uintptr, response Handle, index int) (ToolCall, bool) {
	c := new(toolCall)
	status, _, _ := purego.SyscallN(function, uintptr(response), uintptr(index), uintptr(unsafe.Pointer(c)),
		unsafe.Sizeof(*c))
	if int32(status) != OK {
		return ToolCall{}, false
	}
	return c.copy(), true
}

func readError(err Handle) *Failure {
	e := uintptr(err)
	text := func(function uintptr) string { return copyString(pointer(call(function, e))) }
	return &Failure{
		Message:    text(fn.errorMessage),
		Code:       text(fn.errorCode),
		Path:       text(fn.errorPath),
		RequestID:  text(fn.errorRequestID),
		JSON:       lengthText(fn.errorJSON, e),
		HTTPStatus: int32(call(fn.errorHTTPStatus, e)),
		Attempts:   int32(call(fn.errorAttempts, e)),
		Retryable:  int32(call(fn.errorRetryable, e)) != 0,
		RetryAfter: int64(call(fn.errorRetryAfter, e)),
	}
}

// ModelFree frees a model.
func ModelFree(model Handle) { call(fn.modelFree, uintptr(model)) }

// RequestFree frees a request.
func RequestFree(request Handle) { call(fn.requestFree, uintptr(request)) }

// ResponseFree frees a response.
func ResponseFree(response Handle) { call(fn.responseFree, uintptr(response)) }

// StreamFree frees a stream, and ends it.
func StreamFree(stream Handle) { call(fn.streamFree, uintptr(stream)) }

// FeedNew opens a feed.
func FeedNew(options string) Result {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.feedNew, uintptr(unsafe.Pointer(start(options))), uintptr(len(options)),
		uintptr(unsafe.Pointer(&o.out)), uintptr(unsafe.Pointer(&o.err)))
	return o.result(status)
}

// FeedNext returns a copy of the next item of a feed, and does not wait for it.
func FeedNext(feed Handle) (FeedItem, int32) {
	o := new(outs)
	status, _, _ := purego.SyscallN(fn.feedNext, uintptr(feed), 0, uintptr(unsafe.Pointer(&o.out)), 0)
	if o.out == 0 {
		return FeedItem{}, int32(status)
	}
	return (*feedItem)(pointer(o.out)).copy(), int32(status)
}

// FeedFD returns the descriptor of a feed, or -1.
func FeedFD(feed Handle) int { return int(int32(call(fn.feedFD, uintptr(feed)))) }

// FeedFree frees a feed.
func FeedFree(feed Handle) { call(fn.feedFree, uintptr(feed)) }

// WaitsetFree frees a set, and ends its wait.
func WaitsetFree(set Handle) { call(fn.waitsetFree, uintptr(set)) }

// CancelFree frees a cancel.
func CancelFree(cancel Handle) { call(fn.cancelFree, uintptr(cancel)) }

func errorFree(err Handle) { call(fn.errorFree, uintptr(err)) }
