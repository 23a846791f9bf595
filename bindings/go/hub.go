package bedrock

import (
	"os"
	"sync"
	"syscall"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// hub wakes the goroutines that wait for calls. It has one waiting set of the library for all calls of the process. A
// duplicate of its descriptor is in Go's network poller, so that waiting holds no thread. A process has at most one hub
// that runs. It starts with the first call and ends with the last model and the last call.
type hub struct {
	set  abi.Handle
	file *os.File // nil if the process has no descriptor left: the goroutine then holds one thread for all calls
	done chan struct{}

	mu    sync.Mutex
	calls map[abi.Handle]*call
}

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
	if status := abi.WaitsetAdd(h.set, c.handle); status != abi.OK {
		h.remove(c)
		return nil, own(Status(status), "a stream cannot be waited for: "+abi.StatusName(status))
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
	h := &hub{set: abi.WaitsetNew(), done: make(chan struct{}), calls: map[abi.Handle]*call{}}
	if h.set == 0 {
		return nil, own(ErrResource, "a stream cannot be waited for: the process is out of handles")
	}
	h.file = duplicate(abi.WaitsetFD(h.set))
	go h.run()
	return h, nil
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

// run wakes calls until the hub ends.
func (h *hub) run() {
	defer close(h.done)
	if h.file != nil {
		connection, err := h.file.SyscallConn()
		if err == nil {
			// The poller is edge-triggered: a false parks the goroutine, and everything has been taken then.
			err = connection.Read(func(uintptr) bool { return h.take(0) != abi.Again })
		}
		if err == nil {
			return
		}
	}
	h.take(abi.Unlimited) // without a poller, or until end frees the set
}

// take wakes the calls that are readable, and returns the status of the waiting set once there are no more.
func (h *hub) take(timeoutMS int32) int32 {
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
			return status
		}
	}
}

// end stops the goroutine, which nobody needs any more, and waits for it.
func (h *hub) end() {
	if h.file != nil {
		_ = h.file.Close() // of a copy that was only polled
	}
	abi.WaitsetFree(h.set) // ends a wait inside the library
	<-h.done
}
