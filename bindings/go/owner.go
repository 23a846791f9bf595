package bedrock

import (
	"runtime"
	"sync"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// owner owns a handle, and frees it once. Its lock keeps the handle alive while borrowed texts are copied. It is
// separate from the object that the program holds, so that the garbage collector can find that object unreachable.
type owner struct {
	mu     sync.Mutex
	handle abi.Handle // 0 if the object was not made; a freed one stays, and the library knows that it was freed
	closed bool
	free   func(abi.Handle)
}

func (o *owner) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && o.handle != 0 {
		o.free(o.handle)
	}
	o.closed = true
}

// use calls f with the handle, and the handle is not freed meanwhile.
func (o *owner) use(f func(abi.Handle)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(o.handle)
}

// closeWith closes the owner when the garbage collector finds the object unreachable.
func closeWith[T any](object *T, o *owner) { runtime.AddCleanup(object, (*owner).close, o) }
