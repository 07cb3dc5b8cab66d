package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// step is one command line of a story, or something done by hand before it.
type step struct {
	program string
	args    []string
	do      func(t *testing.T, dir string)
	// until is what standard output has to hold at last: bans are restored a
	// while after a start.
	until string
}

func eventually(until, program string, args ...string) step {
	return step{program: program, args: args, until: until}
}

func line(program string, args ...string) step { return step{program: program, args: args} }

func hand(do func(t *testing.T, dir string)) step { return step{do: do} }

// broken adds jails that cannot be read.
var broken = hand(func(t *testing.T, dir string) {
	appendTo(t, filepath.Join(dir, "jail.conf"), `
[bad]
filter = nofilter
logpath = `+dir+`/one.log
[worse]
filter = one
action = noaction
logpath = `+dir+`/one.log
`)
})

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(data)+text)
}

// socketFile puts a file where the socket belongs.
var socketFile = hand(func(t *testing.T, dir string) { write(t, filepath.Join(dir, "f.sock"), "") })

// stories are told by both programs; what they print has to be the same.
var stories = map[string][]step{
	"questions": {
		line("client"), line("client", "-z"), line("client", "-s"), line("client", "--conf"), line("client", "--lo"),
		line("client", "-h"), line("client", "--help"), line("server", "-h"), line("server", "-z"),
		line("client", "-V"), line("client", "--version"), line("client", "-V", "status"), line("server", "-V"), line("server", "--version"),
		line("client", "--str2sec", "1h30m"), line("client", "--str2sec", "1d 2w"), line("client", "--str2sec=5"),
		line("client", "--str2sec", "bogus"), line("client", "--str2sec", "1d,2d"), line("client", "--str2sec", ""), line("client", "--str2sec"),
		line("client", "--timeout", "x", "ping"), line("client", "--loglevel", "BOGUS", "status"),
		line("client", "-c", "/nonexistent", "status"), line("client", "--conf=/nonexistent", "-d"), line("server", "-c", "/nonexistent"),
	},
	"no server": {
		line("client", "ping"), line("client", "ping", "1"), line("client", "ping", "x"), line("client", "status"), line("client", "-q", "status"), line("client", "-qqq", "status"),
		line("client", "-s", "/nonexistent.sock", "ping"), line("client", "-s/nonexistent.sock", "--", "ping"), line("client", "--sock", "/nonexistent.sock", "status"),
		line("client", "reload"), line("client", "restart", "x"), line("client", "stop"), line("client", "start", "status"),
		line("client", "-xbf", "--async", "ping"), line("server", "status"), line("server", "bogus"),
		line("client", "-t"), line("client", "-qt"), line("client", "-t", "status"), line("server", "-t"),
		line("client", "-d"), line("client", "--dp"), line("client", "--dump-pretty"), line("client", "-dt"), line("server", "-d"),
		line("client", "-d", "--loglevel", "debug", "--logtarget", "/x", "--syslogsocket", "/y"),
		line("client", "-i", "status"),
	},
	"something stands where the socket should be": {
		socketFile, line("client", "ping"), line("client", "status"), line("client", "start"), line("client", "reload"), line("server", "start"),
		line("client", "-x", "start"), line("client", "ping"), line("client", "-x", "start"), line("client", "stop"), line("client", "ping"),
	},
	"broken jails": {
		broken, line("client", "-t"), line("client", "-d"), line("client", "start"), line("client", "status"), line("client", "reload"),
		line("client", "-q", "reload"), line("client", "reload", "bad"), line("client", "-t", "reload"), line("client", "reload", "one"), line("client", "stop"),
	},
	"start and restart": {
		line("client", "restart"), line("client", "start"), line("client", "set", "one", "banip", "192.0.2.1"), line("client", "restart"),
		eventually("192.0.2.1", "client", "get", "one", "banip"), line("server", "start"), line("server", "restart"),
		eventually("192.0.2.1", "client", "get", "one", "banip"), line("client", "restart", "one"),
		eventually("192.0.2.1", "client", "get", "one", "banip"), line("client", "restart", "--unban", "one"), line("client", "get", "one", "banip"),
		line("server", "stop"), line("server", "start"), line("client", "banned"), line("server", "stop"),
	},
	"the log target of the command line": {
		line("client", "--loglevel", "WARNING", "--logtarget", "$D/mine.log", "start"), line("client", "get", "logtarget"), line("client", "get", "loglevel"),
		line("client", "reload"), line("client", "get", "logtarget"), line("client", "get", "loglevel"),
		line("client", "--loglevel", "NOTICE", "reload"), line("client", "get", "loglevel"), line("client", "stop"),
	},
}

// tell runs a story in a scratch directory of its own.
func (s suite) tell(t *testing.T, story []step) []outcome {
	t.Helper()
	dir := scratch(t)
	t.Cleanup(func() { s.run(t, dir, "", "client", "-c", dir, "stop") })
	var all []outcome
	for _, step := range story {
		if step.do != nil {
			step.do(t, dir)
			all = append(all, outcome{})
			continue
		}
		args := []string{"-c", dir}
		for _, a := range step.args {
			args = append(args, strings.ReplaceAll(a, "$D", dir))
		}
		got := s.run(t, dir, "", step.program, args...)
		for i := 0; i < 100 && !strings.Contains(got.stdout, step.until); i++ {
			time.Sleep(50 * time.Millisecond)
			got = s.run(t, dir, "", step.program, args...)
		}
		// The words of the help are our own.
		if strings.HasPrefix(got.stdout, "Usage: ") {
			got.stdout, _, _ = strings.Cut(got.stdout, "\n")
		}
		all = append(all, got)
	}
	return all
}

func TestProgramsTellTheSameStories(t *testing.T) {
	t.Parallel()
	reference := theirs(t)
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := reference.tell(t, story), ours().tell(t, story)
			for i, step := range story {
				if want[i] != got[i] {
					t.Errorf("%s %q\n got %+v\nwant %+v", step.program, step.args, got[i], want[i])
				}
			}
		})
	}
}

// TestInteractiveStepsAreTold compares what an interactive client prints while
// servers go and come.
func TestInteractiveStepsAreTold(t *testing.T) {
	t.Parallel()
	reference := theirs(t)
	const input = "restart\nreload\nreload --unban\nrestart one\nstop\nstart\nstart\nexit\n"
	session := func(s suite) outcome {
		dir := scratch(t)
		s.startServer(t, dir)
		return s.run(t, dir, input, "client", "-c", dir, "-i")
	}
	want, got := session(reference), session(ours())
	if want != got {
		t.Errorf(" got %+v\nwant %+v", got, want)
	}
}

func TestRestartKeepsTheServerWhereNoneCouldFollow(t *testing.T) {
	t.Parallel()
	s, dir := ours(), scratch(t)
	s.startServer(t, dir)
	pid, err := os.ReadFile(filepath.Join(dir, "f.pid"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "jail.conf"), "[one\n")
	got := s.run(t, dir, "", "client", "-c", dir, "restart")
	if got.status != failed || got.stdout != "" || !strings.Contains(got.stderr, "jail.conf:") {
		t.Errorf("%+v", got)
	}
	again, err := os.ReadFile(filepath.Join(dir, "f.pid"))
	if err != nil || string(again) != string(pid) {
		t.Errorf("pid file %q, it was %q, %v", again, pid, err)
	}
	if got := s.run(t, dir, "", "client", "-c", dir, "status"); !strings.Contains(got.stdout, "one, two") {
		t.Errorf("%+v", got)
	}
}
