package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func explain(err error) {
	fmt.Println(err) // one line for people

	var failure *bedrock.Error
	switch {
	case errors.Is(err, bedrock.ErrContextOverflow):
		fmt.Println("So: shorten the conversation.")
	case errors.As(err, &failure) && failure.Retryable:
		fmt.Printf("So: call again, after %v.\n", failure.RetryAfter)
	case errors.As(err, &failure):
		fmt.Printf("So: correct the program. HTTP %d, %s.\n", failure.HTTPStatus, failure.Code)
	}
}

func main() {
	model, err := bedrock.New(bedrock.Config{Model: "example.no-such-model-v1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()

	response, err := model.Generate(context.Background(), request)
	if err != nil {
		explain(err)
		return
	}
	defer response.Close()
	fmt.Println(response.Text())
}
