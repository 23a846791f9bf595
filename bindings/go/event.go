package bedrock

import (
	"encoding/json"
	"fmt"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// EventType is the type of an event. Ignore types that you do not know.
type EventType int32

// The types of events, with what Text is.
const (
	// EventMessageStart begins the message. Text is its role. (messageStart)
	EventMessageStart EventType = 1
	// EventBlockStart begins a tool call or a tool result. (contentBlockStart)
	EventBlockStart EventType = 2
	// EventText is a piece of text. (contentBlockDelta: text)
	EventText EventType = 3
	// EventReasoning is a piece of the model's reasoning. (contentBlockDelta: reasoningContent.text)
	EventReasoning EventType = 4
	// EventToolInput is a fragment of a tool call's input, which is a part of JSON. (contentBlockDelta: toolUse.input)
	EventToolInput EventType = 5
	// EventBlockDelta is any other delta, in JSON. (contentBlockDelta)
	EventBlockDelta EventType = 6
	// EventBlockStop ends a block. For a tool call Text is its complete input. (contentBlockStop)
	EventBlockStop EventType = 7
	// EventMessageStop ends the message. Text is the stop reason. (messageStop)
	EventMessageStop EventType = 8
	// EventMetadata is usage, metrics and trace, in JSON. (metadata)
	EventMetadata EventType = 9
	// EventOther is an event that this version does not know. Text is its name.
	EventOther EventType = 10
	// EventChunk is a chunk of InvokeModelWithResponseStream. Text is the model's own JSON. (chunk)
	EventChunk EventType = 11
	// EventToolCall is a tool call to do, in a [Run] alone. Text is its input, a JSON object.
	EventToolCall EventType = 12
)

var eventNames = [...]string{
	EventMessageStart: "message start", EventBlockStart: "block start", EventText: "text", EventReasoning: "reasoning",
	EventToolInput: "tool input", EventBlockDelta: "block delta", EventBlockStop: "block stop",
	EventMessageStop: "message stop", EventMetadata: "metadata", EventOther: "other", EventChunk: "chunk",
	EventToolCall: "tool call",
}

// String returns the name of the type, such as "text".
func (t EventType) String() string {
	if t > 0 && int(t) < len(eventNames) {
		return eventNames[t]
	}
	return fmt.Sprintf("event %d", int32(t))
}

// Event is an event of a stream. It is a copy: its texts stay valid.
type Event struct {
	// Type is the type of the event.
	Type EventType
	// Block is the index of the content block, or -1. Blocks may interleave.
	Block int
	// InputValid is set in EventBlockStop of a tool call if Text is a JSON object.
	InputValid bool
	// Text is the decoded text. The comment of each EventType describes it.
	Text string
	// ToolID is the id of a tool call, in EventBlockStart, EventBlockStop and EventToolCall. Otherwise "".
	ToolID string
	// ToolName is the name of a tool, in EventBlockStart, EventBlockStop and EventToolCall. Otherwise "".
	ToolName string
	// Round is the round of a [Run], from 1, and 0 in a [Stream].
	Round int
	// JSON is the payload of the event, verbatim. "" if the payload of an EventOther is not JSON.
	JSON string
	// Payload is the payload of the event, verbatim, JSON or not.
	Payload string
}

// Decode decodes the payload of the event as [json.Unmarshal] does.
func (e Event) Decode(value any) error { return json.Unmarshal([]byte(e.JSON), value) }

func newEvent(e abi.Event) Event {
	return Event{EventType(e.Type), int(e.Block), e.InputValid, e.Text, e.ToolID, e.ToolName, int(e.Round), e.JSON, e.Payload}
}
