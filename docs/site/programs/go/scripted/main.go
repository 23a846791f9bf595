package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	// The first request is refused, as by a busy service. The library tries again.
	refusal := map[string]any{
		"status": 429, "code": "ThrottlingException", "message": "Too many requests",
	}
	model, err := bedrock.New(bedrock.Config{
		Model:     "any",
		Transport: bedrock.Replies(map[string]any{"error": refusal}, "Hello."),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest().Text("user", "Say hello.")
	defer request.Close()

	response, err := model.Generate(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	fmt.Printf("%s (%d attempts)\n", response.Text(), response.Attempts())
}
