package trial

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
	"stockade/library"
)

// workFiles are the files that the invocations name.
var workFiles = map[string]string{
	"a.log": `# a comment

Aug 14 11:53:01 srv sshd[101]: Failed password for invalid user joe from 192.0.2.1 port 33 ssh2
Aug 14 11:53:02 srv sshd[101]: Invalid user joe from 192.0.2.1
Aug 14 11:53:06 srv sshd[102]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.3  user=root
Aug 14 11:53:07 srv sshd[102]: Connection closed by 192.0.2.3 port 33 [preauth]
Aug 14 11:53:08 srv sshd[103]: Server listening on 0.0.0.0 port 22.
Aug  4 11:53:09 srv other[1]: nothing
`,
	"numbers":     strings.Repeat("7\n8\n9\n10\n11\n", 5),
	"many.log":    strings.Repeat("2005-08-14 10:00:00 x 192.0.2.7\n", 28),
	"bad.log":     "x 1.2.3.4 \xff\n",
	"partial.log": "x 1.2.3.4\nx 1.2.3.5",
	"several.conf": `[Definition]
failregex = ^x <HOST>$
 x <HOST>
 [x] <HOST>
 x <ADDR>
`,
	"session.conf": `[Definition]
failregex = ^s(?P<mlfid>\d) f
 ^s(?P<mlfid>\d) <F-NOFAIL>c</F-NOFAIL> <HOST>
ignoreregex = never
`,
	"twice.conf": `[Definition]
failregex = ^s(?P<mlfid>\d) c <HOST>
 ^s(?P<mlfid>\d) <F-NOFAIL>c</F-NOFAIL> <HOST>
 ^s\d c <HOST>
`,
	"session.log": "s1 f\ns1 c 1.2.3.4\ns1 f\n",
	"prefix.conf": `[Definition]
prefregex = ^ <F-CONTENT>.+</F-CONTENT>$
failregex = ^x <HOST>$
`,
	"jails.log": "2026-11-22 12:00:00 x from 192.0.2.1\n2026-11-22 12:00:00 y from 192.0.2.2\n2026-11-22 12:00:00 own from 192.0.2.3\n" +
		"2026-11-22 12:00:00 jail from 192.0.2.4\n2026-11-22 12:00:00 own from 192.0.2.9\n",
	"own/fail2ban.conf":        "[Definition]\n",
	"own/filter.d/filter.conf": "[Definition]\n_m_a = x\n_m_b = y\nmode = a\nfailregex = ^ <_m_<mode>> from <HOST>$\n",
	"own/jail.conf": "[alone]\nfilter = filter\n" +
		"[own]\nfilter = filter[mode=b]\nfailregex = ^ own from <HOST>$\nignoreregex = ^ own from 192.0.2.9$\nmaxlines = 3\n" +
		"[filter]\nfilter = filter\nfailregex = ^ jail from <HOST>$\n" +
		"[set]\nfilter = filter[mode=b]\n" +
		"[ruled]\nfilter = filter[mode=b]\nprefregex = ^ (?:x|y|own)<F-CONTENT>.+</F-CONTENT>$\nfailregex = ^ from <HOST>$\n",
}

const dated = "2005-08-14 10:00:00 x 1.2.3.4"

const multi = "A 1.1.1.1\nX\nB\nA 1.1.1.2\nY\nY\nB"

// invocations are command lines of fail2ban-regex; CONF stands for the
// reference's configuration.
var invocations = [][]string{
	{"-c", "CONF", "a.log", "sshd"},
	{"-c", "CONF", "-v", "a.log", "sshd[mode=aggressive]"},
	{"-c", "CONF", "-v", "-v", "a.log", "sshd[mode=aggressive]"},
	{"-c", "CONF", "-vv", "a.log", "filter.d/sshd[mode=aggressive]"},
	{"-c", "CONF", "-vv", "a.log", "postfix-sasl"},
	{"-c", "CONF", "-vv", "a.log", "sshd[mode=x,logtype=short]"},
	{"-c", "CONF", "--print-all-matched", "a.log", "filter.d/sshd"},
	{"-c", "CONF", "-v", "a.log", "sshd", "server listening|Server listening"},
	{"-c", "CONF", "-v", "a.log", "sshd", `^\s*srv sshd`},
	{"a.log", "sshd", "-c", "CONF", "--print-all-matched"},
	{dated, `^ x <HOST>$`},
	{"-v", dated, `^ x <HOST>$`, "abc"},
	{"-D", dated, `^ x <HOST>$`},
	{"-d", "%Y-%m-%d", dated, `x <HOST>$`},
	{"-d", "%Y-%m-%d", "-c", "CONF", "a.log", "sshd"},
	{"a.log", "nosuch"},
	{"a.log", "nosuch.conf"},
	{"a.log", "^x["},
	{"-o", "id", "-c", "CONF", "a.log", "sshd"},
	{"-o", "ip", "-c", "CONF", "a.log", "sshd"},
	{"-o", "msg", "-c", "CONF", "a.log", "sshd"},
	{"-o", "row", "-c", "CONF", "a.log", "sshd"},
	{"-o", "user", "-c", "CONF", "a.log", "sshd"},
	{"-o", "host", "-c", "CONF", "a.log", "sshd"},
	{"-o", "<ip> <fid> <F-USER> <time> <failures> <family> <ip-rev> <matches> <msg>", "-c", "CONF", "a.log", "sshd"},
	{"-o", "x<msg>y", "-c", "CONF", "a.log", "sshd"},
	{"-o", "<nosuch>", "-c", "CONF", "a.log", "sshd"},
	{"-i", "-o", "row", "-c", "CONF", "a.log", "sshd"},
	{"-i", "-o", "msg", "-c", "CONF", "a.log", "sshd"},
	{"-o", "row", dated, `^ x(?: <F-USER>y</F-USER>)? <HOST>$`},
	{"-o", "row", "-r", "x abc", `^x <HOST>`},
	{"-o", "row", "x joe 1.2.3.4", `^x <F-ID>\S+</F-ID> <HOST>`},
	{"-o", "ip", "x joe 1.2.3.4", `^x <F-ID>\S+</F-ID> <HOST>`},
	{"-o", "row", "[1124013590.125] x 1.2.3.4", ` x <HOST>`},
	{"--print-all-matched", "-L", "5", multi, `^A <HOST>$<SKIPLINES>^B$`},
	{"-L", "5", "--print-all-ignored", "--print-all-matched", multi, `^A <HOST>$<SKIPLINES>^B$`, "B"},
	{"-D", "--print-all-matched", "-L", "5", multi, `^A <HOST>$<SKIPLINES>^B$`},
	{"-o", "row", "-L", "5", multi, `^A <HOST>$<SKIPLINES>^B$`},
	{"-o", "<msg>", "-L", "5", multi, `^A <HOST>$<SKIPLINES>^B$`},
	{"-L", "5", "x", `x<HOST>`},
	{"-L", "1", "x", `x<HOST>`},
	{"-v", "-L", "3", "many.log", "./prefix.conf"},
	{"-v", "many.log", "./prefix.conf"},
	{"many.log", "x <HOST>", "7"},
	{"numbers", "x<HOST>"},
	{"--print-all-missed", "numbers", "x<HOST>"},
	{"--print-no-missed", "numbers", "x<HOST>"},
	{"-L", "2", "many.log", "x <HOST>"},
	{"-o", "row", "session.log", "./session.conf"},
	{"-v", "session.log", "./session.conf"},
	{"-o", "x<msg>y", "session.log", "./session.conf"},
	{"-i", "session.log", "./session.conf"},
	{"-v", "x 1.2.3.4\nx 1.2.3.5", "./several.conf"},
	{"-v", "--no-check-all", "x 1.2.3.4\nx 1.2.3.5", "./several.conf"},
	{"-v", "s1 c 1.2.3.4", "./twice.conf"},
	{"-D", "--print-all-matched", "x 1.2.3.4\ny", "./several.conf"},
	{"-e", "latin1", "--print-all-matched", "bad.log", "x <HOST>"},
	{"--print-all-matched", "bad.log", "x <HOST>"},
	{"partial.log", "x <HOST>"},
	{"-v", "x localhost", "x <HOST>"},
	{"--usedns", "no", "x localhost", "x <HOST>"},
	{"-r", "-v", "x localhost", "x <HOST>"},
	{"x 1.2.3.4", ""},
	{"", "<HOST>"},
	{"--TZ", "foo", "x", "<HOST>"},
	{"--TZ", "CET", "-v", dated, "x <HOST>"},
	{"a", "b", "c", "d"},
	{"--nosuch", "a", "b"},
	{"--print", "a", "b"},
	{"-L", "x", "a", "b"},
	{"-d"},
	{"-V"},
	{"--print-all-missed", "--print-no-missed", "a", "b"},
	{"-c", "/nonexistent", "x", "sshd"},
	{"-c", "CONF", "x", "sshd[mode]"},
	{"-c", "CONF", "x", "apache-pass"},
	{"-c", "CONF", "x", "apache-pass[knocking_url=/x]"},
	{"-c", "CONF", "x", "pass2allow-ftp"},
	{"-c", "CONF", "x", "sshd.conf"},
	{"-c", "CONF", "x", "recidive"},
	{"--verbosity", "1", "x", "<HOST>"},
	{"-oid", "x1.2.3.4", "x<HOST>"},
	{"--", "-x1.2.3.4", "x<HOST>"},
	{"Aug 14 11:53:01 this is a line that is longer than fifty characters by far 1.2.3.4", "by far <HOST>$|and this is a regex that is longer than that"},
}

func init() {
	for _, spec := range []string{
		"alone", "own", "own[mode=a]", "own[logtype=short]", "filter", "filter[mode=b]", `filter[failregex="^ own from <HOST>$"]`,
		"set", "set[mode=a]", "set[backend=systemd]", "set[mode=a, logtype=journal]", "ruled", "ruled[mode=a]", `ruled[prefregex="^ x"]`,
	} {
		invocations = append(invocations, []string{"-c", "own", "-v", "jails.log", spec}, []string{"-c", "own", "-o", "ip", "jails.log", spec})
	}
}

func workDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range workFiles {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestReportsAreTheReferences compares what both programs print, to the byte.
func TestReportsAreTheReferences(t *testing.T) {
	cwd := workDir(t)
	ref := startReference(t, cwd)
	runs := invocations
	if testenv.Full() {
		files, err := filepath.Glob(filepath.Join(referenceTests(ref.dir), "files/logs/*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name := "filter.d/" + filepath.Base(f)
			if name == "filter.d/nsd" {
				// The reference takes this one name for a regex.
				continue
			}
			runs = append(runs, []string{"-c", "CONF", "-v", "--print-all-matched", "--print-all-missed", f, name},
				[]string{"-c", "CONF", "-o", "row", f, name})
		}
	}
	for _, args := range runs {
		args := append([]string(nil), args...)
		for i := range args {
			if args[i] == "CONF" {
				args[i] = filepath.Join(ref.dir, "etc/fail2ban")
			}
		}
		present := time.Now().UTC()
		want, got := ref.run(args), ours(cwd, args)
		if want.status != got.status {
			t.Errorf("%q: status %d, want %d\n%s%s", args, got.status, want.status, got.out, want.err)
			continue
		}
		a, b := normal(help.ReplaceAllString(got.out, "HELP"), present), normal(help.ReplaceAllString(want.out, "HELP"), present)
		if a != b {
			t.Errorf("%q:\n%s", args, firstDifference(a, b))
		}
		if want.status == statusSyntax && got.err != want.err {
			t.Errorf("%q: %q, want %q", args, got.err, want.err)
		}
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y || i >= len(a) || i >= len(b) {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, x, y)
		}
	}
	return "the same"
}

func TestTrap33StatusIsZeroWithoutAnyMatch(t *testing.T) {
	if got := ours("", []string{"nothing", "^x <HOST>"}); got.status != 0 {
		t.Errorf("no match: %+v", got)
	}
	if got := ours("", []string{"x", "nosuchfilter"}); got.status != 255 || !strings.Contains(got.out, "ERROR: No failure-id group in 'nosuchfilter'") {
		t.Errorf("unknown name: %+v", got)
	}
	if got := ours("", []string{"# x 1.2.3.4\n\nx 1.2.3.4", "x <HOST>"}); !strings.Contains(got.out, "Lines: 1 lines, 0 ignored, 1 matched, 0 missed") {
		t.Errorf("comment and empty line: %s", got.out)
	}
}

func TestWrongLevelAndEncodingAreSaid(t *testing.T) {
	cwd := workDir(t)
	for want, args := range map[string][]string{
		"ERROR: Invalid log level 'XX'\n":       {"-l", "xx", "x", "<HOST>"},
		"ERROR: unknown encoding: nope\n":       {"-e", "nope", "a.log", "<HOST>"},
		"ERROR: 'XYZ'\n":                        {"XYZ Aug 14 10:00:00 x 1.2.3.4", "x <HOST>"},
		"ERROR: provide both <LOG> and <REGEX>": {},
	} {
		got := ours(cwd, args)
		if got.status != statusError || !strings.Contains(got.out+got.err, want) {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestLibraryStandsInForFilterPaths runs the path of a filter that guides name
// where no such file is.
func TestLibraryStandsInForFilterPaths(t *testing.T) {
	if _, err := os.Stat("/etc/fail2ban/filter.d/sshd.conf"); err == nil {
		testenv.Skip(t, "this machine has an /etc/fail2ban of its own")
	}
	var out bytes.Buffer
	status := Regex([]string{"Aug 14 11:53:01 srv sshd[1]: Failed password for root from 192.0.2.1 port 33 ssh2", "/etc/fail2ban/filter.d/sshd.conf"},
		Env{Stdout: &out, Stderr: &out, Zone: time.UTC, Library: library.Files()})
	if status != 0 || !strings.Contains(out.String(), "1 matched") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// TestIgnoreregexMayBeAFile gives the third argument as the usage of the
// reference and guides describe it.
func TestIgnoreregexMayBeAFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"log":         "2026-01-02 03:04:05 door: refused 192.0.2.1\n2026-01-02 03:04:06 door: refused 192.0.2.2\n",
		"door.conf":   "[Definition]\nfailregex = door: refused <HOST>$\n",
		"spared.conf": "[Definition]\nignoreregex = refused 192\\.0\\.2\\.1$\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	status := Regex([]string{"log", filepath.Join(dir, "door.conf"), "spared.conf"}, Env{Dir: dir, Stdout: &out, Stderr: &out, Zone: time.UTC})
	if status != 0 || !strings.Contains(out.String(), "1 ignored, 1 matched") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// brokenPipe is an output that nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Err: syscall.EPIPE}
}

func TestBrokenPipeIsNoError(t *testing.T) {
	var errs bytes.Buffer
	if status := Regex([]string{"x", "<HOST>"}, Env{Stdout: brokenPipe{}, Stderr: &errs}); status != 0 || errs.Len() > 0 {
		t.Errorf("status %d, %s", status, errs.String())
	}
	if !errors.Is(&os.PathError{Err: syscall.EPIPE}, syscall.EPIPE) {
		t.Error("EPIPE is not recognised")
	}
}

func TestExplainShowsWhereARegexStops(t *testing.T) {
	var out bytes.Buffer
	env := Env{Program: "stockade", Stdout: &out, Stderr: &out, Zone: time.UTC}
	if status := Explain([]string{"2005-08-14 10:00:00 x 1.2.3.4 z\x1b[31m", `^ x <HOST> y`}, env); status != 0 {
		t.Fatalf("status %d: %s", status, out.String())
	}
	for _, want := range []string{"2005-08-14T10:00:00Z", "failregex  1 stops", "line   x 1.2.3.4  ◀ z", "◀ y", "result     no match"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a control character of the line reaches the terminal")
	}
}

func TestExplainAsJSON(t *testing.T) {
	var out bytes.Buffer
	env := Env{Program: "stockade", Stdout: &out, Stderr: &out, Zone: time.UTC}
	Explain([]string{"--json", "x 1.2.3.4", `^x <HOST>$`}, env)
	for _, want := range []string{`"outcome":"failure"`, `"id":"1.2.3.4"`, `"ip4":"1.2.3.4"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in %s", want, out.String())
		}
	}
}

func TestConditions(t *testing.T) {
	opts := map[string]string{"mode": "aggressive"}
	tests := map[string]bool{
		"name == 'sshd'":                                   true,
		"name != 'sshd'":                                   false,
		"opts.get('mode') == 'aggressive'":                 true,
		"opts.get('mode') != \"aggressive\"":               false,
		"opts.get('x') == None":                            true,
		"opts.get('x', 'y') == 'y'":                        true,
		"name == 'a' or name == 'sshd' and not name == ''": true,
		"not (name == 'sshd' or name == 'b')":              false,
		"name":                                             true,
	}
	for expr, want := range tests {
		if got, err := holds(expr, "sshd", opts); err != nil || got != want {
			t.Errorf("%s = %v, %v", expr, got, err)
		}
	}
	for _, expr := range []string{"", "name ==", "name == 'x", "__import__('os')", "name == 'a' b", "opts.get", "(name"} {
		if _, err := holds(expr, "sshd", opts); err == nil {
			t.Errorf("%q is accepted", expr)
		}
	}
}

func FuzzCondition(f *testing.F) {
	f.Add("name == 'sshd' and opts.get('mode', 'x') != 'y'")
	f.Fuzz(func(_ *testing.T, expr string) {
		_, _ = holds(expr, "sshd", map[string]string{"mode": "x"})
	})
}

func FuzzSamples(f *testing.F) {
	f.Add([]byte("# failJSON: {\"match\": true}\nx\n# filterOptions: [{}]\ny"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		s := &sampleFile{folder: memory{text}, sets: []optionSet{{}}}
		_ = s.each("x", func(sample) error { return nil })
	})
}
