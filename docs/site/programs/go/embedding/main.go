package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model, err := bedrock.New(bedrock.Config{Model: "amazon.titan-embed-text-v2:0"})
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
	var result struct{ Embedding []float64 }
	if err := response.Decode(&result); err != nil {
		log.Fatal(err)
	}
	for _, number := range result.Embedding {
		fmt.Printf("%.2f\n", number)
	}
}
