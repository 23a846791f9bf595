package bedrock

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Stream is a call whose response is read event by event. One loop can read it. Close it, or let the garbage collector
// do so; leaving the loop ends the call, and keeps the part of the response that has been read.
type Stream struct {
	call *call
	read atomic.Bool
}

func newStream(c *call) *Stream {
	s := &Stream{call: c}
	runtime.AddCleanup(s, (*call).close, c)
	return s
}

// Events returns the events of the stream. If the response does not become complete, the last pair has the error, which
// is [ErrTruncated] if the connection broke off; so a loop that ends without an error has read a complete response.
// Leaving the loop by break, return, panic or [runtime.Goexit] ends the call and closes its connection. A second loop
// gets [ErrBusy].
func (s *Stream) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		defer runtime.KeepAlive(s)
		if s.read.Swap(true) {
			yield(Event{}, own(ErrBusy, "reading a stream", "another loop has read it", "Open a stream for each loop"))
			return
		}
		defer s.call.cancel()
		for {
			var event Event
			switch err := s.call.next(&event); err {
			case nil:
				if !yield(event, nil) {
					return
				}
			case errComplete:
				return
			default:
				yield(Event{}, err)
				return
			}
		}
	}
}

// Text returns the text of the stream, piece by piece. It is Events without the other events.
func (s *Stream) Text() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for event, err := range s.Events() {
			if (err != nil || event.Type == EventText) && !yield(event.Text, err) {
				return
			}
		}
	}
}

// Response makes a response of the events that have been read so far, also after a failure or after the loop was left.
// It is complete if the loop has ended without an error. Of an operation that does not stream it is the response once
// the loop over Events has ended.
func (s *Stream) Response() (*Response, error) {
	defer runtime.KeepAlive(s)
	return s.call.response()
}

// Close ends the stream if it has not ended, and frees it. A loop in another goroutine gets [ErrCancelled]. Responses
// that were made of the stream stay valid.
func (s *Stream) Close() {
	s.call.close()
	runtime.KeepAlive(s)
}

// errComplete is what next returns after the last event of a complete response. It never leaves this package.
var errComplete = errors.New("the response is complete")

// functions are the library's functions for what is read event by event: a stream or a run.
type functions struct {
	next         func(abi.Handle, *abi.Next) int32
	response     func(abi.Handle) abi.Result
	cancel, free func(abi.Handle)
	add          func(set, handle abi.Handle) int32
}

var streamFunctions = &functions{abi.StreamNext, abi.StreamResponse, abi.StreamCancel, abi.StreamFree, abi.WaitsetAdd}

// call is a call or a run at work: what the hub wakes, and a Stream or a Run reads.
type call struct {
	functions *functions
	ctx       context.Context
	stop      func() bool   // of the function that ends the call when ctx is done; nil without one
	hub       *hub          // nil if the call could not be opened
	handle    abi.Handle    // never changes; the library knows when it has been freed
	ready     chan struct{} // has an element if there may be something to read

	mu    sync.Mutex // held while the stream is used, so that it is not freed meanwhile
	begun bool       // a loop has begun
	freed bool
	end   error // the error that ended the call, or errComplete
	out   abi.Next
}

// gate limits how many calls are opened and freed at once. The library's lists of them have locks, for which a goroutine
// inside the library would wait with a thread.
var gate = make(chan struct{}, 4)

// open opens a call. A failure is in its end.
func (m *Model) open(ctx context.Context, operation string, request *Request) *call {
	err := checkNames("starting a call", argument{"operation", operation})
	return m.start(ctx, operation, request, err, streamFunctions, func() abi.Result {
		return abi.CallOpen(m.handle(), operation, request.owner.handle)
	})
}

// start makes a call of what open opens, unless err, which an argument has caused, is a failure.
func (m *Model) start(
	ctx context.Context, doing string, request *Request, err error, functions *functions, open func() abi.Result,
) *call {
	c := &call{functions: functions, ctx: ctx, ready: make(chan struct{}, 1)}
	if ctx.Err() != nil {
		c.end = ended(ctx)
		return c
	}
	if c.end = err; err != nil {
		return c
	}
	if request == nil {
		c.end = own(ErrInvalidArgument, doing, "request is nil", "Make one with NewRequest")
		return c
	}
	request.mu.Lock()
	defer request.mu.Unlock()
	if c.end = request.err; c.end != nil {
		return c
	}
	gate <- struct{}{}
	defer func() { <-gate }()
	opened := open()
	runtime.KeepAlive(m)
	runtime.KeepAlive(request)
	if f := opened.Failure(); f != nil {
		c.end = failed(f)
		return c
	}
	c.handle = opened.Out
	if c.hub, c.end = joinHub(c); c.end != nil {
		c.freed = true
		functions.free(c.handle)
		return c
	}
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.cancel)
	}
	return c
}

// next reads the next event, and waits for it without a thread. It copies the event unless event is nil. It returns
// errComplete after the last event.
func (c *call) next(event *Event) error {
	for {
		status, err := c.poll(event)
		if status != abi.Again {
			return err
		}
		c.hub.wait(c)
	}
}

// poll reads the next event if there is one. Without one, the library makes the hub's set readable when there is
// something to read, and the hub fills ready.
func (c *call) poll(event *Event) (status int32, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.end != nil:
		return abi.Done, c.end
	case c.freed && !c.begun:
		return abi.Done, own(ErrBadHandle, "reading a stream", "it was closed before", "Close it after the loop")
	case c.freed:
		return abi.Done, own(ErrCancelled, "reading a stream", "it was closed meanwhile", "")
	case c.ctx.Err() != nil:
		// A context that is done ends the loop now. The function behind c.stop may not have run yet.
		c.functions.cancel(c.handle)
	}
	c.begun = true
	status = c.functions.next(c.handle, &c.out)
	switch status {
	case abi.OK:
		if event != nil {
			*event = newEvent(c.out.Copy())
		}
		return status, nil
	case abi.Again:
		return status, nil
	case abi.Done, abi.Stopped:
		c.end = errComplete
	default:
		c.end = newError(c.out.Failure(status)).because(c.ctx)
	}
	c.watchNoLonger()
	return status, c.end
}

// cancel ends the call, and keeps what has been read.
func (c *call) cancel() { c.functions.cancel(c.handle) }

// wake lets a goroutine that waits in next look again.
func (c *call) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// isReady returns whether there may be something to read, and takes the element of ready.
func (c *call) isReady() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

func (c *call) response() (*Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.hub == nil:
		return nil, c.end
	case c.freed:
		return nil, own(ErrBadHandle, "making a response of a stream", "it was closed before", "Make the response before Close")
	}
	return newResponse(c.functions.response(c.handle))
}

// isClosed returns whether the call was closed.
func (c *call) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.freed
}

func (c *call) watchNoLonger() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

func (c *call) close() {
	c.mu.Lock()
	closed := c.freed || c.hub == nil
	if !closed {
		c.freed = true
		gate <- struct{}{}
		c.functions.free(c.handle)
		<-gate
		c.watchNoLonger()
	}
	c.mu.Unlock()
	if !closed {
		c.wake()
		c.hub.interrupt(c)
		c.hub.remove(c)
	}
}
