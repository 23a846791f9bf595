// Command compare measures this package and aws-sdk-go-v2 in one run: the CPU time and the allocations of an event.
// README.md has its figures.
//
//	go run . [-rounds 9] [-load 0] [-check]
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A workload is what both clients do: so many streams, one after the other or all at once, of so many events.
type workload struct {
	name    string
	https   bool
	model   string // tells the server what to send
	streams int
	events  int
	atOnce  bool
	goal    float64 // the most that this package may take of the SDK's CPU time; 0 for no goal
}

var workloads = []workload{
	{"1,000 events as fast as they come, HTTP/1.1", false, "burst", 50, 1000, false, 0.5},
	{"the same, HTTP/2 and TLS", true, "burst", 50, 1000, false, 0.5},
	{"an event each millisecond, HTTP/1.1", false, "paced", 1, 1000, false, 0},
	{"the same, HTTP/2 and TLS", true, "paced", 1, 1000, false, 0},
	{"1,000 streams of 20 events a second, HTTP/2 and TLS", true, "slow", 1000, 40, true, 0},
}

// A result is what a client measured of itself, all of its threads together.
type result struct {
	CPU         float64 // microseconds an event
	Allocations float64 // of Go, an event
	Bytes       float64 // of Go, an event
	Threads     int
	Text        int
}

var names = []string{"sdk", "bedrock"}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			serve()
			return
		case "client":
			client(os.Args[2:])
			return
		case "spin":
			go func() {
				for {
				}
			}()
			_, _ = io.Copy(io.Discard, os.Stdin) // ends with its parent, however that ends
			return
		}
	}
	rounds := flag.Int("rounds", 9, "how often each is measured, in turn; the medians count")
	load := flag.Int("load", 0, "how many other processes compute meanwhile")
	check := flag.Bool("check", false, "only what has a goal; the exit code is 1 unless every goal is met")
	flag.Parse()

	server := command("serve")
	stdout, err := server.StdoutPipe()
	must(err)
	stdin, err := server.StdinPipe()
	must(err)
	must(server.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(err)
	var at addresses
	must(json.Unmarshal([]byte(line), &at))

	for range *load {
		spin := command("spin")
		_, err := spin.StdinPipe()
		must(err)
		must(spin.Start())
	}

	fmt.Println("| | | CPU | allocations | bytes | threads |")
	fmt.Println("|---|---|---:|---:|---:|---:|")
	met := compare(at, *rounds, *check)
	must(stdin.Close())
	must(server.Wait())
	if *check && !met {
		os.Exit(1)
	}
}

// compare prints the table. It returns whether every goal is met.
func compare(at addresses, rounds int, check bool) bool {
	met := true
	for _, w := range workloads {
		if check && w.goal == 0 {
			continue
		}
		results := map[string][]result{}
		var ratios []float64
		for round := range rounds {
			for _, name := range names { // in turn, so that both have the same neighbours on the machine
				results[name] = append(results[name], measure(name, w, at))
			}
			ratios = append(ratios, results["bedrock"][round].CPU/results["sdk"][round].CPU)
		}
		slices.Sort(ratios)
		for i, name := range names {
			slices.SortFunc(results[name], func(a, b result) int { return cmp.Compare(a.CPU, b.CPU) })
			r := results[name][rounds/2]
			label := []string{w.name, ""}[i]
			fmt.Printf("| %s | %s | %.2f us | %.1f | %.0f | %d |\n", label,
				map[string]string{"sdk": "aws-sdk-go-v2", "bedrock": "this package"}[name], r.CPU, r.Allocations, r.Bytes,
				r.Threads)
		}
		ratio := ratios[rounds/2]
		fmt.Printf("| | **ratio**, %.2f to %.2f | **%.2f** | | | |\n", ratios[0], ratios[rounds-1], ratio)
		if w.goal != 0 && ratio > w.goal || math.IsNaN(ratio) {
			fmt.Fprintf(os.Stderr, "%s: %.2f of the SDK's CPU time, and the goal is %.2f\n", w.name, ratio, w.goal)
			met = false
		}
	}
	return met
}

// measure runs a client in a process of its own. A client that has not received everything is an error.
func measure(name string, w workload, at addresses) result {
	url := at.HTTP
	if w.https {
		url = at.HTTPS
	}
	run := func() ([]byte, error) {
		return command("client", name, "-url", url, "-ca", at.CA, "-model", w.model, "-streams", fmt.Sprint(w.streams),
			"-events", fmt.Sprint(w.events), fmt.Sprintf("-at-once=%v", w.atOnce)).Output()
	}
	out, err := run()
	// The SDK sometimes closes a connection whose response has begun before its request was read.
	for attempt := 1; err != nil && name == "sdk" && attempt < 10; attempt++ {
		out, err = run()
	}
	must(err)
	var r result
	must(json.Unmarshal(out, &r))
	if want := w.streams * w.events * len(word); r.Text != want {
		must(fmt.Errorf("%s, %s: %d bytes of text, not %d", w.name, name, r.Text, want))
	}
	return r
}

// command is this program with other arguments, and without the caller's settings for AWS and proxies.
func command(arguments ...string) *exec.Cmd {
	self, err := os.Executable()
	must(err)
	c := exec.Command(self, arguments...)
	c.Stderr = os.Stderr
	c.Env = []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "AWS_") && !strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			c.Env = append(c.Env, variable)
		}
	}
	return c
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(2)
	}
}
