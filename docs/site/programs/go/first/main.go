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
	response, err := model.Generate(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	fmt.Println(response.Text())
}
