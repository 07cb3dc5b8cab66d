package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// TestStatusOfOtherServersIsShown asks servers that are not ours: what they
// have is shown, and what they lack is said in plain words.
func TestStatusOfOtherServersIsShown(t *testing.T) {
	t.Parallel()
	for _, s := range []suite{theirs(t), older(t)} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := scratch(t)
			s.startServer(t, dir)
			verb := func(words ...string) outcome {
				return stockadeRun(t, dir, append(words, "--socket", dir+"/f.sock")...)
			}
			if got := verb("ban", "one", "192.0.2.1"); got.status != 0 || got.stdout != "1 banned in one\n" {
				t.Errorf("%+v", got)
			}
			got := verb("status")
			if got.status != 0 || !strings.Contains(got.stdout, "192.0.2.1") || !strings.Contains(got.stdout, "two") || got.stderr != "" {
				t.Errorf("%+v", got)
			}
			if got := verb("status", "two"); got.status != 0 || !strings.HasPrefix(got.stdout, "Status for the jail: two\n") {
				t.Errorf("%+v", got)
			}
			got = verb("status", "--json")
			if got.status != wentWrong || !strings.Contains(got.stderr, "the server on $D/f.sock has no API (version 1.") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// stockadeRun runs a verb of our own program.
func stockadeRun(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	s := ours()
	cmd := s.make("client")
	s.make = func(_ string, args ...string) *exec.Cmd {
		return &exec.Cmd{Path: cmd.Path, Args: append([]string{"stockade"}, args...)}
	}
	s.options = nil
	return s.run(t, dir, "", "", args...)
}
