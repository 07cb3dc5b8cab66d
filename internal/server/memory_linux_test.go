package server

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// TestSettledServerHoldsLittleOfItsProgram looks at the pages of the program in
// memory, which are fewer afterwards, and at whether it still runs.
func TestSettledServerHoldsLittleOfItsProgram(t *testing.T) {
	before := filePages(t)
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	Settle()
	if after := filePages(t); after >= before {
		t.Errorf("%s of the program in memory before, %s after", before, after)
	}
}

// filePages gives the line of the kernel's status, whose number has a fixed
// width.
func filePages(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(status), "RssFile:")
	if !ok {
		t.Fatal("no RssFile")
	}
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
