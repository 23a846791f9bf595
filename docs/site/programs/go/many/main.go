package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"sync/atomic"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model, err := bedrock.New(bedrock.Config{
		Model:          "us.anthropic.claude-haiku-4-5-20251001-v1:0",
		MaxConcurrency: 10,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest().Text("user", "Why is the sky blue?")
	defer request.Close()

	var complete atomic.Int64
	var group sync.WaitGroup
	for range 100 { // 100 calls, 10 at a time; none holds a thread of the operating system
		group.Add(1)
		go func() {
			defer group.Done()
			stream := model.Stream(context.Background(), request)
			defer stream.Close()
			for _, err := range stream.Text() {
				if err != nil {
					log.Print(err)
					return
				}
			}
			complete.Add(1)
		}()
	}
	group.Wait()
	fmt.Println(complete.Load(), "complete")
}
