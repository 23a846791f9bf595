package bedrock_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// ask makes one call of a model that a script replies for.
func ask(t *testing.T, request *bedrock.Request) {
	t.Helper()
	response, err := scripted(t, "One.").Generate(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	response.Close()
}

func openFeed(t *testing.T, options bedrock.FeedOptions) *bedrock.Feed {
	t.Helper()
	feed, err := bedrock.OpenFeed(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Close)
	return feed
}

func TestAFeedReturnsTheRecordOfACallAndTheLog(t *testing.T) {
	feed := openFeed(t, bedrock.FeedOptions{Records: true, Log: slog.LevelDebug})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	ask(t, hello(t).SetTraceparent("00-"+trace+"-00f067aa0ba902b7-01"))
	messages := 0
	for item, err := range feed.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Type == bedrock.FeedLog {
			if item.Text == "" || item.Target == "" || item.Level > slog.LevelError {
				t.Errorf("%+v", item)
			}
			messages++
			continue
		}
		var record struct {
			TraceID    string `json:"trace_id"`
			Attributes map[string]any
		}
		if err := item.Decode(&record); err != nil || item.Type != bedrock.FeedRecord {
			t.Fatal(item, err)
		}
		if record.TraceID != trace || record.Attributes["gen_ai.operation.name"] != "chat" {
			t.Error(item.Text)
		}
		break
	}
	if messages == 0 {
		t.Error("no message of the log came before the record")
	}
}

func TestAWaitForAFeedEndsWithItsContextAndTheNextOneWorks(t *testing.T) {
	feed := openFeed(t, bedrock.FeedOptions{Records: true})
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := feed.Next(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, bedrock.ErrCancelled) {
			t.Fatal(err)
		}
	}
	ask(t, hello(t))
	if item, err := feed.Next(t.Context()); err != nil || item.Type != bedrock.FeedRecord {
		t.Error(item, err)
	}
}

func TestAFeedThatIsClosedEndsTheWaitForIt(t *testing.T) {
	feed := openFeed(t, bedrock.FeedOptions{Records: true})
	ended := make(chan error)
	go func() {
		_, err := feed.Next(context.Background())
		ended <- err
	}()
	feed.Close()
	if err := <-ended; !errors.Is(err, bedrock.ErrBadHandle) {
		t.Error(err)
	}
	if _, err := feed.Next(t.Context()); !errors.Is(err, bedrock.ErrBadHandle) {
		t.Error(err)
	}
}

func TestAFeedStatesHowManyItemsItLost(t *testing.T) {
	feed := openFeed(t, bedrock.FeedOptions{Records: true, Capacity: 1})
	all := openFeed(t, bedrock.FeedOptions{Records: true})
	for range 3 {
		ask(t, hello(t))
		if _, err := all.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if item, err := feed.Next(t.Context()); err != nil || item.Type != bedrock.FeedRecord {
		t.Error(item, err)
	}
	if item, err := feed.Next(t.Context()); err != nil || item.Type != bedrock.FeedLost || item.Lost != 2 {
		t.Error(item, err)
	}
}

func TestOnlyAFeedThatAsksForContentHasTheMessages(t *testing.T) {
	asks := openFeed(t, bedrock.FeedOptions{Records: true, Content: true})
	other := openFeed(t, bedrock.FeedOptions{Records: true})
	ask(t, hello(t))
	for feed, wanted := range map[*bedrock.Feed]bool{asks: true, other: false} {
		item, err := feed.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(item.Text, `"gen_ai.output.messages":[{"role":"assistant"`); has != wanted {
			t.Errorf("content: %v, wanted %v: %s", has, wanted, item.Text)
		}
	}
}

func TestAFeedThatAsksForNothingIsAnError(t *testing.T) {
	if _, err := bedrock.OpenFeed(bedrock.FeedOptions{}); !errors.Is(err, bedrock.ErrConfig) {
		t.Error(err)
	}
	if err := hello(t).SetTraceparent("00-0-0-01").Err(); !errors.Is(err, bedrock.ErrInvalidArgument) {
		t.Error(err)
	}
}
