// Package docs_test holds the pages to what they say: every command in them is
// run on a machine of its own, and every configuration is read.
package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fenced part of a page.
type block struct {
	page  string
	line  int
	kind  string   // the first word behind the fence: sh, console, ini, text or nothing
	words []string // the others
	lines []string
}

func (b block) at() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// norun is why a block is not run, "" if it is.
func (b block) norun() string { return b.word("norun=") }

// needs is a program without which a block is left out.
func (b block) needs() string { return b.word("needs=") }

func (b block) word(prefix string) string {
	for _, w := range b.words {
		if value, ok := strings.CutPrefix(w, prefix); ok {
			return value
		}
	}
	return ""
}

// file is where the text of a block belongs, "" if nowhere.
func (b block) file() string {
	if len(b.words) == 0 || strings.Contains(b.words[0], "=") {
		return ""
	}
	return b.words[0]
}

// blocks are the fenced parts of a page, in order.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []block
	open := false
	for i, line := range strings.Split(string(text), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open:
			open = false
		case isFence:
			open = true
			words := append(strings.Fields(fence), "")
			found = append(found, block{page: filepath.Base(page), line: i + 1, kind: words[0], words: words[1 : max(len(words), 2)-1]})
		case open:
			b := &found[len(found)-1]
			b.lines = append(b.lines, line)
		}
	}
	if open {
		t.Fatalf("%s: the last fence is not closed", page)
	}
	return found
}

// pages are all that people read, by path from here.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages here (%v)", err)
	}
	return append([]string{"../README.md"}, found...)
}

// unrun are the programs that may stand in blocks that are not run, by reason.
var unrun = map[string][]string{
	// It changes what is installed.
	"install": {"apt", "apt-get", "dnf", "rpm", "apk", "tar", "make", "install", "cp"},
	// It needs a service manager.
	"service": {"systemctl", "systemd-analyze", "journalctl", "rc-update", "rc-service", "service", "update-rc.d"},
	// It needs a container engine.
	"container": {"docker", "podman", "skopeo"},
	// It takes a source tree, and long.
	"source": {"make", "go", "git", "cd", "scripts/fetch-reference"},
	// It needs a program that few machines have.
	"others": {"cp", "aa-enforce"},
	// It waits for events without end, or for a question.
	"waits": {"stockade", "fail2ban-server", "bin/stockade", "bin/fail2ban-client"},
}

func TestBlocksThatAreNotRunHoldNothingElse(t *testing.T) {
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			reason := b.norun()
			if reason == "" {
				continue
			}
			allowed := unrun[reason]
			if allowed == nil {
				t.Errorf("%s: %q is no reason for not being run", b.at(), reason)
			}
			for _, line := range b.lines {
				fields := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(line, "$ "), "sudo "))
				if len(fields) > 0 && !strings.HasPrefix(line, " ") && fields[0] != "#" && !slices.Contains(allowed, fields[0]) {
					t.Errorf("%s: %s is not allowed in a block with norun=%s", b.at(), fields[0], reason)
				}
			}
		}
	}
}

func TestFencesSayWhatTheyHold(t *testing.T) {
	kinds := []string{"", "sh", "console", "ini", "text", "json", "yaml", "toml"}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if !slices.Contains(kinds, b.kind) {
				t.Errorf("%s: unknown kind %q", b.at(), b.kind)
			}
			if b.kind != "" {
				continue
			}
			for _, line := range b.lines {
				if commandLine.MatchString(line) {
					t.Errorf("%s: a command in a block that nothing runs: %s", b.at(), line)
				}
			}
		}
	}
}

var commandLine = regexp.MustCompile(`^(\$ |sudo |stockade (run|status|ban|unban|pause|check|detect|jail|library|reload|plan|regex|filter) |fail2ban-(client|server|regex) )`)

// target is the place that a link leads to, without its anchor.
var target = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

func TestREADMELeadsToEveryPage(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	actions, err := os.ReadFile("actions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t)[1:] {
		if !strings.Contains(string(text), "docs/"+page) && !strings.Contains(string(actions), "("+page) {
			t.Errorf("nothing leads to %s", page)
		}
	}
}

func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := os.ReadDir("../internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if room.IsDir() && room.Name() != "testenv" && !strings.Contains(string(text), "(../internal/"+room.Name()+")") {
			t.Errorf("architecture.md does not name internal/%s: add it to its floor", room.Name())
		}
	}
}

// like tells whether printed is what is expected. "..." in a line stands for
// any text, and alone in a line for any lines.
func like(printed, expected []string) bool {
	if len(expected) == 0 {
		return len(printed) == 0
	}
	if strings.TrimSpace(expected[0]) == "..." {
		for i := 0; i <= len(printed); i++ {
			if like(printed[i:], expected[1:]) {
				return true
			}
		}
		return false
	}
	return len(printed) > 0 && lineLike(printed[0], expected[0]) && like(printed[1:], expected[1:])
}

func lineLike(printed, expected string) bool {
	parts := strings.Split(strings.TrimRight(expected, " "), "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`^` + strings.Join(parts, `.*`) + `\s*$`).MatchString(printed)
}

func TestExpectedOutputMayHaveGaps(t *testing.T) {
	printed := []string{"one 1", "two 2", "three 3"}
	for _, c := range []struct {
		expected []string
		want     bool
	}{
		{[]string{"one 1", "two 2", "three 3"}, true},
		{[]string{"one ...", "...", "three 3"}, true},
		{[]string{"...", "three 3", "..."}, true},
		{[]string{"one 1", "two 2"}, false},
		{[]string{"one 1", "...", "two 3"}, false},
		{[]string{"on. 1", "..."}, false},
	} {
		if got := like(printed, c.expected); got != c.want {
			t.Errorf("like(%q) = %v", c.expected, got)
		}
	}
}
