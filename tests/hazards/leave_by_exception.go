// leave_by_exception.go - a panic out of a loop over a stream, and its recovery: the stream ends, and nothing is left open.
// tries: 400
// seconds: 60

package main

import (
	"context"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func leave(model *bedrock.Model) {
	defer func() { check(recover() == "on purpose", "another panic") }()
	request := bedrock.NewRequest().Text("user", "Hello?")
	defer request.Close()
	stream := model.Stream(context.Background(), request)
	defer stream.Close()
	for _, err := range stream.Text() {
		check(err == nil, "the first text: %v", err)
		panic("on purpose")
	}
}

func main() {
	model := serviceModel(100000, 1)
	for range tries {
		leave(model)
	}
	model.Close()
	check(bedrock.LiveHandles() == 0, "%d live handles", bedrock.LiveHandles())
}
