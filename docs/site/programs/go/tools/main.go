package main

import (
	"context"
	"fmt"
	"log"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

const tools = `{"toolConfig": {"tools": [{"toolSpec": {"name": "weather",
	"description": "Returns the weather in a city.",
	"inputSchema": {"json": {"type": "object", "required": ["city"],
		"properties": {"city": {"type": "string"}}}}}}]}}`

func main() {
	model, err := bedrock.New(bedrock.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest(tools).Text("user", "Do I need an umbrella in Oslo?")
	defer request.Close()

	for range 8 { // a model may call tools without an end
		response, err := model.Generate(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		text, calls := response.Text(), response.ToolCalls()
		request.Response(response)
		response.Close()
		if len(calls) == 0 {
			fmt.Println(text)
			return
		}
		for _, call := range calls {
			var input struct{ City string }
			if call.Decode(&input) != nil || input.City == "" { // cut off, or missing
				request.ToolError(call.ID, "The input is wrong.")
				continue
			}
			fmt.Printf("%s: %s\n", call.Name, input.City)
			request.ToolResult(call.ID, "Rain, 9 degrees.")
		}
	}
	log.Fatal("the model does not stop calling tools")
}
