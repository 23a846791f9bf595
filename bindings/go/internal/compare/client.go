package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// client reads streams with one of the two, and prints what it measured. One stream before opens the connection.
func client(arguments []string) {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	url := flags.String("url", "", "")
	ca := flags.String("ca", "", "")
	kind := flags.String("model", "", "")
	streams := flags.Int("streams", 1, "")
	events := flags.Int("events", 1, "")
	atOnce := flags.Bool("at-once", false, "")
	must(flags.Parse(arguments[1:]))

	open := map[string]func(url, ca string) func(model string) int{"sdk": sdk, "bedrock": ours}[arguments[0]]
	read := open(*url, *ca)
	read("burst-1")

	model := fmt.Sprintf("%s-%d", *kind, *events)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	processor := processorTime()
	var text atomic.Int64
	if *atOnce {
		var readers sync.WaitGroup
		for range *streams {
			readers.Add(1)
			go func() {
				defer readers.Done()
				text.Add(int64(read(model)))
			}()
		}
		readers.Wait()
	} else {
		for range *streams {
			text.Add(int64(read(model)))
		}
	}
	processor = processorTime() - processor
	runtime.ReadMemStats(&after)
	each := float64(*streams * *events)
	must(json.NewEncoder(os.Stdout).Encode(result{
		CPU:         float64(processor.Microseconds()) / each,
		Allocations: float64(after.Mallocs-before.Mallocs) / each,
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / each,
		Threads:     threads(),
		Text:        int(text.Load()),
	}))
}

// ours returns what reads a stream with this package, and returns how many bytes of text it had.
func ours(url, ca string) func(model string) int {
	model, err := bedrock.New(bedrock.Config{Model: "any", BaseURL: url, CAFile: ca, Region: "us-east-1",
		APIKey: "AKIDEXAMPLE", SecretKey: "secret"})
	must(err)
	return func(id string) int {
		request := bedrock.NewRequest(map[string]any{"modelId": id}).Text("user", "Hello.")
		defer request.Close()
		stream := model.Stream(context.Background(), request)
		defer stream.Close()
		length := 0
		for text, err := range stream.Text() {
			must(err)
			length += len(text)
		}
		return length
	}
}

// sdk returns what does the same with the SDK, as its documentation shows.
func sdk(url, ca string) func(model string) int {
	roots := x509.NewCertPool()
	authority, err := os.ReadFile(ca)
	must(err)
	if !roots.AppendCertsFromPEM(authority) {
		must(fmt.Errorf("%s has no certificate", ca))
	}
	client := bedrockruntime.New(bedrockruntime.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.TLSClientConfig = &tls.Config{RootCAs: roots}
		}),
	})
	return func(id string) int {
		out, err := client.ConverseStream(context.Background(), &bedrockruntime.ConverseStreamInput{
			ModelId: aws.String(id),
			Messages: []types.Message{{
				Role:    types.ConversationRoleUser,
				Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Hello."}},
			}},
		})
		must(err)
		stream := out.GetStream()
		length := 0
		for event := range stream.Events() {
			if delta, ok := event.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
				if text, ok := delta.Value.Delta.(*types.ContentBlockDeltaMemberText); ok {
					length += len(text.Value)
				}
			}
		}
		must(stream.Err())
		must(stream.Close())
		return length
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func threads() (count int) {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, after, _ := strings.Cut(string(status), "Threads:")
	_, err = fmt.Sscan(after, &count)
	must(err)
	return count
}
