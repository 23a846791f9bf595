// few_descriptors.go - a process with hardly any descriptors left: a call works or returns ErrResource or ErrNetwork, and
// once there are more descriptors, the next call works.
// tries: 60
// runs: 12

package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	// Go's network poller opens its descriptors at its first use, and ends the process if it cannot.
	warm := serviceModel(1, 0)
	count, err := texts(context.Background(), warm)
	check(count == 1 && err == nil, "%d texts: %v", count, err)
	warm.Close()
	bedrock.Shutdown(context.Background())
	for try := range tries {
		limit(uint64(3 + (os.Getpid()+try)%12))
		model := serviceModel(1, 0)
		count, err = texts(context.Background(), model)
		bounded := errors.Is(err, bedrock.ErrResource) || errors.Is(err, bedrock.ErrNetwork)
		check(count == 1 && err == nil || bounded, "%d texts: %v", count, err)
		limit(4096)
		count, err = texts(context.Background(), model)
		check(count == 1 && err == nil, "with descriptors: %d texts: %v", count, err)
		model.Close()
		bedrock.Shutdown(context.Background())
	}
}

func limit(most uint64) {
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: 4096})
	check(err == nil, "setrlimit: %v", err)
}
