package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// FeedType is what an item of a feed is. Ignore types that the program does not know.
type FeedType int

// The types of the items of a feed.
const (
	// FeedRecord is a record of a call that has ended. Text is its JSON.
	FeedRecord FeedType = 1
	// FeedLog is a message of the log.
	FeedLog FeedType = 2
	// FeedLost stands for items that were dropped here, because they found no room. Lost is their number.
	FeedLost FeedType = 3
)

// FeedOptions choose what a feed gets: records, messages, or both.
type FeedOptions struct {
	// Records asks for the records of calls.
	Records bool
	// Content asks for records that hold the content of calls: prompts, responses and tools. It needs Records.
	Content bool
	// Log is the least severe level of messages. nil asks for none.
	Log slog.Leveler
	// Capacity is how many items may wait. Default: 4096.
	Capacity int
}

// FeedItem is a record of a call, or a message of the log.
type FeedItem struct {
	// Type is what the item is.
	Type FeedType
	// Text is the record as JSON, or the message.
	Text string
	// Level is how severe a message is.
	Level slog.Level
	// Target is a short name for the topic of a message.
	Target string
	// Lost is how many items were dropped, for FeedLost.
	Lost int64
}

// Decode decodes a record as [json.Unmarshal] does.
func (i FeedItem) Decode(value any) error { return json.Unmarshal([]byte(i.Text), value) }

// Feed is a queue of records of calls and of messages of the log: of all models of the process, from OpenFeed on. One
// goroutine at a time may read it. Close it, or let the garbage collector do so.
//
//	feed, err := bedrock.OpenFeed(bedrock.FeedOptions{Records: true})
//	...
//	for item, err := range feed.Items(ctx) {
type Feed struct {
	owner      *owner
	file       *os.File // a duplicate of the feed's descriptor, in Go's network poller: waiting holds no thread
	descriptor syscall.RawConn
}

// OpenFeed opens a feed.
func OpenFeed(options FeedOptions) (*Feed, error) {
	if f := abi.Load(); f != nil {
		return nil, failed(f)
	}
	members := map[string]any{"records": options.Records}
	if options.Content {
		members["content"] = true
	}
	if options.Log != nil {
		members["log"] = levelName(options.Log.Level())
	}
	if options.Capacity != 0 {
		members["capacity"] = options.Capacity
	}
	text, err := encodeFor("opening a feed", members)
	if err != nil {
		return nil, err
	}
	made := abi.FeedNew(text)
	if f := made.Failure(); f != nil {
		return nil, failed(f)
	}
	feed := &Feed{owner: &owner{handle: made.Out, free: abi.FeedFree}}
	if feed.file = duplicate(abi.FeedFD(made.Out)); feed.file != nil {
		feed.descriptor, err = feed.file.SyscallConn()
	}
	if feed.file == nil || err != nil {
		feed.owner.close()
		return nil, own(ErrResource, "opening a feed", "the process has no descriptor left", "Close files that are no longer used")
	}
	closeWith(feed, feed.owner)
	return feed, nil
}

// Next waits for the next item, until the context is done.
func (f *Feed) Next(ctx context.Context) (FeedItem, error) {
	const doing = "reading a feed"
	defer runtime.KeepAlive(f)
	var item abi.FeedItem
	var status int32
	look := func(uintptr) bool {
		f.owner.use(func(feed abi.Handle) { item, status = abi.FeedNext(feed) })
		return status != abi.Again
	}
	defer context.AfterFunc(ctx, func() { _ = f.file.SetReadDeadline(time.Unix(1, 0)) })()
	for {
		err := f.descriptor.Read(look)
		switch {
		case err == nil && status == abi.OK:
			return FeedItem{FeedType(item.Type), item.Text, levelOf(item.Level), item.Target, item.Lost}, nil
		case err == nil:
			return FeedItem{}, own(Status(status), doing, abi.StatusName(status), "")
		case ctx.Err() != nil:
			return FeedItem{}, own(ErrCancelled, doing, "the context is done", "").because(ctx)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return FeedItem{}, own(ErrBadHandle, doing, "the feed is closed", "")
		}
		// The deadline is of a context that was done before.
		_ = f.file.SetReadDeadline(time.Time{})
	}
}

// Items returns the items as they come, in a loop that ends with the first error: of the context, or because the feed
// was closed.
func (f *Feed) Items(ctx context.Context) iter.Seq2[FeedItem, error] {
	return func(yield func(FeedItem, error) bool) {
		for {
			item, err := f.Next(ctx)
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// Close frees the feed, with what it holds. A goroutine that reads it gets an error.
func (f *Feed) Close() {
	_ = f.file.Close() // of a copy that was only polled
	f.owner.close()
	runtime.KeepAlive(f)
}

// levelName returns the name that the library has for the least severe level.
func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	}
	return "error"
}

// levelOf returns a level of the library as one of Go.
func levelOf(level int32) slog.Level {
	switch level {
	case 1:
		return slog.LevelError
	case 2:
		return slog.LevelWarn
	case 3:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
