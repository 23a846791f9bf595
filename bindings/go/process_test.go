package bedrock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	bedrock "github.com/libbedrock/libbedrock/bindings/go"
)

func TestTheHubEndsWithTheLastModelAndStream(t *testing.T) {
	goroutines, handles := runtime.NumGoroutine(), bedrock.LiveHandles()
	for range 20 {
		model := scripted(t, "Hello.")
		derived, err := model.With(`{"system": "Be brief."}`)
		if err != nil {
			t.Fatal(err)
		}
		request := bedrock.NewRequest().Text("user", "Hello.")
		stream := model.Stream(t.Context(), request)
		request.Close()
		model.Close()
		derived.Close()
		// The stream goes on after its model and request.
		for _, err := range stream.Events() {
			if err != nil {
				t.Fatal(err)
			}
		}
		if now := bedrock.LiveHandles(); now != handles+2 {
			t.Fatalf("%d handles of a stream and a hub, %d before", now, handles)
		}
		stream.Close()
		if now := bedrock.LiveHandles(); now != handles {
			t.Fatalf("%d handles, %d before", now, handles)
		}
		eventually(t, "the hub has no goroutine", func() bool { return runtime.NumGoroutine() <= goroutines })
	}
}

func TestAForgottenCloseIsMadeUpForByTheCollector(t *testing.T) {
	handles, goroutines := bedrock.LiveHandles(), runtime.NumGoroutine()
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var workers sync.WaitGroup
	for range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range 100 {
				forget(t, i)
			}
		}()
	}
	workers.Wait()
	collect(t, handles)
	eventually(t, "the hub has ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// forget makes objects, uses them while the collector runs, and closes none.
func forget(t *testing.T, i int) {
	model, err := bedrock.New(bedrock.Config{Model: "any",
		Transport: bedrock.Replies("One two three four five.", "One two three four five.")})
	if err != nil {
		t.Error(err)
		return
	}
	request := bedrock.NewRequest().Text("user", strings.Repeat("Hello. ", 100))
	stream := model.Stream(context.Background(), request.Clone())
	text := ""
	for piece, err := range stream.Text() {
		if err != nil {
			t.Error(err)
		}
		if text += piece; i%3 == 0 {
			break
		}
	}
	if i%3 != 0 {
		response, err := stream.Response()
		if err != nil || response.Text() != text || text != "One two three four five." {
			t.Errorf("%v, %q", err, text)
		}
	}
	if response, err := model.Generate(context.Background(), request); err != nil || response.Text() != "One two three four five." {
		t.Error(err)
	}
}

// running begins streams that stay open until the test ends.
func running(t *testing.T, count int) {
	t.Helper()
	model := scripted(t, silent("Hello"))
	request := hello(t)
	var began, ended sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for range count {
		began.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			stream := model.Stream(ctx, request)
			defer stream.Close()
			for event, err := range stream.Events() {
				if event.Type == bedrock.EventText {
					began.Done()
				} else if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		}()
	}
	began.Wait()
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
}

func TestAProgramThatIsStartedHasNoneOfTheDescriptors(t *testing.T) {
	leaksNothing(t)
	running(t, 50)
	var workers sync.WaitGroup
	for range 4 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range 25 {
				// The shell lists its own descriptors: 0, 1, 2, and the one with which the list is read.
				out, err := exec.Command("/bin/sh", "-c", "for f in /proc/self/fd/*; do readlink $f || true; done").Output()
				if err != nil || bytes.Contains(out, []byte("anon_inode")) || bytes.Contains(out, []byte("socket")) {
					t.Errorf("%v: the child has %s", err, out)
				}
			}
		}()
	}
	workers.Wait()
}

func TestStreamsGoOnWhileTheProcessIsProfiled(t *testing.T) {
	leaksNothing(t)
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil { // SIGPROF, 100 times a second of CPU
		t.Fatal(err)
	}
	model := scripted(t, strings.Repeat("word ", 1000))
	request := hello(t)
	// Every 10 ms of CPU are one signal: enough CPU for at least 50.
	for before := processorTime(t); processorTime(t) < before+500*time.Millisecond; {
		var streams sync.WaitGroup
		for range 20 {
			streams.Add(1)
			go func() {
				defer streams.Done()
				stream := model.Stream(t.Context(), request)
				defer stream.Close()
				count := 0
				for _, err := range stream.Text() {
					if err != nil {
						t.Error(err)
					}
					count++
				}
				if count != 1000 {
					t.Errorf("%d words", count)
				}
			}()
		}
		streams.Wait()
	}
	pprof.StopCPUProfile()
	if profile.Len() < 1000 {
		t.Errorf("the profile has %d bytes", profile.Len())
	}
}

func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestStreamsWorkWithoutADescriptorForTheHub(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, "One two three.")
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lowered := limit
	lowered.Cur = 3 // every descriptor that is opened now is refused
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	if file, err := os.Open("/dev/null"); err == nil {
		file.Close()
		t.Fatal("descriptors are not refused")
	}
	for range 10 {
		stream := model.Stream(t.Context(), hello(t))
		text := ""
		for piece, err := range stream.Text() {
			if err != nil {
				t.Fatal(err)
			}
			text += piece
		}
		stream.Close()
		if text != "One two three." {
			t.Errorf("%q", text)
		}
	}
}

func TestShutdownEndsCallsAndTheNextCallStartsAgain(t *testing.T) {
	leaksNothing(t)
	model := scripted(t, silent("Hello"), "Again.")
	stream := model.Stream(t.Context(), hello(t))
	defer stream.Close()
	var last error
	for event, err := range stream.Events() {
		if last = err; event.Type == bedrock.EventText {
			if err := bedrock.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if !errors.Is(last, bedrock.ErrCancelled) {
		t.Error(last)
	}
	response, err := model.Generate(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Close()
	if response.Text() != "Again." {
		t.Error(response.JSON())
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bedrock.Shutdown(done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWithoutALibraryThereIsAnErrorAndNoPanic(t *testing.T) {
	if bedrock.Link != "dlopen" {
		t.Skip("skipped: a program that is linked with the library does not start without it")
	}
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "BEDROCK_TEST=without a library", "LIBBEDROCK=/dev/null/libbedrock.so")
	if out, err := program.CombinedOutput(); err != nil || string(out) != "no library\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// useWithoutALibrary is the program of the test above.
func useWithoutALibrary() {
	check := func(what string, err error) {
		if !errors.Is(err, bedrock.ErrConfig) || !strings.Contains(err.Error(), "set LIBBEDROCK to its file") {
			panic(fmt.Sprintf("%s: %v", what, err))
		}
	}
	model, err := bedrock.New(bedrock.Config{Model: "any"})
	check("a model", err)
	request := bedrock.NewRequest().Text("user", "Hello.")
	defer request.Close()
	check("ClearErr", request.ClearErr())
	check("a change", request.Text("user", "Hello.").Err())
	if count := request.MessageCount(); count != 0 {
		panic(count)
	}
	pairs := 0
	for _, err := range model.Stream(context.Background(), request).Events() {
		check("a stream", err)
		pairs++
	}
	if pairs != 1 || bedrock.LiveHandles() != 0 || bedrock.Version() != "" {
		panic(pairs)
	}
	fmt.Println("no library")
}

func TestTheLibraryIsLinkedAsTheBuildSays(t *testing.T) {
	want := os.Getenv("BEDROCK_LINK")
	if want == "" {
		t.Skip("skipped: only bindings/go/check says how it has built this program")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if shared := bytes.Contains(maps, []byte("libbedrock.so")); bedrock.Link != want || shared == (want == "static") {
		t.Errorf("Link is %s, not %s; the shared library is loaded: %v", bedrock.Link, want, shared)
	}
}
