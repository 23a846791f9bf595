package bedrock_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

// png is a picture of one pixel.
var png = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU" +
	"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")

func TestARequestHasWhatWasAdded(t *testing.T) {
	leaksNothing(t)
	request := bedrock.NewRequest(`{"inferenceConfig": {"maxTokens": 5}}`, map[string]any{"requestMetadata": map[string]any{"a": "<b>"}}).
		Text("system", "Be brief.").
		Text("user", "Look: ").
		Image("user", "", png).
		Document("user", "txt", "notes.txt", []byte("Some notes.")).
		Message(map[string]any{"role": "assistant", "content": []any{map[string]any{"text": "I see."}}}).
		Text("user", "And?")
	defer request.Close()
	if request.MessageCount() != 3 {
		t.Errorf("%d messages", request.MessageCount())
	}
	body, err := request.JSON(bedrock.AttachmentsByName)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"maxTokens": 5`, `"<b>"`, "Be brief.", "@image-1", "@document-1", "I see.", "And?"} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
	inline, err := request.JSON(bedrock.AttachmentsInline)
	if err != nil || !json.Valid([]byte(inline)) || !strings.Contains(inline, "iVBORw0KGgo") {
		t.Errorf("%v, %s", err, inline)
	}
	again := bedrock.NewRequest(body).Attach("image-1", png).Attach("document-1", []byte("Some notes."))
	defer again.Close()
	if loaded, err := again.JSON(bedrock.AttachmentsInline); err != nil || loaded != inline {
		t.Errorf("%v: %s, not %s", err, loaded, inline)
	}

	model := scripted(t, "Hello.")
	before := request.Set(`{"inferenceConfig": null}`).Remove("requestMetadata").Clone()
	defer before.Close()
	removed, err := request.Trim(1)
	if err != nil || removed.MessageCount() != 2 || request.MessageCount() != 1 {
		t.Fatalf("%v: %d messages removed, %d left", err, removed.MessageCount(), request.MessageCount())
	}
	removed.Close()
	sent, err := request.Body(model)
	if err != nil || strings.Contains(sent, "maxTokens") || strings.Contains(sent, "I see.") || !strings.Contains(sent, "And?") {
		t.Errorf("%v, %s", err, sent)
	}
	if removed, err = request.Trim(1); err != nil || removed != nil {
		t.Errorf("%v: %v", err, removed)
	}
	diff, err := before.Diff(request, model)
	if err != nil || diff == nil || diff.Pointer != "/messages/0/content/0/text" || diff.A == "" || diff.Offset == 0 {
		t.Errorf("%v: %+v", err, diff)
	}
	if diff, err = request.Diff(request, model); err != nil || diff != nil {
		t.Errorf("%v: %+v", err, diff)
	}
	if count := request.RemoveMessages(0, 1).MessageCount(); count != 0 {
		t.Errorf("%d messages", count)
	}
}

func TestTheFirstFailureOfARequestIsKept(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, "Hello.")
	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()
	request.Text("nobody", "Hm.").Text("user", "Not added.").Remove("a\x00b")
	if err := request.Err(); !errors.Is(err, bedrock.ErrRequest) {
		t.Error(err)
	}
	clone := request.Clone()
	defer clone.Close()
	if _, err := model.Generate(t.Context(), request); !errors.Is(err, bedrock.ErrRequest) {
		t.Error(err)
	}
	if _, err := request.JSON(0); !errors.Is(err, bedrock.ErrRequest) {
		t.Error(err)
	}
	if _, err := model.Generate(t.Context(), clone); !errors.Is(err, bedrock.ErrRequest) {
		t.Error(err)
	}
	if err := request.ClearErr(); !errors.Is(err, bedrock.ErrRequest) || request.Err() != nil {
		t.Error(err)
	}
	response, err := model.Generate(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	if text, err := request.JSON(0); err != nil || strings.Contains(text, "Not added.") {
		t.Errorf("%v, %s", err, text)
	}
}

func TestWrongArgumentsAreErrors(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, "Hello.")
	for what, request := range map[string]*bedrock.Request{
		"not JSON":          bedrock.NewRequest(`{"messages": `),
		"not UTF-8":         bedrock.NewRequest().Text("user", "\xff"),
		"an empty image":    bedrock.NewRequest().Image("user", "png", nil),
		"an attached twice": bedrock.NewRequest().Attach("a", []byte("1")).Attach("a", []byte("2")),
	} {
		if request.Err() == nil {
			t.Errorf("%s is no error", what)
		}
		request.Close()
	}
	if _, err := model.Call(t.Context(), "Divine", hello(t)); !errors.Is(err, bedrock.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := model.Call(t.Context(), "", hello(t)); !errors.Is(err, bedrock.ErrInvalidArgument) {
		t.Error(err)
	}
	closed := hello(t)
	closed.Close()
	if _, err := model.Generate(t.Context(), closed); !errors.Is(err, bedrock.ErrBadHandle) {
		t.Error(err)
	}
	model.Close()
	if _, err := model.Generate(t.Context(), hello(t)); !errors.Is(err, bedrock.ErrBadHandle) {
		t.Error(err)
	}
}

// An error that the package makes itself is as good as the library's: what was being done, which argument is wrong, what
// to do.
func TestAnArgumentThatIsWrongHasAnErrorThatNamesIt(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, "Hello.")
	const nul = "us\x00er"
	of := func(request *bedrock.Request) error {
		defer request.Close()
		return request.Err()
	}
	with := func(_ any, err error) error { return err }
	request := bedrock.NewRequest
	for want, err := range map[string]error{
		"adding text: role has a NUL: the byte at offset 2. Remove the NUL":               of(request().Text(nul, "Hello.")),
		"adding the result of a tool: id has a NUL: the byte at offset 2. Remove the NUL": of(request().ToolResult(nul, "1")),
		"adding the error of a tool: id has a NUL: the byte at offset 2. Remove the NUL":  of(request().ToolError(nul, "1")),
		"adding an image: role has a NUL: the byte at offset 2. Remove the NUL":           of(request().Image(nul, "png", nil)),
		"adding an image: format has a NUL: the byte at offset 2. Remove the NUL":         of(request().Image("user", nul, nil)),
		"adding a document: role has a NUL: the byte at offset 2. Remove the NUL":         of(request().Document(nul, "txt", "a", nil)),
		"adding a document: format has a NUL: the byte at offset 2. Remove the NUL":       of(request().Document("user", nul, "a", nil)),
		"adding a document: name has a NUL: the byte at offset 2. Remove the NUL":         of(request().Document("user", "txt", nul, nil)),
		"attaching bytes: name has a NUL: the byte at offset 2. Remove the NUL":           of(request().Attach(nul, nil)),
		"removing a member: member has a NUL: the byte at offset 2. Remove the NUL":       of(request().Remove(nul)),
		"removing messages: first is -1. Indexes begin with 0":                            of(request().RemoveMessages(-1, 1)),
		"removing messages: count is -2. Give how many messages to remove":                of(request().RemoveMessages(0, -2)),
		"adding a response: response is nil. Add the response of a call that returned no error": of(
			request().Response(nil)),
		"making a request: the value cannot be encoded as JSON: json: unsupported type: chan int": of(
			request(make(chan int))),
		"adding a message: the value cannot be encoded as JSON: json: unsupported type: chan int": of(
			request().Message(make(chan int))),
		"setting members: the value cannot be encoded as JSON: json: unsupported type: chan int": of(
			request().Set(make(chan int))),
		"deriving a model: the value cannot be encoded as JSON: json: unsupported type: chan int": with(
			model.With(make(chan int))),
		"Converse: request is nil. Make one with NewRequest": with(model.Generate(t.Context(), nil)),
		"starting a call: operation has a NUL: the byte at offset 2. Remove the NUL": with(
			model.Call(t.Context(), nul, hello(t))),
	} {
		var failure *bedrock.Error
		if !errors.As(err, &failure) || !errors.Is(err, bedrock.ErrInvalidArgument) || err.Error() != "bedrock: "+want {
			t.Errorf("the error is %v, not %s", err, want)
		}
	}
	var unsupported *json.UnsupportedTypeError
	if err := of(request(make(chan int))); !errors.As(err, &unsupported) {
		t.Errorf("%v has lost its cause", err)
	}
}

func TestAnErrorHasEveryDetail(t *testing.T) {
	leaksNothing(t)
	model, err := bedrock.New(bedrock.Config{
		Model: "any",
		Retry: bedrock.Retry{MaxAttempts: 1},
		Transport: bedrock.Replies(map[string]any{"error": map[string]any{
			"status": 429, "code": "ThrottlingException", "message": "Too many requests",
			"headers": map[string]any{"retry-after": "7"}}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	_, err = model.Generate(t.Context(), hello(t))
	var failure *bedrock.Error
	if !errors.As(err, &failure) || !errors.Is(err, bedrock.ErrThrottled) || errors.Is(err, bedrock.ErrService) {
		t.Fatal(err)
	}
	if failure.Code != "ThrottlingException" || failure.HTTPStatus != 429 || failure.Attempts != 1 || !failure.Retryable ||
		failure.RetryAfter != 7*time.Second || failure.RequestID != "scripted" || !strings.HasPrefix(failure.Message, "bedrock: ") ||
		failure.Error() != failure.Message || failure.Status.Error() != "BEDROCK_E_THROTTLED" {
		t.Errorf("%#v", failure)
	}
	var decoded struct{ Message string }
	if err := failure.Decode(&decoded); err != nil || decoded.Message != "Too many requests" {
		t.Errorf("%v, %q", err, failure.JSON)
	}
	wrong := bedrock.NewRequest(`{"messages": [{"role": "user", "content": []}]}`)
	defer wrong.Close()
	if _, err = model.Generate(t.Context(), wrong); !errors.As(err, &failure) || failure.Path != "/messages/0/content" {
		t.Errorf("%v at %q", err, failure.Path)
	}
}

func TestAToolIsCalledAndItsResultIsSent(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, map[string]any{"message": map[string]any{"role": "assistant", "content": []any{
		map[string]any{"text": "Let me see."},
		map[string]any{"toolUse": map[string]any{"toolUseId": "t1", "name": "weather", "input": map[string]any{"city": "Oslo"}}},
		map[string]any{"toolUse": map[string]any{"toolUseId": "t2", "name": "weather", "input": map[string]any{"city": "Rome"}}},
	}}}, "It rains.")
	request := bedrock.NewRequest(`{"toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {}}}}]}}`).
		Text("user", "How is the weather?")
	defer request.Close()
	stream := model.Stream(t.Context(), request)
	defer stream.Close()
	inputs := ""
	for event, err := range stream.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == bedrock.EventBlockStop && event.ToolID != "" {
			inputs += event.ToolID + event.ToolName + event.Text
			if !event.InputValid {
				t.Errorf("the input is not valid: %q", event.Text)
			}
		}
	}
	if inputs != `t1weather{"city":"Oslo"}t2weather{"city":"Rome"}` {
		t.Error(inputs)
	}
	response, err := stream.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	calls := response.ToolCalls()
	if len(calls) != 2 || response.FinishReason() != "tool_calls" || len(response.ServerToolCalls()) != 0 {
		t.Fatalf("%v", calls)
	}
	var input struct{ City string }
	if err := calls[1].Decode(&input); err != nil || input.City != "Rome" || !calls[1].InputValid || calls[1].Name != "weather" {
		t.Errorf("%v, %v", err, calls[1])
	}
	second, err := model.Generate(t.Context(), request.Response(response).ToolResult("t1", "Rain.").ToolError("t2", "Unknown."))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.Text() != "It rains." || !strings.Contains(second.Message(), "It rains.") {
		t.Error(second.JSON())
	}
}

func TestAnyOperationAndUsage(t *testing.T) {
	leaksNothing(t)
	model := scripted(t,
		map[string]any{"json": map[string]any{"embedding": []float64{1, 2.5}, "inputTextTokenCount": 3}},
		map[string]any{"events": []any{map[string]any{"chunk": map[string]any{"a": 1}}, map[string]any{"chunk": map[string]any{"b": 2}}}})
	request := bedrock.NewRequest(`{"body": {"inputText": "Hello"}}`)
	defer request.Close()
	response, err := model.Call(t.Context(), "InvokeModel", request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	var result struct{ Embedding []float32 }
	if err := response.Decode(&result); err != nil || len(result.Embedding) != 2 || result.Embedding[1] != 2.5 {
		t.Errorf("%v, %s", err, response.JSON())
	}
	if used := response.Usage(); used.InputTokens != 3 || used.CacheReadTokens != -1 || used.Latency >= 0 {
		t.Errorf("%+v", used)
	}
	if used := model.Usage(); used.InputTokens != 3 || used.OutputTokens != 0 {
		t.Errorf("%+v", used)
	}
	stream := model.CallStream(t.Context(), "InvokeModelWithResponseStream", request)
	defer stream.Close()
	chunks := ""
	for event, err := range stream.Events() {
		if err != nil {
			t.Fatal(err)
		}
		chunks += event.Type.String() + event.Text
	}
	if chunks != `chunk{"a":1}chunk{"b":2}` {
		t.Error(chunks)
	}
}

func TestADerivedModelHasItsOwnSettings(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, silent("Hello"))
	quick, err := model.With(map[string]any{"timeout": "20ms", "model": "another", "system": "Be brief."})
	if err != nil {
		t.Fatal(err)
	}
	defer quick.Close()
	if quick.ID() != "another" || model.ID() != "any" {
		t.Error(quick.ID(), model.ID())
	}
	if body, err := hello(t).Body(quick); err != nil || !strings.Contains(body, "Be brief.") {
		t.Errorf("%v, %s", err, body)
	}
	if _, err := quick.Generate(t.Context(), hello(t)); !errors.Is(err, bedrock.ErrTimeout) {
		t.Error(err)
	}
	if _, err := model.With(`{"timout": "1s"}`); !errors.Is(err, bedrock.ErrRequest) {
		t.Error(err)
	}
	if err := model.Connect(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheSettingsHaveTheirSources(t *testing.T) {
	leaksNothing(t)
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	model, err := bedrock.New(bedrock.Config{Model: "any", Region: "eu-west-1", APIKey: "AKIDEXAMPLEEXAMPLE", SecretKey: "hush-hush"})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	text, err := model.Settings()
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Transport   string
		Region      struct{ Value, Source string }
		Credentials struct{ Provider string }
	}
	if err := json.Unmarshal([]byte(text), &settings); err != nil || settings.Transport != "network" ||
		settings.Region.Value != "eu-west-1" || settings.Credentials.Provider != "access_keys" ||
		strings.Contains(text, "hush") || strings.Contains(text, "AKIDEXAMPLEEXAMPLE") {
		t.Errorf("%v, %s", err, text)
	}
	model.Close()
	if _, err := model.Settings(); !errors.Is(err, bedrock.ErrBadHandle) {
		t.Error(err)
	}
}

func TestAFallbackRespondsAndStatsShowWhatCountsAgainstLimits(t *testing.T) {
	leaksNothing(t)
	throttled := map[string]any{"error": map[string]any{"status": 429, "code": "ThrottlingException", "message": "Slow down"}}
	model, err := bedrock.New(bedrock.Config{
		Model:      "any",
		Limits:     bedrock.Limits{RequestsPerMinute: 5},
		Fallbacks:  []bedrock.Fallback{{Model: "other", Region: "eu-west-1", Request: map[string]any{"max_tokens": 10}}},
		FallbackOn: []string{"not_found"},
		Cooldown:   time.Minute,
		HedgeAfter: time.Minute,
		Retry:      bedrock.Retry{ThrottledFor: time.Second},
		Transport:  bedrock.Replies(throttled, "Hello."),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	request := bedrock.NewRequest(`{"messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}`)
	defer request.Close()
	response, err := model.Generate(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	stats := model.Stats()
	if response.Model() != "other" || stats.Running != 0 || stats.Waits != 0 || stats.RequestsInMinute != 1 ||
		stats.RequestsPerMinute != 5 || stats.TokensPerMinute != -1 {
		t.Errorf("%q %+v", response.Model(), stats)
	}
}

func TestARecordingIsReplayed(t *testing.T) {
	file := t.TempDir() + "/recording.json"
	if err := os.WriteFile(file, []byte(`{"bedrock_recording": 1, "interactions": [{"request": {"method": "POST",
		"path": "/model/any/converse", "headers": {}, "body": {"messages": [{"role": "user", "content": [{"text": "Hello."}]}]}},
		"response": {"after_ms": 1, "status": 200, "headers": {"content-type": "application/json"}, "body":
		{"output": {"message": {"role": "assistant", "content": [{"text": "Replayed."}]}}, "stopReason": "end_turn"}}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	model, err := bedrock.New(bedrock.Config{Model: "any", Transport: bedrock.Replay(file)})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	response, err := model.Generate(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	if response.Text() != "Replayed." {
		t.Error(response.JSON())
	}
}

func TestCredentialsAreReplacedAndAnAPIKeyIsMadeOfThem(t *testing.T) {
	model, err := bedrock.NewJSON(`{"model": "m", "bearer_token": "bedrock-api-key-1", "transport": {"replies": []}}`)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	ctx := context.Background()
	if _, err := model.APIKey(ctx, time.Hour); !errors.Is(err, bedrock.ErrCredentials) {
		t.Error("a key of a bearer token:", err)
	}
	token := strings.Repeat("t", 5000)
	keys := `{"api_key": "AKIDEXAMPLE", "secret_key": "secret", "session_token": "` + token + `"}`
	if err := model.SetCredentials(keys); err != nil {
		t.Fatal(err)
	}
	key, err := model.APIKey(ctx, 12*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	url, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "bedrock-api-key-"))
	if err != nil || !strings.Contains(string(url), "X-Amz-Expires=43200&") || !strings.Contains(string(url), token) {
		t.Errorf("%s, %v", url, err)
	}
	for _, valid := range []time.Duration{math.MinInt64, -time.Second, time.Millisecond, 13 * time.Hour, math.MaxInt64} {
		if _, err := model.APIKey(ctx, valid); !errors.Is(err, bedrock.ErrInvalidArgument) {
			t.Error(valid, err)
		}
	}
	if err := model.SetCredentials(`{"api_key": "a"}`); !errors.Is(err, bedrock.ErrConfig) {
		t.Error(err)
	}
}
