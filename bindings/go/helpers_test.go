package bedrock_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if os.Getenv("BEDROCK_TEST") == "without a library" {
		useWithoutALibrary()
		os.Exit(0)
	}
	startLibrary()
	os.Exit(m.Run())
}

// startLibrary starts the library's threads, so that no test takes their descriptors for a leak.
func startLibrary() {
	model, err := bedrock.New(bedrock.Config{Model: "any", Transport: bedrock.Replies("Hello.")})
	if err != nil {
		panic(err)
	}
	defer model.Close()
	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()
	response, err := model.Generate(context.Background(), request)
	if err != nil {
		panic(err)
	}
	response.Close()
}

// leaksNothing fails the test if, at its end, there are more handles, goroutines or descriptors than now. There may be
// fewer: what ends late may have been of the test before.
func leaksNothing(t *testing.T) {
	t.Helper()
	handles, goroutines, files := bedrock.LiveHandles(), runtime.NumGoroutine(), descriptors(t)
	t.Cleanup(func() {
		eventually(t, "handles, goroutines and descriptors are those from before", func() bool {
			return bedrock.LiveHandles() <= handles && runtime.NumGoroutine() <= goroutines && descriptors(t) <= files
		})
	})
}

// collect waits until the garbage collector has closed what was forgotten, and no more handles are left.
func collect(t *testing.T, handles int) {
	t.Helper()
	eventually(t, "the collector has closed what was forgotten", func() bool {
		runtime.GC()
		return bedrock.LiveHandles() <= handles
	})
}

// eventually waits until a condition holds that nothing notifies of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 20 s: %s: %d handles, %d goroutines, %d descriptors", what, bedrock.LiveHandles(),
				runtime.NumGoroutine(), descriptors(t))
		}
	}
}

// descriptors returns how many descriptors the process has, without those that the library and the runtime keep.
func descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		if to, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil && to != "anon_inode:[eventpoll]" {
			count++
		}
	}
	return count
}

// threads returns how many threads the process has. Go never ends the threads that it starts.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "Threads:")
	count, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// scripted makes a model whose script has these replies, again and again.
func scripted(t *testing.T, replies ...any) *bedrock.Model {
	t.Helper()
	model, err := bedrock.New(bedrock.Config{
		Model:     "any",
		Transport: map[string]any{"replies": replies, "repeat": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	return model
}

// hello makes a request that the script does not read.
func hello(t *testing.T) *bedrock.Request {
	request := bedrock.NewRequest().Text("user", "Hello.")
	t.Cleanup(request.Close)
	return request
}

// silent is a reply that begins and then sends nothing for longer than any test waits.
func silent(words ...string) any {
	events := []any{map[string]any{"messageStart": map[string]any{"role": "assistant"}}}
	for _, word := range words {
		events = append(events, delta(word))
	}
	return map[string]any{"events": append(events, map[string]any{"wait": "10m"},
		map[string]any{"messageStop": map[string]any{"stopReason": "end_turn"}})}
}

func delta(text string) any {
	return map[string]any{"contentBlockDelta": map[string]any{
		"contentBlockIndex": 0, "delta": map[string]any{"text": text}}}
}

// cut is a reply that breaks off.
func cut(words ...string) any {
	events := []any{}
	for _, word := range words {
		events = append(events, delta(word))
	}
	return map[string]any{"events": events}
}
