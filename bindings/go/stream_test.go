package bedrock_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func TestAStreamHasTheEventsInOrderAndTheirResponse(t *testing.T) {
	leaksNothing(t)
	stream := scripted(t, "One two three.").Stream(t.Context(), hello(t))
	defer stream.Close()
	var types []string
	text := ""
	for event, err := range stream.Events() {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, event.Type.String())
		if event.Type == bedrock.EventText {
			text += event.Text
			var decoded struct{ Delta struct{ Text string } }
			if err := event.Decode(&decoded); err != nil || decoded.Delta.Text != event.Text || event.Payload != event.JSON {
				t.Errorf("the JSON of the event is %q", event.JSON)
			}
		}
	}
	want := "message start, text, text, text, block stop, message stop, metadata"
	if got := strings.Join(types, ", "); got != want || text != "One two three." {
		t.Errorf("%s: %q", got, text)
	}
	response, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	if response.Text() != text || !response.Complete() || response.StopReason() != "end_turn" || response.FinishReason() != "stop" {
		t.Errorf("the response is %s", response.JSON())
	}
}

func TestAStreamThatIsCutIsNeverComplete(t *testing.T) {
	leaksNothing(t)
	stream := scripted(t, cut("Half a ")).Stream(t.Context(), hello(t))
	defer stream.Close()
	var last error
	text := ""
	for piece, err := range stream.Text() {
		text += piece
		last = err
	}
	if !errors.Is(last, bedrock.ErrTruncated) || text != "Half a " {
		t.Errorf("%q, %v", text, last)
	}
	var failure *bedrock.Error
	if !errors.As(last, &failure) || !failure.Retryable || failure.Attempts != 1 {
		t.Errorf("%#v", failure)
	}
	response, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	if response.Complete() || response.Text() != "Half a " {
		t.Errorf("the response is %s", response.JSON())
	}
}

// leavings are the ways out of a loop. Each runs in a goroutine of its own.
var leavings = map[string]func(stream *bedrock.Stream){
	"break": func(stream *bedrock.Stream) {
		for range stream.Events() {
			break
		}
	},
	"return": func(stream *bedrock.Stream) {
		for range stream.Text() {
			return
		}
	},
	"panic": func(stream *bedrock.Stream) {
		defer func() { _ = recover() }()
		for range stream.Events() {
			panic("out of the loop")
		}
	},
	"Goexit": func(stream *bedrock.Stream) {
		for range stream.Text() {
			runtime.Goexit()
		}
	},
}

func TestLeavingTheLoopEndsTheStream(t *testing.T) {
	for name, leave := range leavings {
		t.Run(name, func(t *testing.T) {
			leaksNothing(t)
			// One call at a time: the second one begins only after the first has ended.
			model, err := bedrock.New(bedrock.Config{Model: "any", MaxConcurrency: 1, Timeout: 30 * time.Second,
				Transport: bedrock.Replies(silent("Hello"), "The second.")})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			stream := model.Stream(t.Context(), hello(t))
			defer stream.Close()
			left := make(chan struct{})
			go func() {
				defer close(left)
				leave(stream)
			}()
			<-left
			second, err := model.Generate(t.Context(), hello(t))
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			if second.Text() != "The second." {
				t.Errorf("%q", second.Text())
			}
			first, err := stream.Response()
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			if first.Complete() {
				t.Error("a stream that was left is complete")
			}
		})
	}
}

func TestASecondLoopIsAnError(t *testing.T) {
	leaksNothing(t)
	stream := scripted(t, "Hello.").Stream(t.Context(), hello(t))
	defer stream.Close()
	events := stream.Events()
	for _, err := range events {
		if err != nil {
			t.Fatal(err)
		}
	}
	pairs := 0
	for _, err := range events {
		pairs++
		if !errors.Is(err, bedrock.ErrBusy) {
			t.Error(err)
		}
	}
	for _, err := range stream.Text() {
		pairs++
		if !errors.Is(err, bedrock.ErrBusy) {
			t.Error(err)
		}
	}
	if pairs != 2 {
		t.Errorf("%d pairs", pairs)
	}
}

func TestCloseEndsALoopInAnotherGoroutine(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, silent("Hello"))
	for range 100 {
		stream := model.Stream(t.Context(), hello(t))
		began, ended := make(chan struct{}), make(chan error)
		go func() {
			var last error
			for event, err := range stream.Events() {
				if event.Type == bedrock.EventText {
					close(began)
				}
				last = err
			}
			ended <- last
		}()
		<-began
		var closers sync.WaitGroup
		for range 3 {
			closers.Add(1)
			go func() {
				defer closers.Done()
				stream.Close()
			}()
		}
		if err := <-ended; !errors.Is(err, bedrock.ErrCancelled) {
			t.Fatal(err)
		}
		closers.Wait()
		if _, err := stream.Response(); !errors.Is(err, bedrock.ErrBadHandle) {
			t.Fatal(err)
		}
	}
}

// The goroutine that waits for the longest time wakes the others.
func TestEventsArriveWhileTheGoroutineThatWaitedBeforeIsClosed(t *testing.T) {
	leaksNothing(t)
	const rounds = 50
	silence := scripted(t, silent("Hello"))
	words := scripted(t, map[string]any{"text": "One two three four.", "pace": "2ms"})
	for range rounds {
		first := silence.Stream(t.Context(), hello(t))
		began, ended := make(chan struct{}), make(chan error)
		go func() {
			var last error
			for event, err := range first.Events() {
				if event.Type == bedrock.EventText {
					close(began)
				}
				last = err
			}
			ended <- last
		}()
		<-began
		second := words.Stream(t.Context(), hello(t))
		text := ""
		for piece, err := range second.Text() {
			if err != nil {
				t.Fatal(err)
			}
			if text == "" {
				go first.Close()
			}
			text += piece
		}
		second.Close()
		if err := <-ended; !errors.Is(err, bedrock.ErrCancelled) || text != "One two three four." {
			t.Fatalf("%v, %q", err, text)
		}
	}
}

func TestEverythingMayBeClosedAtAnyTime(t *testing.T) {
	leaksNothing(t)
	handles := bedrock.LiveHandles()
	for range 200 {
		model := scripted(t, "One two three four five.")
		request := bedrock.NewRequest().Text("user", "Hello.")
		stream := model.Stream(t.Context(), request)
		var users sync.WaitGroup
		use := func(f func()) {
			users.Add(1)
			go func() {
				defer users.Done()
				f()
			}()
		}
		use(func() {
			for event, err := range stream.Events() {
				if err == nil && event.Type == bedrock.EventText && !strings.Contains("One two three four five.", event.Text) {
					t.Errorf("%q", event.Text)
				}
			}
		})
		use(func() {
			if response, err := stream.Response(); err == nil {
				use(func() { _, _, _ = response.Text(), response.JSON(), response.ToolCalls() })
				use(response.Close)
			}
		})
		use(func() {
			if response, err := model.Generate(t.Context(), request); err == nil {
				response.Close()
			}
		})
		use(func() { _, _ = request.Clone().Text("user", "More.").JSON(bedrock.AttachmentsInline) })
		use(func() { _, _ = request.Body(model) })
		use(model.Close)
		use(request.Close)
		use(stream.Close)
		users.Wait()
	}
	collect(t, handles) // clones
}

func TestAContextThatIsDoneBeforeACall(t *testing.T) {
	leaksNothing(t)
	reason := errors.New("the reason")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	model := scripted(t, "Never.")
	_, err := model.Generate(ctx, hello(t))
	isContext(t, err, context.Canceled, reason)
	stream := model.Stream(ctx, hello(t))
	defer stream.Close()
	pairs := 0
	for _, err := range stream.Events() {
		isContext(t, err, context.Canceled, reason)
		pairs++
	}
	if pairs != 1 {
		t.Errorf("%d pairs", pairs)
	}
	isContext(t, model.Connect(ctx), context.Canceled, reason)
	var failure *bedrock.Error
	if !errors.As(err, &failure) || failure.Attempts != 0 {
		t.Errorf("%#v", failure)
	}
}

func isContext(t *testing.T, err error, reasons ...error) {
	t.Helper()
	for _, reason := range append(reasons, bedrock.ErrCancelled) {
		if !errors.Is(err, reason) {
			t.Errorf("%v is not %v", err, reason)
		}
	}
}

func TestAContextThatIsDoneDuringACall(t *testing.T) {
	leaksNothing(t)
	reason := errors.New("the reason")
	model := scripted(t, silent("One", "two", "three"))
	t.Run("in the loop", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		stream := model.Stream(ctx, hello(t))
		defer stream.Close()
		pairs := 0
		for _, err := range stream.Events() {
			if pairs++; pairs == 1 {
				cancel(reason)
			} else {
				isContext(t, err, context.Canceled, reason)
			}
		}
		if pairs != 2 {
			t.Errorf("%d pairs", pairs)
		}
	})
	t.Run("while the loop waits", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		stream := model.Stream(ctx, hello(t))
		defer stream.Close()
		var last error
		for event, err := range stream.Events() {
			if last = err; event.Text == "three" {
				time.AfterFunc(5*time.Millisecond, func() { cancel(reason) })
			}
		}
		isContext(t, last, context.Canceled, reason)
	})
	t.Run("by its deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, reason)
		defer cancel()
		_, err := model.Generate(ctx, hello(t))
		isContext(t, err, context.DeadlineExceeded, reason)
	})
	t.Run("while nobody reads", func(t *testing.T) {
		limited, err := bedrock.New(bedrock.Config{Model: "any", MaxConcurrency: 1, Timeout: 30 * time.Second,
			Transport: bedrock.Replies(silent("One"), "The second.")})
		if err != nil {
			t.Fatal(err)
		}
		defer limited.Close()
		ctx, cancel := context.WithCancel(t.Context())
		stream := limited.Stream(ctx, hello(t))
		defer stream.Close()
		next, stop := iter.Pull2(stream.Events())
		defer stop()
		if _, err, ok := next(); err != nil || !ok {
			t.Fatal(err)
		}
		cancel()
		second, err := limited.Generate(t.Context(), hello(t))
		if err != nil {
			t.Fatal(err)
		}
		second.Close()
	})
}

func TestAContextThatIsDoneAfterACallChangesNothing(t *testing.T) {
	leaksNothing(t)
	ctx, cancel := context.WithCancel(t.Context())
	model := scripted(t, "One two.")
	response, err := model.Generate(ctx, hello(t))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	stream := model.Stream(ctx, hello(t))
	defer stream.Close()
	for _, err := range stream.Events() {
		if err != nil {
			t.Error(err)
		}
	}
	cancel()
	streamed, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer streamed.Close()
	if response.Text() != "One two." || streamed.Text() != "One two." || !streamed.Complete() {
		t.Errorf("%q, %q", response.Text(), streamed.Text())
	}
}

func TestAnEventIsAtMostOneAllocation(t *testing.T) {
	const words = 1000
	model := scripted(t, strings.Repeat("word ", words))
	request := hello(t)
	run := func(events int) float64 {
		return testing.AllocsPerRun(5, func() {
			stream := model.Stream(context.Background(), request)
			defer stream.Close()
			seen := 0
			for event, err := range stream.Events() {
				if err != nil {
					t.Fatal(err)
				}
				if event.Type == bedrock.EventText {
					seen++
				}
				if seen == events {
					break
				}
			}
			if seen != events {
				t.Fatalf("%d events", seen)
			}
		})
	}
	few, many := run(10), run(words-10)
	each := (many - few) / (words - 20)
	t.Logf("%.3f allocations an event, %.0f a stream", each, few-10)
	if each > 1.01 {
		t.Errorf("%.3f allocations an event", each)
	}
}

func TestTenThousandStreamsNeedFewThreads(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it is slow under a checker")
	}
	leaksNothing(t)
	const streams = 10_000
	model := scripted(t, map[string]any{"text": "One two three.", "pace": "20ms"})
	request := hello(t)
	var began, ended sync.WaitGroup
	began.Add(streams)
	goOn := make(chan struct{})
	failures := make(chan error, streams)
	for range streams {
		ended.Add(1)
		go func() {
			defer ended.Done()
			stream := model.Stream(t.Context(), request)
			defer stream.Close()
			text := ""
			for piece, err := range stream.Text() {
				if text == "" {
					began.Done()
					<-goOn
				}
				if err != nil {
					failures <- err
				}
				text += piece
			}
			if text != "One two three." {
				failures <- fmt.Errorf("the text is %q", text)
			}
		}()
	}
	began.Wait()
	atOnce := threads(t)
	close(goOn)
	ended.Wait()
	close(failures)
	for err := range failures {
		t.Fatal(err)
	}
	t.Logf("%d streams at once, %d threads; %d at the end", streams, atOnce, threads(t))
	// A thread that waits for the lock of the waiting set makes the runtime start another one.
	if most := max(atOnce, threads(t)); most >= 200 {
		t.Errorf("%d threads", most)
	}
}

func TestManyUnaryCallsNeedFewThreads(t *testing.T) {
	leaksNothing(t)
	before := threads(t)
	model := scripted(t, silent())
	request := hello(t)
	ctx, cancel := context.WithCancel(t.Context())
	const calls = 1000
	ended := make(chan error)
	for range calls {
		go func() {
			_, err := model.Generate(ctx, request)
			ended <- err
		}()
	}
	eventually(t, "all calls are open", func() bool { return bedrock.LiveHandles() >= calls+2 })
	if now := threads(t); now > before+20 {
		t.Errorf("%d threads, %d before", now, before)
	}
	cancel()
	for range calls {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
