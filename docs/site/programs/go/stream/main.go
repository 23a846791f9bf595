package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model, err := bedrock.New(bedrock.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest().Text("user", "Why is the sky blue?")
	defer request.Close()
	stream := model.Stream(context.Background(), request)
	defer stream.Close()
	for text, err := range stream.Text() {
		if err != nil {
			log.Fatal(err) // also if the response broke off
		}
		fmt.Print(text)
	}
	fmt.Println()
}
