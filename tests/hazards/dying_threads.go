// dying_threads.go - goroutines that end in the middle of a stream, by a panic, by runtime.Goexit on a thread of their own,
// which ends with them, and by return: nothing is left open.
// tries: 400
// seconds: 60

package main

import (
	"context"
	"runtime"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func read(way int, model *bedrock.Model) {
	defer func() { recover() }()
	request := bedrock.NewRequest().Text("user", "Hello?")
	defer request.Close()
	stream := model.Stream(context.Background(), request)
	defer stream.Close()
	for _, err := range stream.Events() {
		check(err == nil, "the first event: %v", err)
		switch way {
		case 0:
			panic("on purpose")
		case 1:
			// A goroutine that ends while it is locked to a thread takes the thread with it.
			runtime.LockOSThread()
			runtime.Goexit()
		default:
			return
		}
	}
}

func main() {
	model := serviceModel(100000, 1)
	for try := range tries {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			read(try%3, model)
		}()
		<-ended
	}
	model.Close()
	check(bedrock.LiveHandles() == 0, "%d live handles", bedrock.LiveHandles())
}
