package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func ask(what string, transport any) {
	model, err := bedrock.New(bedrock.Config{
		Model:     "us.anthropic.claude-haiku-4-5-20251001-v1:0",
		Transport: transport,
	})
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
	fmt.Printf("%s: %s\n", what, response.Text())
}

func main() {
	ask("record", bedrock.Record("sky.json")) // calls the service, and writes sky.json
	ask("replay", bedrock.Replay("sky.json")) // needs no network: sky.json has the response
}
