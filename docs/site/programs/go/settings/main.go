package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model, err := bedrock.New(bedrock.Config{
		Model:    "any",
		Retry:    bedrock.Retry{MaxAttempts: 5},
		Timeouts: bedrock.Timeouts{Connect: 2 * time.Second},
		Defaults: `{"system": "Be brief.", "inferenceConfig": {"maxTokens": 200}}`,
		// A script takes the place of the service. It says nothing for a minute.
		Transport: bedrock.Replies(map[string]any{"pace": "60s", "text": "A late response."}),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	// A derived model shares connections and credentials, and has a deadline of its own. The deadline
	// of a context works too: the call then fails with context.DeadlineExceeded.
	quick, err := model.With(`{"timeouts": {"total": "100ms"}}`)
	if err != nil {
		log.Fatal(err)
	}
	defer quick.Close()
	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()

	var failure *bedrock.Error
	if _, err := quick.Generate(context.Background(), request); errors.As(err, &failure) {
		fmt.Println(failure.Status)
	}
}
