package bedrock

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Request is a request with its conversation: the JSON of the Converse operation, or of any other. Its methods change it
// in place and return it, so that they can be chained. The first failure is kept: the methods after it do nothing, and
// each call with the request returns it. [Request.Err] returns it too. A method that fails changes nothing.
//
// A call copies the request when it begins. So a request may be changed, used for other calls or closed while it runs.
// All methods may be called by any number of goroutines at once.
type Request struct {
	owner *owner
	mu    sync.Mutex // for err, and longer than the owner's
	err   error
}

// Attachments is how [Request.JSON] writes attachments.
type Attachments int32

const (
	// AttachmentsInline writes attachments as base64.
	AttachmentsInline Attachments = 0
	// AttachmentsByName writes attachments as "@name". Attach them again to the request that is made of the JSON.
	AttachmentsByName Attachments = 1
)

// NewRequest makes a request that has these members. Each argument is a JSON object, or a value that is encoded as one:
//
//	bedrock.NewRequest()
//	bedrock.NewRequest(`{"inferenceConfig": {"maxTokens": 200}}`)
//	bedrock.NewRequest(saved) // what JSON returned
func NewRequest(members ...any) *Request {
	if f := abi.Load(); f != nil {
		return &Request{owner: &owner{}, err: failed(f)}
	}
	var r *Request
	if len(members) == 0 {
		return newRequest(abi.RequestNew())
	}
	text, err := encodeFor("making a request", members[0])
	if err != nil {
		return &Request{owner: &owner{}, err: err}
	}
	r = newRequest(abi.RequestLoad(text))
	for _, more := range members[1:] {
		r.Set(more)
	}
	return r
}

func newRequest(made abi.Result) *Request {
	r := &Request{owner: &owner{handle: made.Out, free: abi.RequestFree}, err: failed(made.Failure())}
	closeWith(r, r.owner)
	return r
}

// change calls a function that changes the request, unless one has failed before.
func (r *Request) change(f func(request abi.Handle) abi.Result) *Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.owner.use(func(request abi.Handle) { r.err = failed(f(request).Failure()) })
	}
	runtime.KeepAlive(r)
	return r
}

// changeBy is change with a value that is JSON.
func (r *Request) changeBy(
	doing string, value any, f func(request abi.Handle, json string) abi.Result,
) *Request {
	text, err := encodeFor(doing, value)
	return r.changeIf(err, func(request abi.Handle) abi.Result { return f(request, text) })
}

// changeIf is change, if err, which an argument has caused, is nil.
func (r *Request) changeIf(err error, f func(request abi.Handle) abi.Result) *Request {
	if err == nil {
		return r.change(f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	return r
}

// Err returns the first failure, or nil.
func (r *Request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// ClearErr returns the first failure and forgets it. The request is then as it was before the method that failed. The
// failure to load the library stays.
func (r *Request) ClearErr() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	if abi.Load() == nil {
		r.err = nil
	}
	return err
}

// Text adds text to the conversation. The role is "user", "assistant" or "system". Blank text is not added, because the
// service refuses it.
func (r *Request) Text(role, text string) *Request {
	err := checkNames("adding text", argument{"role", role})
	return r.changeIf(err, func(request abi.Handle) abi.Result { return abi.RequestAddText(request, role, text) })
}

// Message adds a message that is JSON, in Converse's form or in that of chat completions.
func (r *Request) Message(message any) *Request {
	return r.changeBy("adding a message", message, abi.RequestAddMessage)
}

// Response adds the assistant's message of a response, in the form in which the service accepts it.
func (r *Request) Response(response *Response) *Request {
	if response == nil {
		return r.changeIf(own(ErrInvalidArgument, "adding a response", "response is nil",
			"Add the response of a call that returned no error"), nil)
	}
	defer runtime.KeepAlive(response)
	return r.change(func(request abi.Handle) abi.Result {
		return abi.RequestAddResponse(request, response.owner.handle)
	})
}

// ToolResult adds the result of a tool. id is that of the [ToolCall]. content is text, which is never read as JSON: add
// JSON, images and documents with Message.
func (r *Request) ToolResult(id, content string) *Request {
	return r.toolResult("adding the result of a tool", id, content, false)
}

// ToolError adds the result of a tool that failed. content informs the model of the reason.
func (r *Request) ToolError(id, content string) *Request {
	return r.toolResult("adding the error of a tool", id, content, true)
}

func (r *Request) toolResult(doing, id, content string, isError bool) *Request {
	return r.changeIf(checkNames(doing, argument{"id", id}), func(request abi.Handle) abi.Result {
		return abi.RequestAddToolResult(request, id, content, isError)
	})
}

// Image adds an image. The format is "png", "jpeg", "gif", "webp" or a MIME type, or "" if the bytes show it. The bytes
// are copied.
func (r *Request) Image(role, format string, data []byte) *Request {
	err := checkNames("adding an image", argument{"role", role}, argument{"format", format})
	return r.changeIf(err, func(request abi.Handle) abi.Result { return abi.RequestAddImage(request, role, format, data) })
}

// Document adds a document. The format is "pdf", "csv", "docx", "txt" and so on, or a MIME type, or "" if the bytes or
// the ending of name show it. name is what the model calls the document; it may be the name of a file, or "". The bytes
// are copied.
func (r *Request) Document(role, format, name string, data []byte) *Request {
	err := checkNames("adding a document", argument{"role", role}, argument{"format", format}, argument{"name", name})
	return r.changeIf(err, func(request abi.Handle) abi.Result {
		return abi.RequestAddDocument(request, role, format, name, data)
	})
}

// Attach gives bytes a name, to which JSON refers as "@name" wherever it would hold base64. The bytes are copied.
func (r *Request) Attach(name string, data []byte) *Request {
	err := checkNames("attaching bytes", argument{"name", name})
	return r.changeIf(err, func(request abi.Handle) abi.Result { return abi.RequestAttach(request, name, data) })
}

// Set replaces top-level members by those of a JSON object, and adds those that the request lacks. null removes one.
func (r *Request) Set(members any) *Request {
	return r.changeBy("setting members", members, abi.RequestSet)
}

// Remove removes a top-level member, such as "system".
func (r *Request) Remove(member string) *Request {
	err := checkNames("removing a member", argument{"member", member})
	return r.changeIf(err, func(request abi.Handle) abi.Result { return abi.RequestRemove(request, member) })
}

// SetTraceparent sets the span of the program in which the request is sent: the text of a W3C header traceparent. Calls
// with the request send it as a header, and their records name the trace. "" removes it.
func (r *Request) SetTraceparent(traceparent string) *Request {
	err := checkNames("setting the span", argument{"traceparent", traceparent})
	return r.changeIf(err, func(request abi.Handle) abi.Result {
		return abi.RequestSetTraceparent(request, traceparent)
	})
}

// RemoveMessages removes count messages, beginning with the one whose index is first. Remove a tool call and its result
// together.
func (r *Request) RemoveMessages(first, count int) *Request {
	var err error
	switch {
	case first < 0:
		err = own(ErrInvalidArgument, "removing messages", fmt.Sprintf("first is %d", first),
			"Indexes begin with 0")
	case count < 0:
		err = own(ErrInvalidArgument, "removing messages", fmt.Sprintf("count is %d", count),
			"Give how many messages to remove")
	}
	return r.changeIf(err, func(request abi.Handle) abi.Result {
		return abi.RequestRemoveMessages(request, uint(first), uint(count))
	})
}

// Trim shortens the conversation to at most this many messages. It removes whole turns, the oldest first, and leaves a
// conversation that the service accepts. It returns a copy of the request with the removed messages alone, or nil if none
// were removed. The failure is also that of [Request.Err].
func (r *Request) Trim(messages int) (removed *Request, err error) {
	r.change(func(request abi.Handle) abi.Result {
		result := abi.RequestTrim(request, uint(max(messages, 0)))
		if result.Out != 0 {
			removed = newRequest(result)
		}
		return result
	})
	return removed, r.Err()
}

// MessageCount returns how many messages the conversation has. The system prompt is not one of them.
func (r *Request) MessageCount() (count int) {
	r.owner.use(func(request abi.Handle) { count = abi.RequestMessageCount(request) })
	runtime.KeepAlive(r)
	return count
}

// Clone makes an independent copy, to undo a failed turn or to branch. It is cheap, and it has the failure that is kept.
func (r *Request) Clone() *Request {
	defer runtime.KeepAlive(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return &Request{owner: &owner{}, err: r.err}
	}
	var clone *Request
	r.owner.use(func(request abi.Handle) { clone = newRequest(abi.RequestClone(request)) })
	return clone
}

// JSON returns the request as JSON, to be saved. [NewRequest] makes the same request of it. The model's defaults are not
// in it.
func (r *Request) JSON(attachments Attachments) (string, error) {
	return r.text(func(request abi.Handle) (string, abi.Result) {
		return abi.RequestJSON(request, int32(attachments))
	})
}

// Body returns the exact body that a call with this model would send.
func (r *Request) Body(model *Model) (string, error) {
	defer runtime.KeepAlive(model)
	return r.text(func(request abi.Handle) (string, abi.Result) {
		return abi.RequestBody(request, model.handle())
	})
}

// Difference is the first place where two bodies differ.
type Difference struct {
	// Pointer is the JSON pointer to the place.
	Pointer string `json:"pointer"`
	// Offset is the number of bytes that both bodies begin with.
	Offset int `json:"offset"`
	// A is what the body of the request has there: JSON, or a part of it. It is empty if it has nothing there.
	A string `json:"a"`
	// B is what the body of the other request has there.
	B string `json:"b"`
}

// Diff returns the first place where the bodies differ that this request and another one would send with this model, or
// nil if they are equal. It shows why the service read nothing from its prompt cache.
func (r *Request) Diff(other *Request, model *Model) (*Difference, error) {
	defer runtime.KeepAlive(model)
	// A copy, because locks of two requests would have to be taken in an order.
	copied := other.Clone()
	defer copied.Close()
	if err := copied.Err(); err != nil {
		return nil, err
	}
	text, err := r.text(func(request abi.Handle) (text string, result abi.Result) {
		copied.owner.use(func(other abi.Handle) { text, result = abi.RequestDiff(request, other, model.handle()) })
		return text, result
	})
	if err != nil || text == "" {
		return nil, err
	}
	found := new(Difference)
	return found, json.Unmarshal([]byte(text), found)
}

func (r *Request) text(get func(request abi.Handle) (string, abi.Result)) (text string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return "", r.err
	}
	r.owner.use(func(request abi.Handle) {
		var result abi.Result
		text, result = get(request)
		err = failed(result.Failure())
	})
	runtime.KeepAlive(r)
	return text, err
}

// Close frees the request. Calls that run with it go on.
func (r *Request) Close() {
	r.owner.close()
	runtime.KeepAlive(r)
}
