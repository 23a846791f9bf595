package bedrock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// The examples run without AWS: a script takes the place of the network. Without Transport they call the service.

func Example() {
	model, err := bedrock.New(bedrock.Config{
		Model:     "us.anthropic.claude-haiku-4-5-20251001-v1:0",
		Transport: bedrock.Replies("Because of Rayleigh scattering."),
	})
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
			log.Fatal(err)
		}
		fmt.Print(text)
	}
	// Output: Because of Rayleigh scattering.
}

func ExampleModel_Generate() {
	model, err := bedrock.New(bedrock.Config{
		Model:     "us.amazon.nova-micro-v1:0",
		Timeout:   30 * time.Second,
		Transport: bedrock.Replies("Hello, gopher."),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest(`{"inferenceConfig": {"maxTokens": 200}}`).
		Text("system", "Be brief.").
		Text("user", "Say hello.")
	defer request.Close()
	response, err := model.Generate(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	fmt.Println(response.Text(), response.StopReason(), response.Usage().OutputTokens)
	// Output: Hello, gopher. end_turn 2
}

func ExampleStream_Events() {
	model, err := bedrock.New(bedrock.Config{
		Model: "any",
		Transport: bedrock.Replies(map[string]any{"message": map[string]any{"role": "assistant", "content": []any{
			map[string]any{"reasoningContent": map[string]any{"reasoningText": map[string]any{"text": "Simple."}}},
			map[string]any{"text": "Four."},
		}}}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest().Text("user", "What is two and two?")
	defer request.Close()
	stream := model.Stream(context.Background(), request)
	defer stream.Close()
	for event, err := range stream.Events() {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Type {
		case bedrock.EventReasoning:
			fmt.Println("thinks:", event.Text)
		case bedrock.EventText:
			fmt.Println("writes:", event.Text)
		case bedrock.EventMessageStop:
			fmt.Println("stops:", event.Text)
		}
	}
	// Output:
	// thinks: Simple.
	// writes: Four.
	// stops: end_turn
}

func ExampleRequest_ToolResult() {
	model, err := bedrock.New(bedrock.Config{
		Model: "any",
		Transport: bedrock.Replies(
			map[string]any{"message": map[string]any{"role": "assistant", "content": []any{map[string]any{
				"toolUse": map[string]any{"toolUseId": "1", "name": "weather", "input": map[string]any{"city": "Oslo"}}}}}},
			"Take an umbrella."),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest(`{"toolConfig": {"tools": [{"toolSpec": {"name": "weather",
		"inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}}]}}`).
		Text("user", "What do I need in Oslo today?")
	defer request.Close()
	for {
		response, err := model.Generate(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		calls, text := response.ToolCalls(), response.Text()
		request.Response(response)
		response.Close()
		if len(calls) == 0 {
			fmt.Println(text)
			break
		}
		for _, call := range calls {
			var input struct{ City string }
			if !call.InputValid || call.Decode(&input) != nil {
				request.ToolError(call.ID, "The input was cut off.")
				continue
			}
			fmt.Println(call.Name, "in", input.City)
			request.ToolResult(call.ID, "Rain.")
		}
	}
	// Output:
	// weather in Oslo
	// Take an umbrella.
}

func ExampleModel_Run() {
	model, err := bedrock.New(bedrock.Config{
		Model: "any",
		Transport: bedrock.Replies(
			map[string]any{"message": map[string]any{"role": "assistant", "content": []any{map[string]any{
				"toolUse": map[string]any{"toolUseId": "1", "name": "weather", "input": map[string]any{"city": "Oslo"}}}}}},
			"Take an umbrella."),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	weather := bedrock.Tool{
		Name:        "weather",
		Description: "The weather of today.",
		InputSchema: `{"type": "object", "properties": {"city": {"type": "string"}}}`,
		Call: func(_ context.Context, call bedrock.ToolCall) (any, error) {
			var input struct{ City string }
			if err := call.Decode(&input); err != nil {
				return nil, err // the model reads it
			}
			fmt.Println("weather in", input.City)
			return "Rain.", nil
		},
	}
	request := bedrock.NewRequest().Text("user", "What do I need in Oslo today?")
	defer request.Close()
	response, err := model.Run(context.Background(), request, []bedrock.Tool{weather}, bedrock.RunOptions{MaxRounds: 5})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	fmt.Println(response.Text())
	// Output:
	// weather in Oslo
	// Take an umbrella.
}

func ExampleError() {
	model, err := bedrock.New(bedrock.Config{
		Model: "any",
		Retry: bedrock.Retry{MaxAttempts: 1},
		Transport: bedrock.Replies(map[string]any{"error": map[string]any{
			"status": 429, "code": "ThrottlingException", "message": "Too many requests"}}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()
	_, err = model.Generate(context.Background(), request)
	var failure *bedrock.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("too late")
	case errors.Is(err, bedrock.ErrContextOverflow):
		if _, err := request.Trim(request.MessageCount() / 2); err != nil {
			log.Fatal(err)
		}
	case errors.As(err, &failure) && failure.Retryable:
		fmt.Println("later:", failure.Code, failure.HTTPStatus)
	}
	// Output: later: ThrottlingException 429
}

func ExampleModel_Call() {
	model, err := bedrock.New(bedrock.Config{
		Model:     "amazon.titan-embed-text-v2:0",
		Transport: bedrock.Replies(map[string]any{"json": map[string]any{"embedding": []float64{0.25, -1}}}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest(map[string]any{"body": map[string]any{"inputText": "Hello"}})
	defer request.Close()
	response, err := model.Call(context.Background(), "InvokeModel", request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	var result struct{ Embedding []float32 }
	if err := response.Decode(&result); err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Embedding)
	// Output: [0.25 -1]
}

func ExampleModel_With() {
	model, err := bedrock.New(bedrock.Config{Model: "any"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	brief, err := model.With(map[string]any{
		"system":   "Be brief.",
		"timeouts": map[string]any{"total": "10s"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer brief.Close()

	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()
	body, err := request.Body(brief)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(body)
	// Output: {"messages":[{"role":"user","content":[{"text":"Hello."}]}],"system":[{"text":"Be brief."}]}
}

func ExampleRequest_JSON() {
	conversation := bedrock.NewRequest().Text("user", "Hello.")
	defer conversation.Close()
	saved, err := conversation.JSON(bedrock.AttachmentsInline)
	if err != nil {
		log.Fatal(err)
	}
	loaded := bedrock.NewRequest(saved).Text("user", "Are you there?")
	defer loaded.Close()
	fmt.Println(loaded.MessageCount(), loaded.Err())
	// Output: 1 <nil>
}
