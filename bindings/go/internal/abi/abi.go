// Package abi calls libbedrock's C functions. It has two bodies with the same functions: cgo, and purego for builds
// with CGO_ENABLED=0. Nothing that it returns points into memory of the library, except [Next] until its Copy.
//
// No function of the library that can be called here runs Go code, and only [ModelConnect], [ModelAPIKey], [WaitsetTake] and
// [Shutdown] wait.
package abi

import "unsafe"

// Handle is a handle of any type. 0 is NULL.
type Handle uintptr

// Statuses that this package and its callers compare with.
const (
	OK        = 0
	Done      = 1
	Again     = 2
	Stopped   = 3
	EConfig   = -4
	EResource = -22
)

// The forms of the content of a result, for [RunResult].
const (
	ResultText  = 0
	ResultError = 1
	ResultJSON  = 2
)

// Unlimited is a time limit that does not end a wait.
const Unlimited = -1

// The texts of a response, for [ResponseText].
const (
	Text = iota
	Reasoning
	Message
	JSON
	StopReason
	FinishReason
	RequestID
	ResponseModel
	ServiceTier
)

// Result is what a function returned: a status, the object that it made, and the error. Failure takes the error.
type Result struct {
	Out    Handle
	err    Handle
	Status int32
}

// Failure is the content of a bedrock_error.
type Failure struct {
	Status                               int32
	Message, Code, Path, RequestID, JSON string
	HTTPStatus, Attempts                 int32
	Retryable                            bool
	RetryAfter                           int64 // milliseconds, or -1
}

// Usage has the layout of bedrock_usage.
type Usage struct {
	InputTokens, OutputTokens, TotalTokens, CacheReadTokens, CacheWriteTokens, LatencyMS int64
	CacheWrite5mTokens, CacheWrite1hTokens                                               int64
}

// Stats has the layout of bedrock_stats.
type Stats struct {
	Running, Waiting, Waits, WaitedMS, Refused                           int64
	RequestsInMinute, TokensInMinute, RequestsPerMinute, TokensPerMinute int64
}

// ToolCall is a tool call of a response.
type ToolCall struct {
	ID, Name, Input string
	InputValid      bool
}

// Event is a copy of an event.
type Event struct {
	Type, Block, Round                    int32
	InputValid                            bool
	Text, ToolID, ToolName, JSON, Payload string
}

// event has the layout of bedrock_event.
type event struct {
	_                       uint32 // size
	kind, block, inputValid int32
	text                    unsafe.Pointer
	textLen                 uintptr
	toolID                  unsafe.Pointer
	toolIDLen               uintptr
	toolName                unsafe.Pointer
	toolNameLen             uintptr
	_                       unsafe.Pointer // json, which is payload if it is JSON
	jsonLen                 uintptr
	payload                 unsafe.Pointer
	payloadLen              uintptr
	round                   int32
}

// FeedItem is a copy of an item of a feed.
type FeedItem struct {
	Type, Level  int32
	Lost         int64
	Text, Target string
}

// feedItem has the layout of bedrock_feed_item.
type feedItem struct {
	_       uint32 // size
	kind    int32
	lost    int64
	text    unsafe.Pointer
	textLen uintptr
	target  unsafe.Pointer
	level   int32
}

func (i *feedItem) copy() FeedItem {
	return FeedItem{i.kind, i.level, i.lost, copyText(i.text, i.textLen), copyString(i.target)}
}

// toolCall has the layout of bedrock_tool_call.
type toolCall struct {
	id, name         unsafe.Pointer
	input            unsafe.Pointer
	inputLen         uintptr
	inputValid, kind int32
}

// Copy copies the event, with one allocation for all of its texts. It has to run before the next function of the
// stream, and while no other goroutine can free the stream.
func (n *Next) Copy() Event {
	e := n.event
	size := e.textLen + e.toolIDLen + e.toolNameLen + e.payloadLen
	copied := Event{Type: e.kind, Block: e.block, Round: e.round, InputValid: e.inputValid != 0}
	if size == 0 {
		return copied
	}
	buffer := make([]byte, size)
	take := func(start unsafe.Pointer, length uintptr) string {
		if length == 0 {
			return ""
		}
		copy(buffer, unsafe.Slice((*byte)(start), length))
		text := unsafe.String(unsafe.SliceData(buffer), length)
		buffer = buffer[length:]
		return text
	}
	copied.Text = take(e.text, e.textLen)
	copied.ToolID = take(e.toolID, e.toolIDLen)
	copied.ToolName = take(e.toolName, e.toolNameLen)
	copied.Payload = take(e.payload, e.payloadLen)
	if e.jsonLen != 0 {
		copied.JSON = copied.Payload
	}
	return copied
}

// Failure copies and frees the error of a failed function. It returns nil if the function did not fail.
func (r Result) Failure() *Failure {
	if r.Status >= 0 {
		return nil
	}
	if r.err == 0 {
		return &Failure{Status: r.Status, Message: "bedrock: " + StatusName(r.Status), RetryAfter: -1}
	}
	failure := readError(r.err)
	failure.Status = r.Status
	errorFree(r.err)
	return failure
}

// Failure is the failure of the status that [StreamNext] or [RunNext] returned with n.
func (n *Next) Failure(status int32) *Failure {
	return Result{err: Handle(n.err), Status: status}.Failure()
}

// name makes a C string for the parameters that have no length. The caller has checked that it has no NUL inside.
func name(text string) *byte {
	terminated := make([]byte, len(text)+1)
	copy(terminated, text)
	return &terminated[0]
}

var empty byte

// start returns where the bytes of a text are, which is never nil.
func start(text string) *byte {
	if text == "" {
		return &empty
	}
	return unsafe.StringData(text)
}

// startOf returns where bytes are, which is never nil.
func startOf(data []byte) *byte {
	if len(data) == 0 {
		return &empty
	}
	return unsafe.SliceData(data)
}

func copyText(start unsafe.Pointer, length uintptr) string {
	if length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(start), length))
}

// copyString copies a text that a NUL ends.
func copyString(start unsafe.Pointer) string {
	if start == nil {
		return ""
	}
	length := uintptr(0)
	for *(*byte)(unsafe.Add(start, length)) != 0 {
		length++
	}
	return copyText(start, length)
}

func (c *toolCall) copy() ToolCall {
	return ToolCall{copyString(c.id), copyString(c.name), copyText(c.input, c.inputLen), c.inputValid != 0}
}
