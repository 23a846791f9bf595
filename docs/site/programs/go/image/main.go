package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// A PNG file of one pixel. Your program reads a file.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

func main() {
	picture, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		log.Fatal(err)
	}
	model, err := bedrock.New(bedrock.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	request := bedrock.NewRequest().Image("user", "", picture).Text("user", "What is this?")
	defer request.Close()
	response, err := model.Generate(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Close()
	fmt.Println(response.Text())
}
