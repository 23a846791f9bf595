package bedrock

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// hub wakes the goroutines that wait for calls. It has one waiting set of the library for all calls of the process. A
// duplicate of its descriptor is in Go's network poller, so that waiting holds no thread. A process has at most one hub
// that runs. It starts with the first call and ends with the last model and the last call.
//
// One of the goroutines that wait leads: it waits for the descriptor, and wakes the others. When its own call is
// readable it goes on with that, and another leads. So the event of a lone stream wakes one goroutine, not two, and Go
// starts no thread for the second.
type hub struct {
	set    abi.Handle
	lead   chan struct{} // has an element while no goroutine leads
	leader atomic.Pointer[call]
	file   *os.File // nil if the process has no descriptor left
	// What the leader does, made once: a function that were made for each wait would be an allocation.
	descriptor syscall.RawConn
	look       func(uintptr) bool
	// done is closed when the goroutine has ended that holds one thread for all calls, in place of leaders. It is nil if
	// there is a file.
	done chan struct{}

	mu    sync.Mutex
	calls map[abi.Handle]*call
}

// The message of a process without a handle left.
const (
	outOfHandles = "the process is out of handles"
	closeMore    = "Close the streams, requests, responses and models that are no longer used"
)

// users counts the models and the calls of the process.
var users struct {
	sync.Mutex
	count int
	hub   *hub
}

// join counts a model.
func join() {
	users.Lock()
	defer users.Unlock()
	users.count++
}

// part counts a model or a call no more. After the last one it waits until the hub has ended.
func part() {
	users.Lock()
	users.count--
	var last *hub
	if users.count == 0 {
		last, users.hub = users.hub, nil
	}
	users.Unlock()
	if last != nil {
		last.end()
	}
}

// joinHub adds a call to the hub, which it starts if there is none.
func joinHub(c *call) (*hub, error) {
	users.Lock()
	if users.hub == nil {
		started, err := startHub()
		if err != nil {
			users.Unlock()
			return nil, err
		}
		users.hub = started
	}
	h := users.hub
	users.count++
	users.Unlock()

	h.mu.Lock()
	h.calls[c.handle] = c
	h.mu.Unlock()
	if status := c.functions.add(h.set, c.handle); status != abi.OK {
		h.remove(c)
		return nil, own(Status(status), "opening a stream", "it cannot be waited for: "+abi.StatusName(status), "")
	}
	return h, nil
}

// remove removes a call that was freed.
func (h *hub) remove(c *call) {
	h.mu.Lock()
	delete(h.calls, c.handle)
	h.mu.Unlock()
	part()
}

func startHub() (*hub, error) {
	h := &hub{set: abi.WaitsetNew(), lead: make(chan struct{}, 1), calls: map[abi.Handle]*call{}}
	if h.set == 0 {
		return nil, own(ErrResource, "opening a stream", outOfHandles, closeMore)
	}
	if !h.poll() {
		h.done = make(chan struct{})
		go func() {
			defer close(h.done)
			h.take(abi.Unlimited) // until end frees the set
		}()
	}
	return h, nil
}

// poll puts a duplicate of the set's descriptor into the network poller, and lets goroutines lead. It returns false if
// the process has no descriptor left.
func (h *hub) poll() bool {
	file := duplicate(abi.WaitsetFD(h.set))
	if file == nil {
		return false
	}
	descriptor, err := file.SyscallConn()
	if err != nil || file.SetReadDeadline(time.Time{}) != nil { // which fails if the poller has not taken the file
		_ = file.Close()
		return false
	}
	h.file, h.descriptor = file, descriptor
	// The poller is edge-triggered: a false parks the goroutine, and everything has been taken then.
	h.look = func(uintptr) bool {
		h.take(0)
		return h.leader.Load().isReady()
	}
	h.lead <- struct{}{}
	return true
}

// wait waits until a call may have something to read.
func (h *hub) wait(c *call) {
	select {
	case <-c.ready:
		return
	case <-h.lead:
	}
	h.leader.Store(c)
	for h.descriptor.Read(h.look) != nil {
		// interrupt has set the deadline, for this leader or for one before it. Only then is it removed: a call that is
		// closed afterwards sets it again. If the hub has ended, so has the call.
		_ = h.file.SetReadDeadline(time.Time{})
		if c.isReady() {
			break
		}
	}
	h.leader.Store(nil)
	h.lead <- struct{}{}
}

// interrupt lets the leader look whether its call is ready, if it waits for this one.
func (h *hub) interrupt(c *call) {
	if h.leader.Load() == c {
		_ = h.file.SetReadDeadline(time.Unix(1, 0))
	}
}

// duplicate returns a file for a copy of a descriptor, because os.File closes the descriptor that it has. The copy is
// close-on-exec: programs that are started meanwhile do not get it.
func duplicate(fd int) *os.File {
	if fd < 0 {
		return nil
	}
	syscall.ForkLock.RLock()
	copied, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(copied)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(copied), "bedrock waiting set")
}

// take wakes the calls that are readable, until there are no more, or the set is freed.
func (h *hub) take(timeoutMS int32) {
	var readable [64]abi.Handle
	for {
		count, status := abi.WaitsetTake(h.set, timeoutMS, readable[:])
		h.mu.Lock()
		for _, handle := range readable[:count] {
			if c := h.calls[handle]; c != nil {
				c.wake()
			}
		}
		h.mu.Unlock()
		if status != abi.OK && (status != abi.Again || timeoutMS == 0) {
			return
		}
	}
}

// end frees what the hub has. All calls have ended.
func (h *hub) end() {
	if h.file != nil {
		_ = h.file.Close() // of a copy that was only polled
	}
	abi.WaitsetFree(h.set) // ends a wait inside the library
	if h.done != nil {
		<-h.done
	}
}
