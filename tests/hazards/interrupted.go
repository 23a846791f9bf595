// interrupted.go - a context that a signal ends, at any moment of a call: the call ends at once with context.Canceled, in
// every way of calling.
// tries: 200
// seconds: 60

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func call(way int, ctx context.Context, model *bedrock.Model) error {
	request := bedrock.NewRequest().Text("user", "Hello?")
	defer request.Close()
	var err error
	switch way {
	case 0:
		_, err = model.Generate(ctx, request)
	case 1:
		_, err = model.Call(ctx, "Converse", request)
	default:
		_, err = texts(ctx, model)
	}
	return err
}

func main() {
	model := serviceModel(100000, 10)
	for try := range tries {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		after := time.AfterFunc(time.Duration(200+try*100)*time.Microsecond, func() {
			syscall.Kill(os.Getpid(), syscall.SIGINT)
		})
		err := call(try%3, ctx, model)
		check(errors.Is(err, context.Canceled), "way %d: %v", try%3, err)
		check(!after.Stop(), "the call has ended before the signal")
		stop()
	}
	model.Close()
	check(bedrock.LiveHandles() == 0, "%d live handles", bedrock.LiveHandles())
}
