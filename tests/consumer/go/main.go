// Streams a scripted response through the Go binding.
package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model, err := bedrock.New(bedrock.Config{Model: "any", Transport: bedrock.Replies("Hello from a package.")})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest().Text("user", "Hello")
	defer request.Close()
	stream := model.Stream(context.Background(), request)
	defer stream.Close()
	for text, err := range stream.Text() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(text)
	}
	fmt.Println()
}
