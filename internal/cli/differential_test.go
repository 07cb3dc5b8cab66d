package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// commandLines are those of testdata, with the scratch directory put in.
func commandLines(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "commands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(strings.ReplaceAll(string(data), "$D", dir), "\n") {
		if l != "" && !strings.HasPrefix(l, "#") {
			lines = append(lines, l)
		}
	}
	return lines
}

// each runs the command lines one by one against a fresh server.
func each(t *testing.T, server, client suite) []outcome {
	t.Helper()
	dir := scratch(t)
	server.startServer(t, dir)
	var all []outcome
	for _, l := range commandLines(t, dir) {
		words, err := shellWords(l)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, client.run(t, dir, "", "client", append([]string{"-c", dir}, words...)...))
	}
	return all
}

// together runs them in one interactive client, which is much faster where the
// client is a Python program.
func together(t *testing.T, server, client suite) outcome {
	t.Helper()
	dir := scratch(t)
	server.startServer(t, dir)
	lines := slices.DeleteFunc(commandLines(t, dir), func(l string) bool {
		return l == "start" || l == "stop" || strings.HasPrefix(l, "restart")
	})
	return client.run(t, dir, strings.Join(lines, "\n")+"\nexit\n", "client", "-c", dir, "-i")
}

func compare(t *testing.T, want, got []outcome) {
	t.Helper()
	lines := commandLines(t, "$D")
	for i, l := range lines {
		if got[i] != want[i] {
			t.Errorf("%s\n got %+v\nwant %+v", l, got[i], want[i])
		}
	}
}

// TestCommandLinesDoTheSameWithEveryServerAndClient is the whole table of
// commands, with wrong names, missing and superfluous words.
func TestCommandLinesDoTheSameWithEveryServerAndClient(t *testing.T) {
	t.Parallel()
	reference := theirs(t)
	if n := len(commandLines(t, "")); n < 250 {
		t.Fatalf("there are only %d command lines", n)
	}
	type pairing struct {
		server, client suite
		outcomes       []outcome
	}
	pairings := []*pairing{{server: reference, client: ours()}, {server: ours(), client: ours()}}
	if testenv.Full() {
		pairings = append(pairings, &pairing{server: reference, client: reference}, &pairing{server: ours(), client: reference})
	}
	t.Run("run", func(t *testing.T) {
		for _, p := range pairings {
			t.Run(p.client.name+" client, "+p.server.name+" server", func(t *testing.T) {
				t.Parallel()
				p.outcomes = each(t, p.server, p.client)
			})
		}
	})
	if t.Failed() {
		return
	}
	for _, p := range pairings[1:] {
		t.Run(p.client.name+" client, "+p.server.name+" server, compared", func(t *testing.T) {
			compare(t, pairings[0].outcomes, p.outcomes)
		})
	}
}

// TestInteractiveClientsPrintTheSame runs the same commands through prompts.
func TestInteractiveClientsPrintTheSame(t *testing.T) {
	t.Parallel()
	reference := theirs(t)
	clients := []suite{reference}
	if testenv.Full() {
		clients = append(clients, ours(), older(t))
	}
	for _, client := range clients {
		t.Run(client.name+" client", func(t *testing.T) {
			t.Parallel()
			want, got := together(t, reference, client), together(t, ours(), client)
			if got.status != want.status {
				t.Errorf("status %d, with the reference's server %d", got.status, want.status)
			}
			sameLines(t, "standard output", want.stdout, got.stdout)
			sameLines(t, "standard error", want.stderr, got.stderr)
		})
	}
}

// sameLines reports the first lines that differ.
func sameLines(t *testing.T, what, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		x, y := "", ""
		if i < len(w) {
			x = w[i]
		}
		if i < len(g) {
			y = g[i]
		}
		if x != y {
			t.Errorf("%s, line %d, after %q:\n got %q\nwant %q", what, i+1, w[max(0, min(i, len(w))-2):min(i, len(w))], y, x)
			return
		}
	}
}
