// exit_with_streams.go - a process that ends while streams run, from main and from a goroutine: it ends at once, and with
// the code that it asked for.
// tries: 60
// runs: 60
// exit: 7

package main

import (
	"context"
	"os"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func main() {
	model := serviceModel(100000, 1)
	begun := make(chan bool)
	for range 8 {
		go func() {
			request := bedrock.NewRequest().Text("user", "Hello?")
			for _, err := range model.Stream(context.Background(), request).Text() {
				check(err == nil, "a text: %v", err)
				begun <- true
			}
		}()
	}
	for range 8 {
		<-begun
	}
	if os.Getpid()%2 == 0 {
		go os.Exit(7)
		select {}
	}
	defer os.Exit(7)
}
