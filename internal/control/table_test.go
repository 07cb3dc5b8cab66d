package control

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stockade/internal/action"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/server"
)

// bench is a server without a socket, and what it logs.
type bench struct {
	*Table
	srv *server.Server
	log *lockedBuffer
	dir string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{log: &lockedBuffer{}, dir: t.TempDir()}
	book := logbook.New(logbook.Options{Stdout: b.log})
	if err := book.SetTarget("STDOUT[datetime=off,padding=off]"); err != nil {
		t.Fatal(err)
	}
	b.srv = server.New(server.Options{Book: book, Version: "1.1.1", Polling: true})
	b.srv.Begin()
	b.Table = NewTable(b.srv)
	for _, name := range []string{"one.log", "two.log"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		b.srv.Shutdown(action.Lift)
		b.srv.Farewell()
	})
	return b
}

// reply answers words and gives the repr of value or exception.
func (b *bench) reply(words ...any) string {
	got, ok := b.Handle(context.Background(), Peer{}, words).(pyobj.Tuple)
	if !ok {
		return "no pair"
	}
	return strings.ReplaceAll(pyobj.Repr(got[1]), b.dir, "$D")
}

func words(line string) []any {
	var out []any
	for _, w := range strings.Fields(line) {
		out = append(out, w)
	}
	return out
}

// stream is a configuration of two jails; extra commands are put before the
// starts.
func (b *bench) stream(extra ...any) []any {
	s := []any{
		words("set dbfile None"),
		words("add one polling"),
		[]any{"set", "one", "addfailregex", "^ failure from <HOST>$"},
		[]any{"set", "one", "maxretry", 3},
		[]any{"set", "one", "bantime", "10m"},
		[]any{"set", "one", "addlogpath", filepath.Join(b.dir, "one.log"), "head"},
		words("add two polling"),
		[]any{"set", "two", "addfailregex", "^ refused <HOST>$"},
		[]any{"set", "two", "addlogpath", filepath.Join(b.dir, "two.log"), "head"},
	}
	s = append(s, extra...)
	return append(s, words("start one"), words("start two"))
}

func (b *bench) start(t *testing.T, extra ...any) {
	t.Helper()
	if got := b.reply("server-stream", b.stream(extra...)); got != "None" {
		t.Fatal(got)
	}
}

func TestCommandsAnswerAsTheReference(t *testing.T) {
	b := newBench(t)
	b.start(t)
	for _, tt := range []struct{ line, want string }{
		{"ping", "'pong'"},
		{"ping 5", "'pong'"},
		{"version", "'1.1.1'"},
		{"status", "[('Number of jail', 2), ('Jail list', 'one, two')]"},
		{"status one", "[('Filter', [('Currently failed', 0), ('Total failed', 0), ('File list', ['$D/one.log'])]), ('Actions', [('Currently banned', 0), ('Total banned', 0), ('Banned IP list', [])])]"},
		{"status one stats", "['polling', (0, 0), (0, 0)]"},
		{"status one short more", "Exception('Invalid command (no status)')"},
		{"status none", "UnknownJailException('none')"},
		{"nope", "Exception('Invalid command')"},
		{"", "IndexError('list index out of range')"},
		{"get", "IndexError('list index out of range')"},
		{"get none nope", "Exception('Invalid command (no get action or not yet implemented)')"},
		{"set none nope 1", `Exception("Invalid command 'nope' (no set action or not yet implemented)")`},
		{"get none bantime", "UnknownJailException('none')"},
		{"add one", "DuplicateJailException('one')"},
		{"add --all", `Exception("Reserved name '--all'")`},
		{"add x bogus", `ValueError("Unknown backend bogus. Must be among ['pyinotify', 'polling', 'systemd'] or 'auto'")`},
		{"set one banip 192.0.2.1 ::ffff:192.0.2.2 192.0.4.9/24", "3"},
		{"set one banip 192.0.2.1", "0"},
		{"set one banip", "0"},
		{"get one banip", "['192.0.2.1', '192.0.2.2', '192.0.4.0/24']"},
		{"get one banned 192.0.2.1", "1"},
		{"get one banned 192.0.4.7 192.0.2.2", "[0, 1]"},
		{"banned", "[{'one': ['192.0.2.1', '192.0.2.2', '192.0.4.0/24']}, {'two': []}]"},
		{"banned 192.0.2.1 1.1.1.1", "[['one'], []]"},
		{"set one unbanip --report-absent 192.0.2.1 203.0.113.1", `ValueError("not banned: ['203.0.113.1']")`},
		{"set one unbanip", "IndexError('list index out of range')"},
		{"set one unbanip 192.0.0.0/16", "2"},
		{"unban", "Exception('Invalid command')"},
		{"unban --all", "0"},
		{"set one maxretry x", `ValueError("invalid literal for int() with base 10: 'x'")`},
		{"set one findtime 1mo", "2629800.0"},
		{"get one findtime", "2629800.0"},
		{"set one bantime 1mo", "2629800"},
		{"set one bantime bogus", `NameError("name 'bogus' is not defined")`},
		{"set one idle maybe", `Exception("Invalid idle option, must be 'on' or 'off'")`},
		{"set one usedns bogus", "'no'"},
		{"set one delignoreip 192.0.2.1", "ValueError('list.remove(x): x not in list')"},
		{"set one addlogpath /nonexistent/x", "FileNotFoundError(2, 'No such file or directory')"},
		{"set one delfailregex 77", `['^ failure from `},
		{"get one bantime.increment", "None"},
		{"set one bantime.increment yes", "True"},
		{"set one bantime.overalljails no", "'no'"},
		{"get one bantime.overalljails", "'no'"},
		{"set one logencoding bogus", "LookupError('unknown encoding: bogus')"},
		{"get one datepattern", "(None, 'Default Detectors')"},
		{"set one bantime.factor bogus", `NameError("name 'bogus' is not defined")`},
		{"get one bantime.factor", "None"},
		{"set one bantime.maxtime 5w", "3024000"},
		{"set one bantime.bogus 1", "ValueError('unknown option bantime.bogus')"},
		{"get dbfile", "None"},
		{"set dbfile /x", "RuntimeError('Cannot change database when there are jails present')"},
		{"get thread", "{'stacksize': 0}"},
		{"set thread 5", `AttributeError("'str' object has no attribute 'items'")`},
		{"set loglevel 20", "'20'"},
		{"set loglevel nope", `ValueError("Invalid log level 'NOPE'")`},
		{"sleep x", `ValueError("could not convert string to float: 'x'")`},
		{"stop two", "None"},
		{"stop two", "UnknownJailException('two')"},
	} {
		if got := b.reply(words(tt.line)...); got != tt.want && !(strings.HasSuffix(tt.want, "from ") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
	if want := "fail2ban.transmitter["; !strings.Contains(b.log.String(), want) || !strings.Contains(b.log.String(), "ERROR Command ['nope'] has failed. Received Exception('Invalid command')") {
		t.Error("failures are not logged")
	}
}

func TestRequestsOfOtherShapes(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		request any
		want    string
	}{
		{pyobj.Tuple{"ping"}, "(0, 'pong')"},
		{pyobj.NewDict(0, "ping"), "(0, 'pong')"},
		{"ping", "(1, Exception('Invalid command'))"},
		{5, `(1, TypeError("'int' object is not subscriptable"))`},
		{nil, `(1, TypeError("'NoneType' object is not subscriptable"))`},
		{[]any{}, "(1, IndexError('list index out of range'))"},
		{[]any{[]any{}}, "(1, Exception('Invalid command'))"},
	} {
		if got := pyobj.Repr(b.Handle(context.Background(), Peer{}, tt.request)); got != tt.want {
			t.Errorf("%s: %s, want %s", pyobj.Repr(tt.request), got, tt.want)
		}
	}
}

func TestBadRegexCostsOnlyItself(t *testing.T) {
	b := newBench(t)
	b.start(t, []any{"multi-set", "one", "addfailregex", []any{"((", "ok <HOST>"}})
	if got := b.reply(words("status")...); got != "[('Number of jail', 2), ('Jail list', 'one, two')]" {
		t.Error(got)
	}
	if got := b.reply(words("get one failregex")...); strings.Count(got, "ip4") != 2 {
		t.Error(got)
	}
}

func TestBrokenJailLeavesTheOthersAlone(t *testing.T) {
	b := newBench(t)
	b.start(t, words("set one maxretry x"))
	if got := b.reply(words("status")...); got != "[('Number of jail', 1), ('Jail list', 'two')]" {
		t.Error(got)
	}
	b = newBench(t)
	b.start(t, words("add three nobackend"), words("set three maxretry 5"), words("start three"))
	if got := b.reply(words("status")...); got != "[('Number of jail', 2), ('Jail list', 'one, two')]" {
		t.Error(got)
	}
}

func TestReloadKeepsBansAndForgetsWhatIsGone(t *testing.T) {
	b := newBench(t)
	b.start(t, words("set one ignorecommand /bin/false"), words("set one bantime.overalljails yes"))
	b.reply(words("set one banip 192.0.2.1")...)
	if got := b.reply("reload", "--all", []any{}, b.stream(words("set one maxretry 7"))); got != "'OK'" {
		t.Fatal(got)
	}
	for line, want := range map[string]string{
		"get one banip": "['192.0.2.1']", "get one maxretry": "7", "get one ignorecommand": "False", "get one bantime.overalljails": "None",
	} {
		if got := b.reply(words(line)...); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if got := b.reply("reload", "none", []any{}, []any{}); got != "UnknownJailException('none')" {
		t.Error(got)
	}
	if got := b.reply("reload", "--all", []any{}, []any{words("nope")}); got != "Exception('Invalid command')" {
		t.Error(got)
	}
	if got := b.reply(words("status")...); got != "[('Number of jail', 2), ('Jail list', 'one, two')]" {
		t.Error("a stream with an error changed something:", got)
	}
}

func TestStreamMayChangeARunningJail(t *testing.T) {
	b := newBench(t)
	b.start(t)
	if got := b.reply("server-stream", []any{[]any{"set", "one", "maxretry", 9}}); got != "None" {
		t.Error(got)
	}
	if got := b.reply(words("get one maxretry")...); got != "9" {
		t.Error(got)
	}
}

func TestStopAnswersWhenAllIsDone(t *testing.T) {
	b := newBench(t)
	b.start(t)
	last := false
	b.BeforeLastReply(func() { last = b.srv.Closing() })
	if got := b.reply("stop"); got != "None" || !last {
		t.Error(got, last)
	}
	if got := pyobj.Repr(b.Handle(context.Background(), Peer{}, []any{"ping"})); got != "['SHUTDOWN']" {
		t.Error(got)
	}
}

func TestOwnVersionIsToldToThoseWhoAskForIt(t *testing.T) {
	b := newBench(t)
	if got := b.reply(IdentityRequest()...); got != "'Stockade "+Version+"'" {
		t.Error(got)
	}
}

func FuzzCommands(f *testing.F) {
	f.Add("set one findtime 1d")
	f.Add("multi-set one action a b")
	f.Add("get one bantime.x y")
	f.Add("status --all stats")
	f.Add("reload one x y")
	b := newBench(f)
	b.reply("server-stream", b.stream())
	f.Fuzz(func(t *testing.T, line string) {
		request := words(line)
		if len(request) > 0 && (request[0] == "stop" || request[0] == LeaveCommand || request[0] == "sleep") {
			return
		}
		if len(request) > 2 && (request[1] == "logtarget" || request[1] == "dbfile" || request[2] == "addlogpath" || request[2] == "addaction" || request[2] == "action") {
			return // files and programs of the machine
		}
		b.reply(request...)
	})
}
