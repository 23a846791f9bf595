// fork_under_load.go - starts other programs while streams are read: Go's processes do not fork without exec. The
// programs have no descriptor of the library, and the streams go on.
// tries: 100
// seconds: 60

package main

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
)

func main() {
	model := scriptedModel()
	var stopping atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for !stopping.Load() {
				count, err := texts(context.Background(), model)
				check(count == 3 && err == nil, "%d texts: %v", count, err)
			}
		}()
	}
	for range tries {
		listed, err := exec.Command("ls", "/proc/self/fd").Output()
		check(err == nil, "ls: %v", err)
		// 0 to 2, and the folder.
		check(len(strings.Fields(string(listed))) == 4, "the program has the descriptors %s", listed)
	}
	stopping.Store(true)
	readers.Wait()
}
