// Command scenarios does the steps of a scenario in Go, and prints the transcript. tests/scenarios/README.md describes
// both.
//
//	scenarios FILE
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

var out = bufio.NewWriter(os.Stdout)

// statusOnly states whether the current step prints the status of an error alone.
var statusOnly bool

func fail(format string, arguments ...any) {
	out.Flush()
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(2)
}

// step is a step with its members, as they are written.
type step map[string]json.RawMessage

func (s step) has(member string) bool { _, ok := s[member]; return ok }

func (s step) decode(member string, value any) {
	if err := json.Unmarshal(s[member], value); err != nil {
		fail("%s: %v", member, err)
	}
}

// text returns a text, or the fallback if there is none.
func (s step) text(member, fallback string) string {
	if s.has(member) {
		s.decode(member, &fallback)
	}
	return fallback
}

func (s step) number(member string, fallback int) int {
	if s.has(member) {
		s.decode(member, &fallback)
	}
	return fallback
}

func (s step) is(member string) (value bool) {
	if s.has(member) {
		s.decode(member, &value)
	}
	return value
}

func (s step) bytes(member string) []byte {
	data, err := base64.StdEncoding.DecodeString(s.text(member, ""))
	if err != nil {
		fail("%s: %v", member, err)
	}
	return data
}

// json returns JSON for the library: an object without white space between its tokens, or the text of a string.
func (s step) json(member string) string {
	var text string
	if json.Unmarshal(s[member], &text) == nil {
		return text
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, s[member]); err != nil {
		fail("%s: %v", member, err)
	}
	return compact.String()
}

// cancel is what a scenario calls a cancel: a context.
type cancel struct {
	ctx  context.Context
	fire context.CancelFunc
	open bool
}

// reading is a stream that is read with pauses between its events.
type reading struct {
	stream  *bedrock.Stream
	next    func() (bedrock.Event, error, bool)
	stop    func()
	cancel  context.CancelFunc
	ending  string
	reached bool
}

func (r *reading) close() {
	r.stream.Close()
	if r.stop != nil {
		r.stop()
	}
	r.cancel()
}

// named has the objects of one kind.
type named[T any] struct {
	kind    string
	objects map[string]T
	close   func(T)
}

var (
	models    = named[*bedrock.Model]{"model", map[string]*bedrock.Model{}, (*bedrock.Model).Close}
	requests  = named[*bedrock.Request]{"request", map[string]*bedrock.Request{}, (*bedrock.Request).Close}
	responses = named[*bedrock.Response]{"response", map[string]*bedrock.Response{}, (*bedrock.Response).Close}
	streams   = named[*reading]{"stream", map[string]*reading{}, (*reading).close}
	feeds     = named[*bedrock.Feed]{"feed", map[string]*bedrock.Feed{}, (*bedrock.Feed).Close}
	cancels   = named[*cancel]{"cancel", map[string]*cancel{}, func(c *cancel) { c.open = false }}
)

func (n named[T]) named(name string) T {
	object, ok := n.objects[name]
	if !ok {
		fail("no %s was made under the name %s", n.kind, name)
	}
	return object
}

func (n named[T]) of(s step) T { return n.named(s.text(n.kind, n.kind)) }

func (n named[T]) keep(s step, object T) {
	name := s.text("as", n.kind)
	if older, ok := n.objects[name]; ok {
		n.close(older)
	}
	n.objects[name] = object
}

func (n named[T]) closeAll() {
	for _, object := range n.objects {
		n.close(object)
	}
}

func contextOf(s step) context.Context {
	if s.has("cancel") {
		return cancels.of(s).ctx
	}
	return context.Background()
}

// requestOf returns the request of a call, and what closes it after the call has begun.
func requestOf(s step) (*bedrock.Request, func()) {
	var own *bedrock.Request
	switch {
	case s.has("text"):
		own = bedrock.NewRequest().Text("user", s.text("text", ""))
	case s.has("json"):
		own = bedrock.NewRequest(s.json("json"))
	default:
		return requests.of(s), func() {}
	}
	return own, own.Close
}

// quote writes a text as a JSON string with as few escapes as there can be.
func quote(text string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\':
			quoted.WriteByte('\\')
			quoted.WriteByte(c)
		case '\b':
			quoted.WriteString(`\b`)
		case '\f':
			quoted.WriteString(`\f`)
		case '\n':
			quoted.WriteString(`\n`)
		case '\r':
			quoted.WriteString(`\r`)
		case '\t':
			quoted.WriteString(`\t`)
		default:
			if c < 0x20 {
				fmt.Fprintf(&quoted, `\u%04x`, c)
			} else {
				quoted.WriteByte(c)
			}
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}

func bit(value bool) int {
	if value {
		return 1
	}
	return 0
}

// errorLine writes an error. Every error of the package has a status.
func errorLine(err error) string {
	var failure *bedrock.Error
	if !errors.As(err, &failure) {
		fail("an error without a status: %v", err)
	}
	if statusOnly {
		return "error " + failure.Status.Error()
	}
	wait := int64(-1)
	if failure.RetryAfter >= 0 {
		wait = failure.RetryAfter.Milliseconds()
	}
	line := fmt.Sprintf("error %s code=%s path=%s http=%d request_id=%s retryable=%d retry_after=%d attempts=%d message=%s",
		failure.Status.Error(), quote(failure.Code), quote(failure.Path), failure.HTTPStatus, quote(failure.RequestID),
		bit(failure.Retryable), wait, failure.Attempts, quote(failure.Message))
	if failure.JSON != "" {
		line += " json=" + failure.JSON
	}
	return line
}

func failed(err error) bool {
	if err != nil {
		fmt.Fprintln(out, errorLine(err))
	}
	return err != nil
}

// typeName is the name of the constant in the header. A type that this version does not know has a number.
func typeName(kind bedrock.EventType) string {
	name := strings.ToUpper(strings.ReplaceAll(kind.String(), " ", "_"))
	return strings.TrimPrefix(name, "EVENT_")
}

func eventLine(event bedrock.Event, withJSON bool) string {
	var line strings.Builder
	line.WriteString("event " + typeName(event.Type))
	if event.Block != -1 {
		fmt.Fprintf(&line, " block=%d", event.Block)
	}
	for _, member := range []struct{ name, text string }{
		{"text", event.Text}, {"tool_id", event.ToolID}, {"tool_name", event.ToolName}} {
		if member.text != "" {
			line.WriteString(" " + member.name + "=" + quote(member.text))
		}
	}
	if event.Type == bedrock.EventBlockStop && event.ToolID != "" {
		fmt.Fprintf(&line, " input_valid=%d", bit(event.InputValid))
	}
	switch event.Type {
	case bedrock.EventBlockDelta, bedrock.EventMetadata, bedrock.EventOther:
		withJSON = true
	}
	if withJSON && event.JSON != "" {
		line.WriteString(" json=" + event.JSON)
	}
	if event.Payload != "" && event.JSON == "" {
		line.WriteString(` payload="` + base64.StdEncoding.EncodeToString([]byte(event.Payload)) + `"`)
	}
	if event.Round != 0 {
		fmt.Fprintf(&line, " round=%d", event.Round)
	}
	return line.String()
}

func printUsage(name string, usage bedrock.Usage) {
	latency := int64(-1)
	if usage.Latency >= 0 {
		latency = usage.Latency.Milliseconds()
	}
	fmt.Fprintf(out, "%s input=%d output=%d total=%d cache_read=%d cache_write=%d latency=%d\n", name, usage.InputTokens,
		usage.OutputTokens, usage.TotalTokens, usage.CacheReadTokens, usage.CacheWriteTokens, latency)
}

func printCalls(name string, calls []bedrock.ToolCall) {
	for _, call := range calls {
		input := call.Input
		if !call.InputValid {
			input = quote(input)
		}
		fmt.Fprintf(out, "  %s id=%s name=%s input_valid=%d input=%s\n", name, quote(call.ID), quote(call.Name),
			bit(call.InputValid), input)
	}
}

func printResponse(response *bedrock.Response) {
	fmt.Fprintf(out, "response complete=%d stop_reason=%s finish_reason=%s attempts=%d request_id=%s model=%s\n",
		bit(response.Complete()), quote(response.StopReason()), quote(response.FinishReason()), response.Attempts(),
		quote(response.RequestID()), quote(response.Model()))
	fmt.Fprintf(out, "  text %s\n", quote(response.Text()))
	if reasoning := response.Reasoning(); reasoning != "" {
		fmt.Fprintf(out, "  reasoning %s\n", quote(reasoning))
	}
	printCalls("tool_call", response.ToolCalls())
	printCalls("server_tool_call", response.ServerToolCalls())
	printUsage("  usage", response.Usage())
}

// called prints the response of a call, and keeps it.
func called(s step, response *bedrock.Response, err error) {
	if !failed(err) {
		printResponse(response)
		responses.keep(s, response)
	}
}

func open(ctx context.Context, s step) *bedrock.Stream {
	request, closeRequest := requestOf(s)
	defer closeRequest()
	return models.of(s).CallStream(ctx, s.text("operation", "ConverseStream"), request)
}

// streamStep opens a stream, reads it and makes its response.
func streamStep(s step) {
	stream := open(contextOf(s), s)
	defer stream.Close()
	readAll(s, stream, func(bedrock.Event) {})
}

// runStep opens a run, reads it, gives the results that the step has for its calls, and makes its response.
func runStep(s step) {
	var options struct {
		Tools []struct {
			Name        string
			Description string
			InputSchema any `json:"input_schema"`
		}
		MaxRounds int `json:"max_rounds"`
	}
	var results map[string]struct{ Text, Error *string }
	s.decode("options", &options)
	s.decode("results", &results)
	var tools []bedrock.Tool
	for _, tool := range options.Tools {
		tools = append(tools, bedrock.Tool{Name: tool.Name, Description: tool.Description, InputSchema: tool.InputSchema})
	}
	request, closeRequest := requestOf(s)
	defer closeRequest()
	run := models.of(s).OpenRun(contextOf(s), request, tools, bedrock.RunOptions{MaxRounds: options.MaxRounds})
	defer run.Close()
	readAll(s, run, func(event bedrock.Event) {
		result := results[event.ToolID]
		switch {
		case event.Type != bedrock.EventToolCall:
		case result.Text != nil:
			failed(run.Result(event.ToolID, *result.Text))
		case result.Error != nil:
			failed(run.ResultError(event.ToolID, *result.Error))
		}
	})
}

// readAll reads a stream or a run as a step wants it, and makes its response.
func readAll(s step, stream interface {
	Events() iter.Seq2[bedrock.Event, error]
	Response() (*bedrock.Response, error)
}, seen func(bedrock.Event)) {
	count, ending := 0, "done"
	for event, err := range stream.Events() {
		if err != nil {
			ending = errorLine(err)
			break
		}
		fmt.Fprintln(out, eventLine(event, s.is("json_of_events")))
		count++
		if count == s.number("cancel_at", 0) {
			cancels.of(s).fire()
		}
		if count == s.number("pause_after", 0) {
			time.Sleep(time.Duration(s.number("pause_ms", 0)) * time.Millisecond)
		}
		if count == s.number("leave_after", 0) {
			ending = "left"
			break
		}
		seen(event)
	}
	fmt.Fprintln(out, ending)
	if count > 0 || ending == "done" {
		response, err := stream.Response()
		called(s, response, err)
	}
}

func openStep(s step) {
	ctx, end := context.WithCancel(contextOf(s))
	stream := open(ctx, s)
	// A call that was cancelled is opened in C, and fails where it is read.
	if response, err := stream.Response(); err == nil {
		response.Close()
	} else if !errors.Is(err, bedrock.ErrCancelled) {
		failed(err)
		stream.Close()
		end()
		return
	}
	streams.keep(s, &reading{stream: stream, cancel: end})
}

// read reads at most this many events, or all for a negative number, and prints the ending if it is reached.
func (r *reading) read(events int, withJSON bool, line func(string)) {
	if r.next == nil {
		r.next, r.stop = iter.Pull2(r.stream.Events())
	}
	for count := 0; !r.reached && count != events; count++ {
		event, err, ok := r.next()
		switch {
		case !ok:
			r.reached, r.ending = true, "done"
		case err != nil:
			r.reached, r.ending = true, errorLine(err)
		default:
			line(eventLine(event, withJSON))
		}
	}
	if r.reached {
		line(r.ending)
	}
}

func printLine(line string) { fmt.Fprintln(out, line) }

func readTogether(s step) {
	var names []string
	s.decode("streams", &names)
	lines := make([][]string, len(names))
	var readers sync.WaitGroup
	for i, name := range names {
		stream := streams.named(name)
		readers.Add(1)
		go func() {
			defer readers.Done()
			stream.read(-1, s.is("json_of_events"), func(line string) { lines[i] = append(lines[i], line) })
		}()
	}
	readers.Wait()
	for i, name := range names {
		fmt.Fprintf(out, "stream %s\n%s\n", name, strings.Join(lines[i], "\n"))
	}
}

// recordStep waits for the next record of a feed, and prints the members that the step names.
func recordStep(s step) {
	item, err := feeds.of(s).Next(context.Background())
	if failed(err) {
		return
	}
	if item.Type != bedrock.FeedRecord {
		fail("the feed has no record but %d", item.Type)
	}
	var pointers []string
	s.decode("members", &pointers)
	for _, pointer := range pointers {
		fmt.Fprintf(out, "  %s %s\n", pointer, member(item, pointer))
	}
}

// member returns the JSON of the member of a record that a JSON pointer names, or "none".
func member(record bedrock.FeedItem, pointer string) string {
	var value json.RawMessage
	if err := record.Decode(&value); err != nil {
		fail("a record: %v", err)
	}
	for _, key := range strings.Split(pointer, "/")[1:] {
		var elements []json.RawMessage
		var members map[string]json.RawMessage
		if index, err := strconv.Atoi(key); err == nil && json.Unmarshal(value, &elements) == nil && index < len(elements) {
			value = elements[index]
		} else if json.Unmarshal(value, &members) == nil && members[key] != nil {
			value = members[key]
		} else {
			return "none"
		}
	}
	return string(value)
}

func attachments(s step) bedrock.Attachments {
	if s.text("attachments", "inline") == "by_name" {
		return bedrock.AttachmentsByName
	}
	return bedrock.AttachmentsInline
}

// change prints the failure of a step that changes a request, and lets the request go on.
func change(request *bedrock.Request) { failed(request.ClearErr()) }

// kept keeps a request that was made, unless it failed.
func kept(s step, request *bedrock.Request) {
	if failed(request.Err()) {
		request.Close()
		return
	}
	requests.keep(s, request)
}

func printJSON(name, text string, err error) {
	if !failed(err) {
		fmt.Fprintf(out, "%s %s\n", name, text)
	}
}

var actions = map[string]func(s step){
	"model": func(s step) {
		if model, err := bedrock.NewJSON(s.json("config")); !failed(err) {
			models.keep(s, model)
		}
	},
	"with": func(s step) {
		if model, err := models.of(s).With(s.json("defaults")); !failed(err) {
			models.keep(s, model)
		}
	},
	"model_id":        func(s step) { fmt.Fprintf(out, "model id %s\n", quote(models.of(s).ID())) },
	"model_usage":     func(s step) { printUsage("model usage", models.of(s).Usage()) },
	"set_credentials": func(s step) { failed(models.of(s).SetCredentials(s.json("json"))) },
	"api_key": func(s step) {
		valid := time.Duration(s.number("seconds", 0)) * time.Second
		if key, err := models.of(s).APIKey(contextOf(s), valid); !failed(err) {
			fmt.Fprintf(out, "api key %s...\n", key[:16])
		}
	},
	"connect": func(s step) { failed(models.of(s).Connect(contextOf(s))) },
	"request": func(s step) {
		if s.has("json") {
			kept(s, bedrock.NewRequest(s.json("json")))
		} else {
			kept(s, bedrock.NewRequest())
		}
	},
	"clone": func(s step) { kept(s, requests.of(s).Clone()) },
	"reload": func(s step) {
		if text, err := requests.of(s).JSON(attachments(s)); !failed(err) {
			kept(s, bedrock.NewRequest(text))
		}
	},
	"set":             func(s step) { change(requests.of(s).Set(s.json("json"))) },
	"remove":          func(s step) { change(requests.of(s).Remove(s.text("member", ""))) },
	"set_traceparent": func(s step) { change(requests.of(s).SetTraceparent(s.text("traceparent", ""))) },
	"add_text":        func(s step) { change(requests.of(s).Text(s.text("role", "user"), s.text("text", ""))) },
	"add_message":     func(s step) { change(requests.of(s).Message(s.json("json"))) },
	"add_response": func(s step) {
		change(requests.of(s).Response(responses.of(s)))
	},
	"add_tool_result": func(s step) {
		request, id, text := requests.of(s), s.text("id", ""), s.text("text", "")
		if s.is("is_error") {
			change(request.ToolError(id, text))
		} else {
			change(request.ToolResult(id, text))
		}
	},
	"add_image": func(s step) {
		change(requests.of(s).Image(s.text("role", "user"), s.text("format", ""), s.bytes("base64")))
	},
	"add_document": func(s step) {
		change(requests.of(s).Document(s.text("role", "user"), s.text("format", ""), s.text("name", ""), s.bytes("base64")))
	},
	"attach":        func(s step) { change(requests.of(s).Attach(s.text("name", ""), s.bytes("base64"))) },
	"message_count": func(s step) { fmt.Fprintf(out, "messages %d\n", requests.of(s).MessageCount()) },
	"remove_messages": func(s step) {
		change(requests.of(s).RemoveMessages(s.number("first", 0), s.number("count", 0)))
	},
	"trim": func(s step) {
		request := requests.of(s)
		removed, err := request.Trim(s.number("max", 0))
		if failed(err) {
			request.ClearErr()
			return
		}
		count := 0
		if removed != nil {
			count = removed.MessageCount()
		}
		fmt.Fprintf(out, "removed %d\n", count)
		switch {
		case removed != nil && s.has("as"):
			requests.keep(s, removed)
		case removed != nil:
			removed.Close()
		}
	},
	"request_json": func(s step) {
		text, err := requests.of(s).JSON(attachments(s))
		printJSON("request json", text, err)
	},
	"request_body": func(s step) {
		text, err := requests.of(s).Body(models.of(s))
		printJSON("request body", text, err)
	},
	"diff": func(s step) {
		diff, err := requests.named(s.text("a", "")).Diff(requests.named(s.text("b", "")), models.of(s))
		switch {
		case failed(err):
		case diff == nil:
			fmt.Fprintln(out, "diff none")
		default:
			fmt.Fprintf(out, "diff {\"pointer\":%s,\"offset\":%d", quote(diff.Pointer), diff.Offset)
			for _, side := range []struct{ name, text string }{{"a", diff.A}, {"b", diff.B}} {
				if side.text != "" {
					fmt.Fprintf(out, ",%q:%s", side.name, quote(side.text))
				}
			}
			fmt.Fprintln(out, "}")
		}
	},
	"cancel": func(s step) {
		ctx, fire := context.WithCancel(context.Background())
		cancels.keep(s, &cancel{ctx, fire, true})
	},
	"fire": func(s step) {
		c := cancels.of(s)
		switch {
		case !c.open:
		case s.has("after_ms"):
			time.AfterFunc(time.Duration(s.number("after_ms", 0))*time.Millisecond, c.fire)
		default:
			c.fire()
		}
	},
	"ask": func(s step) {
		request, closeRequest := requestOf(s)
		defer closeRequest()
		response, err := models.of(s).Generate(contextOf(s), request)
		called(s, response, err)
	},
	"call": func(s step) {
		request, closeRequest := requestOf(s)
		defer closeRequest()
		response, err := models.of(s).Call(contextOf(s), s.text("operation", ""), request)
		called(s, response, err)
	},
	"run":           runStep,
	"stream":        streamStep,
	"open":          openStep,
	"next":          func(s step) { streams.of(s).read(s.number("events", 1), s.is("json_of_events"), printLine) },
	"read":          func(s step) { streams.of(s).read(-1, s.is("json_of_events"), printLine) },
	"read_together": readTogether,
	"stream_cancel": func(s step) { streams.of(s).cancel() },
	"stream_response": func(s step) {
		response, err := streams.of(s).stream.Response()
		called(s, response, err)
	},
	"response":         func(s step) { printResponse(responses.of(s)) },
	"response_message": func(s step) { fmt.Fprintf(out, "message %s\n", responses.of(s).Message()) },
	"structured": func(s step) {
		var value json.RawMessage
		err := responses.of(s).Structured(&value)
		printJSON("structured", string(value), err)
	},
	"response_json": func(s step) { fmt.Fprintf(out, "json %s\n", responses.of(s).JSON()) },
	"close": func(s step) {
		switch {
		case s.has("model"):
			models.of(s).Close()
		case s.has("request"):
			requests.of(s).Close()
		case s.has("cancel"):
			cancels.of(s).open = false
		case s.has("stream"):
			streams.of(s).close()
		case s.has("response"):
			responses.of(s).Close()
		case s.has("feed"):
			feeds.of(s).Close()
		default:
			fail("close names no object")
		}
	},
	"feed": func(s step) {
		if feed, err := bedrock.OpenFeed(bedrock.FeedOptions{Records: true, Content: s.is("content")}); !failed(err) {
			feeds.keep(s, feed)
		}
	},
	"record": recordStep,
	"statuses": func(step) {
		for status := bedrock.Status(1000); status >= -1000; status-- {
			if name := status.Error(); name != "" {
				fmt.Fprintf(out, "status %d %s\n", status, name)
			}
		}
	},
	"event_types": func(step) {
		for kind := bedrock.EventMessageStart; kind.String() != fmt.Sprintf("event %d", kind); kind++ {
			fmt.Fprintf(out, "event type %d %s\n", kind, typeName(kind))
		}
	},
	"shutdown": func(step) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if !failed(bedrock.Shutdown(ctx)) {
			fmt.Fprintf(out, "shutdown %s\n", bedrock.Status(0).Error())
		}
	},
}

func do(name string, s step) {
	fmt.Fprintf(out, "> %s\n", name)
	statusOnly = s.has("error")
	action, ok := actions[name]
	if !ok {
		fail("there is no action %s", name)
	}
	action(s)
}

func main() {
	if len(os.Args) != 2 {
		fail("usage: scenarios FILE")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail("%v", err)
	}
	var scenario struct {
		Config json.RawMessage
		Steps  []step
	}
	if err := json.Unmarshal(text, &scenario); err != nil {
		fail("%v", err)
	}
	if scenario.Config != nil {
		do("model", step{"config": scenario.Config})
	}
	for _, s := range scenario.Steps {
		do(s.text("do", ""), s)
	}
	streams.closeAll()
	responses.closeAll()
	requests.closeAll()
	models.closeAll()
	feeds.closeAll()
	for _, c := range cancels.objects {
		c.fire()
	}
	fmt.Fprintf(out, "live handles: %d\n", bedrock.LiveHandles())
	if out.Flush() != nil {
		os.Exit(1)
	}
}
