package bedrock

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Tool is a function that the model may call.
type Tool struct {
	// Name is 1 to 64 letters, digits, hyphens and underscores.
	Name string
	// Description is what the tool is for, which the model reads.
	Description string
	// InputSchema is the JSON schema of the input, an object. nil if the request or the model declares the tool.
	InputSchema any
	// Call does a call, in a goroutine of its own. A string that it returns is text, and every other value is encoded as
	// JSON. An error informs the model that the tool failed. In both texts, bytes that are not UTF-8 become U+FFFD. A
	// value that cannot be encoded ends the run with an error. ctx is done when the run has ended. If Call is nil, the
	// program gives the results with [Run.Result] and [Run.ResultError].
	Call func(ctx context.Context, call ToolCall) (any, error)
}

// RunOptions limit a run. A field that is zero is not given.
type RunOptions struct {
	// MaxRounds is how often the model may be asked. Default: 20.
	MaxRounds int
	// Total is how long the run may take, with the tools. Default: no limit.
	Total time.Duration
}

// Run asks the model, calls the tools, adds their results to the request, and asks again, until the model stops. One
// loop reads its events. Close it, or let the garbage collector do so; leaving the loop ends the run.
//
// The request gets complete rounds alone, so the conversation can go on after whatever happened.
type Run struct {
	call  *call
	tools map[string]Tool
	read  atomic.Bool
	mu    sync.Mutex
	err   error // of a call that got no result
}

var runFunctions = &functions{abi.RunNext, abi.RunResponse, abi.RunCancel, abi.RunFree, abi.WaitsetAddRun}

// Run asks the model, calls the tools, adds their results to the request, and asks again, until the model stops. It
// returns the last message of the model; its usage is the sum of all rounds. Its StopReason is "tool_use" if the last of
// MaxRounds is over.
func (m *Model) Run(ctx context.Context, request *Request, tools []Tool, options RunOptions) (*Response, error) {
	for _, tool := range tools {
		if tool.Call == nil {
			return nil, own(ErrInvalidArgument, "starting a run", fmt.Sprintf("the tool %q has no function", tool.Name),
				"Give it one, or use OpenRun")
		}
	}
	r := m.OpenRun(ctx, request, append([]Tool{}, tools...), options)
	defer r.Close()
	for _, err := range r.Events() {
		if err != nil {
			return nil, err
		}
	}
	return r.Response()
}

// OpenRun opens a run whose events are read. It does not wait: every failure is returned where the run is read. If tools
// is nil, the request and the model declare the tools, and the program gives the results of all calls.
func (m *Model) OpenRun(ctx context.Context, request *Request, tools []Tool, options RunOptions) *Run {
	r := &Run{tools: map[string]Tool{}}
	text, err := r.encode(tools, options)
	r.call = m.start(ctx, "starting a run", request, err, runFunctions, func() abi.Result {
		return abi.RunOpen(m.handle(), request.owner.handle, text)
	})
	runtime.AddCleanup(r, (*call).close, r.call)
	return r
}

// encode returns the options as JSON, and remembers the tools.
func (r *Run) encode(tools []Tool, options RunOptions) (string, error) {
	doing := "starting a run"
	given, declared := keys{}, make([]keys, 0, len(tools))
	given.number("max_rounds", int64(options.MaxRounds))
	given.duration("total", options.Total)
	for _, tool := range tools {
		if _, twice := r.tools[tool.Name]; twice {
			return "", own(ErrInvalidArgument, doing, fmt.Sprintf("two tools are called %q", tool.Name), "")
		}
		r.tools[tool.Name] = tool
		declaration := keys{"name": tool.Name}
		declaration.text("description", tool.Description)
		if err := declaration.json("input_schema", tool.InputSchema); err != nil {
			failure := own(ErrInvalidArgument, doing, fmt.Sprintf("the schema of %q cannot be encoded", tool.Name), "")
			failure.cause = err
			return "", failure
		}
		declared = append(declared, declaration)
	}
	if tools != nil {
		given["tools"] = declared
	}
	return encodeFor(doing, given)
}

// Events returns the events of all rounds, each with its Round. A call of a tool begins after its EventToolCall. If the
// run fails, the last pair has the error. When the loop has ended or was left, the functions of the tools have returned.
func (r *Run) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		defer runtime.KeepAlive(r)
		if r.read.Swap(true) {
			yield(Event{}, own(ErrBusy, "reading a run", "another loop has read it", "Open a run for each loop"))
			return
		}
		ctx, cancel := context.WithCancel(r.call.ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		defer r.call.cancel()
		for {
			var event Event
			switch err := r.call.next(&event); err {
			case nil:
				if !yield(event, nil) {
					return
				}
				if tool := r.tools[event.ToolName]; event.Type == EventToolCall && tool.Call != nil {
					running.Add(1)
					go func() {
						defer running.Done()
						r.do(ctx, tool, ToolCall{event.ToolID, event.ToolName, event.Text, event.InputValid})
					}()
				}
			case errComplete:
				return
			default:
				yield(Event{}, r.because(err))
				return
			}
		}
	}
}

// do does a call, and gives its result. A result that cannot be encoded, or that the library refuses, ends the run, and
// so does a function that ends its goroutine: nothing else would give the call a result.
func (r *Run) do(ctx context.Context, tool Tool, call ToolCall) {
	// A program that has ended the run at an event wants none of its calls, also if their goroutines begin later.
	if ctx.Err() != nil || r.call.ctx.Err() != nil || r.call.isClosed() {
		return
	}
	err := error(own(ErrInvalidArgument, "calling the tool "+strconv.Quote(tool.Name),
		"its function has ended its goroutine", "Return an error instead"))
	defer func() {
		if err != nil {
			r.fail(err)
		}
	}()
	value, failure := tool.Call(ctx, call)
	// The library gets to know of the end of the context later than the function may, and would take the result.
	if r.call.ctx.Err() != nil {
		r.call.cancel()
		err = nil
		return
	}
	var given result
	if failure != nil {
		given = errorResult(call.ID, failure.Error())
	} else {
		given = newResult(call.ID, value)
	}
	if err = given.err; err != nil {
		return
	}
	// The library can read the result, so these failures state that no call waits for it: the run has ended, or the
	// program has given a result itself.
	if err = r.give(given); errors.Is(err, ErrInvalidArgument) || errors.Is(err, ErrBadHandle) {
		err = nil
	}
}

// fail ends the run with an error, unless another one has ended it.
func (r *Run) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.call.cancel()
}

// because returns why the run ended: what fail got, or err. A run that its context or its own time limit has ended says
// so, whatever its tools do afterwards.
func (r *Run) because(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil && errors.Is(err, ErrCancelled) && r.call.ctx.Err() == nil {
		return r.err
	}
	return err
}

// Result gives the result of a call of a tool without a function. A string is text, and every other value is encoded as
// JSON. In a text, bytes that are not UTF-8 become U+FFFD. Any goroutine may give it.
func (r *Run) Result(id string, value any) error { return r.give(newResult(id, value)) }

// ResultError informs the model of why a call failed. Bytes of the reason that are not UTF-8 become U+FFFD.
func (r *Run) ResultError(id, reason string) error { return r.give(errorResult(id, reason)) }

// result is the result of a call, as the library takes it, or err if there is no such form.
type result struct {
	doing, id, content string
	kind               int32
	err                error
}

// newResult makes a result of a value.
func newResult(id string, value any) result {
	given := result{doing: "giving the result of a tool", id: id, kind: abi.ResultJSON}
	if text, ok := value.(string); ok {
		// The output of a command may hold any bytes, and the library takes UTF-8 alone.
		given.content, given.kind = strings.ToValidUTF8(text, "\uFFFD"), abi.ResultText
	} else if given.content, given.err = encodeFor(given.doing, value); given.err != nil {
		return given
	}
	return given.checked()
}

// errorResult makes the result of a call that has failed.
func errorResult(id, reason string) result {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	return result{doing: "giving the error of a tool", id: id, content: reason, kind: abi.ResultError}.checked()
}

// checked finds what the library would refuse by [ErrInvalidArgument], which then means only that no call waits.
func (g result) checked() result {
	g.err = checkNames(g.doing, argument{"id", g.id})
	if g.err == nil && !utf8.ValidString(g.content) {
		g.err = own(ErrRequest, g.doing, "the JSON is not UTF-8", "Return a value for encoding/json to encode")
	}
	return g
}

func (r *Run) give(given result) error {
	defer runtime.KeepAlive(r)
	if given.err != nil {
		return given.err
	}
	return failed(abi.RunResult(r.call.handle, given.id, given.content, given.kind).Failure())
}

// Response makes a response of the last message of the model, as far as it has been read, with the usage of all rounds.
func (r *Run) Response() (*Response, error) {
	defer runtime.KeepAlive(r)
	return r.call.response()
}

// Close ends the run if it has not ended, and frees it. A loop in another goroutine gets [ErrCancelled].
func (r *Run) Close() {
	r.call.close()
	runtime.KeepAlive(r)
}
