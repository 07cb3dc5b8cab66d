package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/testenv"
	"stockade/library"
)

const clientJails = `[DEFAULT]
backend = polling
action = dummy[target="DIR/dummy"]
[sshd]
enabled = true
logpath = DIR/auth.log
[other]
enabled = true
filter = sshd
logpath = DIR/other.log
maxretry = 3
`

// clientScript is what people type every day, in an order in which each
// command leaves the same state behind in both servers.
var clientScript = []string{
	"ping", "version", "status", "status sshd", "status nosuch",
	"get loglevel", "set loglevel DEBUG", "set loglevel nonsense", "set loglevel INFO",
	"set logtarget DIR/second.log", "get logtarget", "flushlogs", "set logtarget DIR/fail2ban.log",
	"set sshd banip 192.0.2.1", "set sshd banip 192.0.2.2 2001:0DB8:0::00AA",
	"set other banip 192.0.2.1", "status sshd", "get sshd banip", "get sshd banip --with-time",
	// Only now: a second ban prolongs the first by the time in between.
	"set sshd banip 192.0.2.1",
	"banned", "banned 192.0.2.1", "set sshd unbanip 192.0.2.2", "set sshd unbanip --report-absent 192.0.2.2",
	"reload", "get sshd banned", "unban 192.0.2.1", "unban 192.0.2.1", "unban --all", "banned",
	"nonsense", "stop",
}

// longClientScript goes on where people rarely go.
var longClientScript = []string{
	"echo hello world", "echo", "status sshd short", "status --all", "get syslogsocket", "get dbfile", "get dbpurgeage",
	"get dbmaxmatches", "set loglevel 20", "get loglevel", "set loglevel INFO", "set nosuch banip 192.0.2.1",
	"set sshd banip 192.0.2.1", "get sshd banip ,", "get sshd banned", "get sshd banned 192.0.2.1",
	"get sshd banned 192.0.2.1 192.0.2.99", "banned 192.0.2.1 192.0.2.99", "unban", "unban --all",
	"reload sshd", "reload nosuch", "reload --if-exists nosuch",
	"set sshd banip 192.0.2.7", "reload", "get sshd banip", "reload --unban sshd", "get sshd banip",
	"get sshd maxretry", "get other maxretry", "get sshd findtime", "get sshd bantime", "get sshd usedns",
	"get sshd ignoreself", "get sshd ignoreip", "get sshd logpath", "get sshd logencoding", "get sshd maxlines",
	"get sshd maxmatches", "get sshd actions", "get sshd ignoreregex", "get sshd datepattern", "get sshd journalmatch",
	"set sshd maxretry 7", "get sshd maxretry", "set sshd bantime 1h", "set sshd findtime 30m", "set sshd bantime nonsense",
	"set sshd addignoreip 192.0.2.128/25", "get sshd ignoreip", "set sshd delignoreip 192.0.2.128/25",
	"set sshd delignoreip 192.0.2.128/25",
	"get sshd nonsense", "set sshd nonsense 1", "get", "set", "get nosuch maxretry",
	"set sshd idle on", "set sshd idle maybe", "set sshd idle off",
	"stop other", "status", "add third polling", "status", "start third", "status third", "stop third",
	"server-status", "stop",
}

// TestRealClientsSeeNoDifference types the same commands into the unmodified
// clients against the reference's server and against ours.
func TestRealClientsSeeNoDifference(t *testing.T) {
	t.Run("client 1.0.2", func(t *testing.T) { compareClients(t, testenv.Reference102(t), clientScript) })
	if testenv.Full() {
		t.Run("client 1.1.1", func(t *testing.T) { compareClients(t, testenv.Reference(t), clientScript) })
		t.Run("client 1.0.2 more", func(t *testing.T) { compareClients(t, testenv.Reference102(t), longClientScript) })
		t.Run("client 1.1.1 more", func(t *testing.T) { compareClients(t, testenv.Reference(t), longClientScript) })
	}
}

func compareClients(t *testing.T, client string, script []string) {
	ref, ours := reference(t), stockade(t)
	var want, got []string
	t.Run("answers", func(t *testing.T) {
		t.Run("reference", func(t *testing.T) {
			t.Parallel()
			want = typed(t, ref, client, script)
		})
		t.Run("stockade", func(t *testing.T) {
			t.Parallel()
			got = typed(t, ours, client, script)
		})
	})
	if t.Failed() {
		return
	}
	if got == nil {
		testenv.Skip(t, refusal)
	}
	for i, command := range script {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Errorf("%s: (-reference +ours)\n%s", command, diff)
		}
	}
}

// What differs from run to run.
var (
	stamp  = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d{3})?`)
	number = regexp.MustCompile(`\[\d+\]: `)
)

// typed starts a server and gives, for each command, all that a client of the
// given folder prints, and its exit code.
func typed(t *testing.T, s subject, client string, script []string) []string {
	t.Helper()
	in := place(t, s, nil, clientJails)
	// For a reload these clients read the files themselves, so all of them
	// must be on disk.
	if s.library {
		if err := os.CopyFS(in.path("etc"), library.Files()); err != nil {
			t.Fatal(err)
		}
	}
	in.write(t, "auth.log", "")
	in.write(t, "other.log", "")
	in.start(t)
	var answers []string
	for _, command := range script {
		args := append([]string{"-c", in.path("etc")}, strings.Fields(strings.ReplaceAll(command, "DIR", in.dir))...)
		cmd := testenv.Program(client, "client", args...)
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		code := 0
		var exit *exec.ExitError
		if err := cmd.Run(); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		text := stdout.String() + "--- errors\n" + stderr.String()
		text = strings.ReplaceAll(text, in.dir, "DIR")
		text = number.ReplaceAllString(stamp.ReplaceAllString(text, "TIME"), "[PID]: ")
		if code != 0 {
			text += fmt.Sprintf("--- exit %d\n", code)
		}
		answers = append(answers, text)
	}
	in.gone(t)
	return answers
}
