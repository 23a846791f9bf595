package bedrock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// bounded is a context that ends a run that hangs.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
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

func TestBytesOfAResultThatAreNotUTF8BecomeReplacementCharacters(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x", "y", "z"), "Done.")
	response, err := model.Run(bounded(t), request, adding(func(_ context.Context, call bedrock.ToolCall) (any, error) {
		switch call.ID {
		case "t0":
			return "text \xff\xfe.", nil
		case "t1":
			return map[string]string{"out": "json \xff."}, nil
		}
		return nil, errors.New("error \xff.")
	}), bedrock.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	response.Close()
	text, err := request.JSON(bedrock.AttachmentsInline)
	for _, part := range []string{"{\"text\":\"text \uFFFD.\"}", `{"json":{"out":"json \ufffd."}}`, "{\"text\":\"error \uFFFD.\"}"} {
		if !strings.Contains(text, part) || err != nil {
			t.Errorf("no %s, %v: %s", part, err, text)
		}
	}
}

func TestAResultThatTheLibraryRefusesEndsTheRunWithThatError(t *testing.T) {
	leaksNothing(t)
	for what, value := range map[string]any{
		"no JSON": []byte("{"), "no UTF-8": json.RawMessage("\"\xff\""), "too deep": []byte(strings.Repeat("[", 600) + strings.Repeat("]", 600)),
	} {
		model, request := scriptedRun(t, calling("x"), "Done.")
		_, err := model.Run(bounded(t), request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
			return value, nil
		}), bedrock.RunOptions{})
		if !errors.Is(err, bedrock.ErrRequest) || request.MessageCount() != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestACallWhoseIDHasANULGetsItsResult(t *testing.T) {
	leaksNothing(t)
	reply := map[string]any{"message": map[string]any{"role": "assistant", "content": []any{map[string]any{
		"toolUse": map[string]any{"toolUseId": "a\x00b", "name": "add", "input": map[string]any{}}}}}}
	model, request := scriptedRun(t, reply, "Done.")
	var id string
	response, err := model.Run(bounded(t), request, adding(func(_ context.Context, call bedrock.ToolCall) (any, error) {
		id = call.ID
		return "ok", nil
	}), bedrock.RunOptions{})
	if err != nil || id != "a_b" || request.MessageCount() != 4 {
		t.Fatal(err, id)
	}
	response.Close()
}

func TestAFunctionThatEndsItsGoroutineEndsTheRunWithAnError(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x"), "Done.")
	_, err := model.Run(bounded(t), request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
		runtime.Goexit()
		return nil, nil
	}), bedrock.RunOptions{})
	if !errors.Is(err, bedrock.ErrInvalidArgument) || !strings.Contains(err.Error(), `"add"`) || request.MessageCount() != 1 {
		t.Error(err)
	}
}

func TestADeadlineDuringAToolIsATimeoutWhateverTheToolReturnsThen(t *testing.T) {
	leaksNothing(t)
	for what, value := range map[string]any{"a result": "late", "no JSON": []byte("{")} {
		model, request := scriptedRun(t, calling("x"), "Done.")
		run := model.OpenRun(bounded(t), request, adding(func(ctx context.Context, _ bedrock.ToolCall) (any, error) {
			<-ctx.Done()
			return value, nil
		}), bedrock.RunOptions{Total: 50 * time.Millisecond})
		var last error
		for _, err := range run.Events() {
			last = err
		}
		run.Close()
		if !errors.Is(last, bedrock.ErrTimeout) || request.MessageCount() != 1 {
			t.Errorf("%s: %v", what, last)
		}
	}
}

func TestACancelDuringAToolIsACancelWhateverTheToolReturnsThen(t *testing.T) {
	leaksNothing(t)
	for what, value := range map[string]any{"a result": "late", "no JSON": []byte("{")} {
		model, request := scriptedRun(t, calling("x"), "Done.")
		ctx, cancel := context.WithCancel(context.Background())
		_, err := model.Run(ctx, request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
			cancel()
			return value, nil
		}), bedrock.RunOptions{})
		if !errors.Is(err, bedrock.ErrCancelled) || !errors.Is(err, context.Canceled) || request.MessageCount() != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAResultThatTheProgramGivesBeforeTheFunctionReturnsIsTheResult(t *testing.T) {
	leaksNothing(t)
	model, request := scriptedRun(t, calling("x"), "Done.")
	given := make(chan struct{})
	run := model.OpenRun(bounded(t), request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
		<-given
		return "of the function", nil
	}), bedrock.RunOptions{})
	defer run.Close()
	for event, err := range run.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == bedrock.EventToolCall {
			if err := run.Result(event.ToolID, "of the program"); err != nil {
				t.Error(err)
			}
			close(given)
		}
	}
	if text, err := request.JSON(bedrock.AttachmentsInline); err != nil || !strings.Contains(text, "of the program") {
		t.Error(text, err)
	}
}

func TestNoFunctionBeginsAfterTheRunWasEndedAtItsEvent(t *testing.T) {
	leaksNothing(t)
	for what, end := range map[string]func(run *bedrock.Run, cancel func()){
		"the context ends":  func(_ *bedrock.Run, cancel func()) { cancel() },
		"the run is closed": func(run *bedrock.Run, _ func()) { run.Close() },
	} {
		model, request := scriptedRun(t, calling("x", "y", "z"), "Done.")
		ctx, cancel := context.WithCancel(context.Background())
		var ended, after atomic.Bool
		run := model.OpenRun(ctx, request, adding(func(context.Context, bedrock.ToolCall) (any, error) {
			after.Store(ended.Load())
			return "ok", nil
		}), bedrock.RunOptions{})
		var last error
		for event, err := range run.Events() {
			if event.Type == bedrock.EventToolCall {
				end(run, cancel)
				ended.Store(true)
			}
			last = err
		}
		run.Close()
		cancel()
		if !errors.Is(last, bedrock.ErrCancelled) || after.Load() || request.MessageCount() != 1 {
			t.Errorf("%s: %v, begun after: %v", what, last, after.Load())
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
