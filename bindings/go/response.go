package bedrock

import (
	"encoding/json"
	"runtime"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Response is what a call returned, complete or the part that arrived. It does not change. After Close its methods
// return zero values. All methods may be called by any number of goroutines at once.
type Response struct{ owner *owner }

// ToolCall is a call of a tool by the model.
type ToolCall struct {
	// ID is the id of the call, for [Request.ToolResult].
	ID string
	// Name is the name of the tool.
	Name string
	// Input is the input as JSON.
	Input string
	// InputValid is false if Input is no JSON object, because the model was cut off or wrote something else. Then do
	// not run the tool, and add a [Request.ToolError].
	InputValid bool
}

// Decode decodes the input as [json.Unmarshal] does.
func (c ToolCall) Decode(value any) error { return json.Unmarshal([]byte(c.Input), value) }

func newResponse(made abi.Result) (*Response, error) {
	if f := made.Failure(); f != nil {
		return nil, failed(f)
	}
	r := &Response{&owner{handle: made.Out, free: abi.ResponseFree}}
	closeWith(r, r.owner)
	return r, nil
}

func (r *Response) use(f func(response abi.Handle)) {
	r.owner.use(f)
	runtime.KeepAlive(r)
}

func (r *Response) get(which int) (text string) {
	r.use(func(response abi.Handle) { text = abi.ResponseText(response, which) })
	return text
}

// Text returns all text of the response, joined.
func (r *Response) Text() string { return r.get(abi.Text) }

// Reasoning returns all the reasoning that the model showed, joined.
func (r *Response) Reasoning() string { return r.get(abi.Reasoning) }

// StopReason returns why the model stopped, in the service's word: "end_turn", "tool_use", "max_tokens" and so on.
func (r *Response) StopReason() string { return r.get(abi.StopReason) }

// FinishReason returns why the model stopped, in the words of chat completions: "stop", "tool_calls", "length" and so on.
func (r *Response) FinishReason() string { return r.get(abi.FinishReason) }

// Message returns the assistant's message as Converse JSON, as it came.
func (r *Response) Message() string { return r.get(abi.Message) }

// JSON returns the response as JSON. It is verbatim what the service sent; for a stream it is assembled from the events.
func (r *Response) JSON() string { return r.get(abi.JSON) }

// Decode decodes the JSON of the response as [json.Unmarshal] does.
func (r *Response) Decode(value any) error { return json.Unmarshal([]byte(r.JSON()), value) }

// Structured decodes the one JSON value of the response as [json.Unmarshal] does: structured output, or the input of the
// one tool call. The failure states why there is none; its Code is the stop reason.
func (r *Response) Structured(value any) (err error) {
	var text string
	r.use(func(response abi.Handle) {
		var result abi.Result
		text, result = abi.ResponseStructured(response)
		err = failed(result.Failure())
	})
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), value)
}

// RequestID returns the service's id of the request, which AWS support asks for.
func (r *Response) RequestID() string { return r.get(abi.RequestID) }

// Model returns the model that answered: the one of the call, or that of a fallback.
func (r *Response) Model() string { return r.get(abi.ResponseModel) }

// ServiceTier returns the tier that served the call, such as "default", or "".
func (r *Response) ServiceTier() string { return r.get(abi.ServiceTier) }

// Complete returns whether the response is complete. It is not if a stream was left or failed.
func (r *Response) Complete() (complete bool) {
	r.use(func(response abi.Handle) { complete = abi.ResponseComplete(response) })
	return complete
}

// Attempts returns how many attempts the call made, retries included.
func (r *Response) Attempts() (attempts int) {
	r.use(func(response abi.Handle) { attempts = abi.ResponseAttempts(response) })
	return attempts
}

// Usage returns the tokens that the call used.
func (r *Response) Usage() (used Usage) {
	r.use(func(response abi.Handle) { used = usage(abi.ResponseUsage(response)) })
	return used
}

// ToolCalls returns the calls to which the program has to add results.
func (r *Response) ToolCalls() []ToolCall { return r.calls(abi.ResponseToolCall) }

// ServerToolCalls returns the calls of tools that the service ran itself. Their results are in Message.
func (r *Response) ServerToolCalls() []ToolCall { return r.calls(abi.ResponseServerToolCall) }

func (r *Response) calls(get func(abi.Handle, int) (abi.ToolCall, bool)) (calls []ToolCall) {
	r.use(func(response abi.Handle) {
		for {
			call, ok := get(response, len(calls))
			if !ok {
				return
			}
			calls = append(calls, ToolCall(call))
		}
	})
	return calls
}

// Close frees the response. Texts that were taken from it stay valid.
func (r *Response) Close() {
	r.owner.close()
	runtime.KeepAlive(r)
}
