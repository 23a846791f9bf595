package bedrock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// calling is a reply that calls the tool "add" with these inputs.
func calling(inputs ...string) any {
	var content []any
	for i, input := range inputs {
		content = append(content, map[string]any{"toolUse": map[string]any{
			"toolUseId": fmt.Sprint("t", i), "name": "add", "input": map[string]any{"a": input}}})
	}
	return map[string]any{"message": map[string]any{"role": "assistant", "content": content}}
}

func adding(call func(ctx context.Context, call bedrock.ToolCall) (any, error)) []bedrock.Tool {
	return []bedrock.Tool{{Name: "add", Description: "Adds.", InputSchema: `{"type": "object"}`, Call: call}}
}

func scriptedRun(t *testing.T, replies ...any) (*bedrock.Model, *bedrock.Request) {
	t.Helper()
	model, err := bedrock.New(bedrock.Config{Model: "any", Transport: bedrock.Replies(replies...)})
	if err != nil {
		t.Fatal(err)
	}
	request := bedrock.NewRequest().Text("user", "What is 2 + 3?")
	t.Cleanup(func() {
		request.Close()
		model.Close()
	})
	return model, request
}

func TestARunCallsToolsAtTheSameTimeAndAddsTheirResultsInOrder(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x", "y", "z"), "Done.")
	var together sync.WaitGroup
	together.Add(3) // no call returns before all have begun
	response, err := model.Run(context.Background(), request, adding(func(_ context.Context, call bedrock.ToolCall) (any, error) {
		together.Done()
		together.Wait()
		var input struct{ A string }
		if err := call.Decode(&input); err != nil {
			return nil, err
		}
		switch input.A {
		case "x":
			return "text of x", nil
		case "y":
			return map[string]int{"sum": 5}, nil
		}
		return nil, errors.New("no " + input.A)
	}), bedrock.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	text, err := request.JSON(bedrock.AttachmentsInline)
	if err != nil || response.Text() != "Done." || request.MessageCount() != 4 {
		t.Errorf("%q, %v: %s", response.Text(), err, text)
	}
	at := 0
	for _, part := range []string{`"t0","content":[{"text":"text of x"}]`, `"t1","content":[{"json":{"sum":5}}]`,
		`"t2","content":[{"text":"no z"}],"status":"error"`} {
		found := strings.Index(text[at:], part)
		if found < 0 {
			t.Fatalf("no %s in %s", part, text[at:])
		}
		at += found
	}
}

func TestEventsOfARunHaveTheirRounds(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x"), "Done.")
	run := model.OpenRun(context.Background(), request, adding(nil), bedrock.RunOptions{})
	defer run.Close()
	var seen []string
	for event, err := range run.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch event.Type {
		case bedrock.EventToolCall:
			seen = append(seen, fmt.Sprint(event.Round, event.ToolID, event.Text))
			if err := run.Result(event.ToolID, "ok"); err != nil {
				t.Error(err)
			}
			if err := run.Result(event.ToolID, "again"); !errors.Is(err, bedrock.ErrInvalidArgument) {
				t.Error(err)
			}
		case bedrock.EventText:
			seen = append(seen, fmt.Sprint(event.Round, event.Text))
		}
	}
	if !slices.Equal(seen, []string{`1t0{"a":"x"}`, "2Done."}) {
		t.Error(seen)
	}
}

func TestARunEndsWithItsContextAndWaitsForItsTools(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x"), "Done.")
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("enough")
	returned := false
	_, err := model.Run(ctx, request, adding(func(ctx context.Context, _ bedrock.ToolCall) (any, error) {
		cancel(reason)
		<-ctx.Done()
		returned = true
		return "too late", nil
	}), bedrock.RunOptions{})
	if !errors.Is(err, bedrock.ErrCancelled) || !errors.Is(err, reason) || !returned {
		t.Error(err, returned)
	}
	if request.MessageCount() != 1 {
		t.Error("a round that is not complete was added")
	}
}

func TestAResultThatCannotBeEncodedEndsTheRun(t *testing.T) {
	leaksNothing(t)
	for _, value := range []any{make(chan int), []byte("{")} {
		model, request := scriptedRun(t, calling("x"), "Done.")
		_, err := model.Run(context.Background(), request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
			return value, nil
		}), bedrock.RunOptions{})
		if !errors.Is(err, bedrock.ErrInvalidArgument) && !errors.Is(err, bedrock.ErrRequest) || request.MessageCount() != 1 {
			t.Error(err)
		}
	}
}

func TestWrongToolsAndOptionsAreRefused(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, "Done.")
	call := func(context.Context, bedrock.ToolCall) (any, error) { return nil, nil }
	for want, tools := range map[error][]bedrock.Tool{
		bedrock.ErrInvalidArgument: append(adding(call), adding(call)...),
		bedrock.ErrRequest:         {{Name: "a b", InputSchema: "{}", Call: call}},
	} {
		if _, err := model.Run(context.Background(), request, tools, bedrock.RunOptions{}); !errors.Is(err, want) {
			t.Error(want, err)
		}
	}
	if _, err := model.Run(context.Background(), request, adding(nil), bedrock.RunOptions{}); !errors.Is(err, bedrock.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := model.Run(context.Background(), request, nil, bedrock.RunOptions{MaxRounds: -1}); !errors.Is(err, bedrock.ErrConfig) {
		t.Error(err)
	}
	if response, err := model.Run(context.Background(), request, nil, bedrock.RunOptions{}); err != nil || response.Text() != "Done." {
		t.Error(err)
	} else {
		response.Close()
	}
}

func TestLeavingTheLoopEndsTheRun(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x"), "Done.")
	run := model.OpenRun(context.Background(), request, adding(nil), bedrock.RunOptions{MaxRounds: 1})
	defer run.Close()
	for range run.Events() {
		break
	}
	if err := run.Result("t0", "late"); !errors.Is(err, bedrock.ErrInvalidArgument) || request.MessageCount() != 1 {
		t.Error(err)
	}
	for _, err := range run.Events() {
		if !errors.Is(err, bedrock.ErrBusy) {
			t.Error(err)
		}
	}
}
