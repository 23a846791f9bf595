package bedrock

import (
	"context"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Link is how the program has the library: "shared", "static" or "dlopen".
const Link = abi.Link

// Version returns the version of the library, such as "0.1.0", or "" if it cannot be loaded.
func Version() string {
	if abi.Load() != nil {
		return ""
	}
	return abi.Version()
}

// LiveHandles returns how many objects of the library this process has made and not freed. Tests find leaks with it. The
// waiting set that all calls share counts too, until the last model and the last stream are closed.
func LiveHandles() int {
	if abi.Load() != nil {
		return 0
	}
	return abi.LiveHandles()
}

// waits limits how many goroutines hold a thread of the operating system, waiting inside the library.
var waits = make(chan struct{}, 8)

// enter takes one of the places of waits, or returns the context's error.
func enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	select {
	case waits <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

func leave() { <-waits }

// ended returns the error of a call that its context ended before the library had a part in it.
func ended(ctx context.Context) *Error {
	return own(ErrCancelled, "starting a call", "it was cancelled before it began", "").because(ctx)
}

// Shutdown cancels all running calls of the process, and waits until the library's threads have ended or the context is
// done. The next call starts the library again. A program need not call it before it exits, unless it records.
func Shutdown(ctx context.Context) error {
	if f := abi.Load(); f != nil {
		return failed(f)
	}
	if err := enter(ctx); err != nil {
		return err
	}
	defer leave()
	for {
		const slice = 50 // milliseconds, after which the context is looked at again
		switch status := abi.Shutdown(slice); {
		case status == abi.OK:
			return nil
		case status != abi.Again:
			return own(Status(status), "shutting down", abi.StatusName(status), "")
		case ctx.Err() != nil:
			return own(ErrCancelled, "shutting down", "some threads of the library have not ended", "").because(ctx)
		}
	}
}
