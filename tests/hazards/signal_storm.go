// signal_storm.go - a thousand signals a second to the process, and a profiler's beside them, while streams are read: each
// stream is complete.
// tries: 200
// seconds: 60

package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"
)

func main() {
	model := serviceModel(20, 1)
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGALRM)
	check(pprof.StartCPUProfile(io.Discard) == nil, "no profile")
	go func() {
		for range time.Tick(time.Millisecond) {
			syscall.Kill(os.Getpid(), syscall.SIGALRM)
		}
	}()
	for range tries {
		count, err := texts(context.Background(), model)
		check(count == 20 && err == nil, "%d texts: %v", count, err)
	}
}
