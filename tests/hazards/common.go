//go:build ignore

// What the hazards in Go have in common: models of the runner's service and of a script.

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// tries is the number of tries, url the URL of the service.
var tries, url = arguments()

func arguments() (int, string) {
	tries, err := strconv.Atoi(os.Args[1])
	check(err == nil, "the number of tries is %v", os.Args[1])
	return tries, os.Args[2]
}

// check ends the process with a message and exit code 1 if a condition does not hold.
func check(holds bool, format string, values ...any) {
	if !holds {
		fmt.Fprintf(os.Stderr, format+"\n", values...)
		os.Exit(1)
	}
}

// serviceModel returns a model that streams so many words, each after so many milliseconds.
func serviceModel(words, pause int) *bedrock.Model {
	return newModel(bedrock.Config{
		Model: fmt.Sprintf("test.%d.%d", words, pause), BaseURL: url, Region: "us-east-1", APIKey: "k", SecretKey: "s",
		Retry: bedrock.Retry{MaxAttempts: 1},
	})
}

func scriptedModel() *bedrock.Model {
	transport := map[string]any{"replies": []any{"One two three."}, "repeat": true}
	return newModel(bedrock.Config{Model: "any", Transport: transport})
}

func newModel(config bedrock.Config) *bedrock.Model {
	model, err := bedrock.New(config)
	check(err == nil, "a model: %v", err)
	return model
}

// texts reads a stream to its end, and returns the number of its texts.
func texts(ctx context.Context, model *bedrock.Model) (int, error) {
	request := bedrock.NewRequest().Text("user", "Hello?")
	defer request.Close()
	stream := model.Stream(ctx, request)
	defer stream.Close()
	texts := 0
	for _, err := range stream.Text() {
		if err != nil {
			return texts, err
		}
		texts++
	}
	return texts, nil
}
