package acceptance

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// messageJails provoke, with the steps of provoke, what a server has to say.
const messageJails = `[DEFAULT]
backend = polling
filter = plain
usedns = no
ignoreself = false
ignoreip =
maxretry = 2
findtime = 600
bantime = 600
logencoding = UTF-8
action =
[plain]
enabled = true
logpath = DIR/plain.log
action = rec
[bad]
enabled = true
filter = nowhere
logpath = DIR/plain.log
[brief]
enabled = true
logpath = DIR/brief.log
bantime = 3
[again]
enabled = true
logpath = DIR/again.log
bantime = 100
bantime.increment = true
action = rec
[ignoring]
enabled = true
logpath = DIR/ignoring.log
ignoreip = 192.0.2.1 198.51.100.0/24 localhost file:DIR/friends file://DIR/others
ignorecommand = test <ip> = 192.0.2.3
[self]
enabled = true
logpath = DIR/self.log
ignoreself = true
[named]
enabled = true
logpath = DIR/named.log
usedns = warn
[flushed]
enabled = true
logpath = DIR/flushed.log
action = rec
         flsh
[failing]
enabled = true
logpath = DIR/failing.log
action = fails
[missing]
enabled = true
logpath = DIR/missing.log
action = gone
[slow]
enabled = true
logpath = DIR/slow.log
action = hangs[timeout=1]
[a-jail-with-a-long-name-of-30]
enabled = true
logpath = DIR/long.log
[dated]
enabled = true
logpath = DIR/dated.log
datepattern = ^%%Y-%%m-%%d %%H:%%M:%%S
maxlines = 1
[moving]
enabled = true
logpath = DIR/moving.log
`

var messageFiles = map[string]string{
	"etc/filter.d/plain.conf": "[Definition]\nfailregex = ^ failure from <HOST>\nignoreregex =\n",
	"etc/action.d/rec.conf":   "[Definition]\nactionban = echo ban <ip> >> DIR/rec.out\nactionunban = echo unban <ip> >> DIR/rec.out\n",
	"etc/action.d/flsh.conf":  "[Definition]\nactionban = true\nactionunban = true\nactionflush = echo flush >> DIR/rec.out\n",
	"etc/action.d/fails.conf": "[Definition]\nactionban = echo out; echo err >&2; exit 3\nactionunban = exit 4\n",
	"etc/action.d/gone.conf":  "[Definition]\nactionban = no-such-program-of-ours <ip>\nactionunban =\n",
	"etc/action.d/hangs.conf": "[Definition]\nactionban = sleep 5\nactionunban =\n",
	"friends":                 "192.0.2.2\n",
	"others":                  "192.0.2.4\n",
}

// scene is a server whose log is the thing that is looked at.
type scene struct {
	*testing.T
	*instance
}

// says waits for a text in the log, so that the next step meets a server that
// has done with this one.
func (s scene) says(text string) {
	s.Helper()
	if !until(20*time.Second, func() bool { return strings.Contains(s.log(), text) }) {
		s.Errorf("%s never says %q", s.name, text)
	}
}

// fails writes lines of a number of seconds ago to a log.
func (s scene) fails(name string, ago int, lines ...string) {
	s.Helper()
	stamp := time.Now().Add(-time.Duration(ago) * time.Second).Format("2006-01-02 15:04:05")
	var b strings.Builder
	for _, ln := range lines {
		fmt.Fprintf(&b, "%s failure from %s\n", stamp, ln)
	}
	s.append(s.T, name, b.String())
}

// quick sends a command with our client to either server.
func (s scene) quick(args ...string) {
	s.Helper()
	cmd := s.enter(stockade(s.T).program("client", append([]string{"-c", s.path("etc")}, args...)...))
	if out, err := cmd.CombinedOutput(); cmd.ProcessState == nil {
		s.Fatalf("client %q: %v\n%s", args, err, out)
	}
}

// daemon starts the server in the background, with a client.
func (s scene) daemon() {
	s.Helper()
	if s.underUnit() {
		s.start(s.T)
		return
	}
	out, _ := s.client("-x", "start")
	text, err := os.ReadFile(s.path("pid"))
	if err != nil {
		s.Fatalf("%s did not start: %v\n%s%s", s.name, err, out, s.log())
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		s.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		s.Fatal(err)
	}
	s.cmd = s.program("server")
	s.cmd.Process = process
}

// provoke lets a server say what there is to say.
func (s scene) provoke() {
	s.daemon()
	s.says("Jail 'moving' started")
	s.failures()
	s.commands()
	s.actions()
	s.reloads()
	s.client("stop")
	s.gone(s.T)
}

func (s scene) failures() {
	s.fails("plain.log", 0, "192.0.2.1", "192.0.2.1")
	s.fails("brief.log", 30, "192.0.2.9", "192.0.2.9")
	s.fails("brief.log", 0, "192.0.2.1", "192.0.2.1")
	s.fails("ignoring.log", 0, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "198.51.100.7", "127.0.0.1", "192.0.2.99")
	s.fails("self.log", 0, "127.0.0.1", "192.0.2.99")
	s.fails("named.log", 0, "localhost")
	s.fails("flushed.log", 0, "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1")
	s.fails("moving.log", 0, "192.0.2.1")
	s.says("[plain] Ban 192.0.2.1")
	s.says("[ignoring] Found 192.0.2.99")
	s.says("[self] Found 192.0.2.99")
	s.says("[named] Found")
	s.says("[flushed] Ban 2001:db8::1")
	s.says("[moving] Found 192.0.2.1")
	s.says("expired bantime")
	s.says("[brief] Unban 192.0.2.1")
	// The log of dated is in operation once a line of the present was found.
	s.fails("dated.log", 0, "192.0.2.7")
	s.says("[dated] Found 192.0.2.7")
	s.fails("dated.log", 7200, "192.0.2.1", "192.0.2.1")
	s.append(s.T, "dated.log", "failure from 192.0.2.7 \xff\n")
	s.says("[dated] Ban 192.0.2.1")
	s.quick("set", "again", "banip", "192.0.2.1")
	s.quick("unban", "192.0.2.1")
}

func (s scene) commands() {
	for _, args := range [][]string{
		{"status", "nojail"},
		{"get"},
		{"get", "plain", "nope"},
		{"set", "plain", "maxretry", "x"},
		{"set", "plain", "attempt", "192.0.2.77", "one", "two"},
		{"set", "plain", "delfailregex", "77"},
		{"set", "plain", "delignoreregex", "77"},
		{"set", "plain", "addlogpath", s.path("plain.log")},
		{"set", "plain", "addlogpath", s.path("none.log")},
		{"status", "plain", "odd"},
		{"set", "plain", "usedns", "odd"},
		{"set", "plain", "addfailregex", "("},
		{"set", "plain", "addfailregex", "x"},
		{"set", "plain", "addignoreregex", "*"},
		{"set", "plain", "idle", "on"},
		{"set", "plain", "idle", "off"},
		{"set", "plain", "dellogpath", s.path("plain.log")},
		{"set", "plain", "addlogpath", s.path("plain.log"), "tail"},
		{"set", "plain", "addlogpath", s.path("second.log"), "head"},
		{"set", "plain", "logencoding", "nope"},
		{"set", "plain", "logencoding", "ascii"},
		{"set", "plain", "findtime", "1h"},
		{"set", "plain", "bantime", "2h"},
		{"set", "plain", "maxretry", "4"},
		{"set", "plain", "maxlines", "2"},
		{"set", "plain", "maxlines", "0"},
		{"set", "plain", "bantime.increment", "true"},
		{"set", "plain", "bantime.factor", "2"},
		{"set", "plain", "bantime.rndtime", "10"},
		{"set", "plain", "bantime.maxtime", "1d"},
		{"set", "plain", "bantime.overalljails", "true"},
		{"set", "plain", "bantime.multipliers", "1 2 4"},
		{"set", "plain", "bantime.increment", "false"},
		{"set", "plain", "datepattern", "EPOCH"},
		{"set", "plain", "datepattern", "%Y-%m-%d"},
		{"set", "plain", "datepattern", "{^LN-BEG}"},
		{"set", "plain", "datepattern", "("},
		{"set", "plain", "logtimezone", "UTC+02"},
		{"set", "plain", "logtimezone", "Nope/City"},
		{"set", "plain", "ignorecache", `key="<ip>", max-count=5, max-time=60`},
		{"set", "plain", "prefregex", "^a<F-CONTENT>.*</F-CONTENT>"},
		{"set", "plain", "prefregex", "("},
		{"set", "plain", "prefregex", ""},
		{"set", "plain", "addjournalmatch", "A=b"},
		{"set", "plain", "deljournalmatch", "A=b"},
		{"set", "plain", "addignoreip", "192.0.2.8"},
		{"set", "plain", "delignoreip", "192.0.2.9"},
		{"set", "plain", "addignoreip", "192.0.2.0/99"},
		{"set", "plain", "addaction", "rec"},
		{"set", "plain", "addaction", "new"},
		{"set", "plain", "delaction", "new"},
		{"set", "plain", "delaction", "none"},
		{"get", "plain", "action", "none", "actionban"},
		{"get", "plain", "action", "rec", "none"},
		{"set", "dbfile", s.path("other.sqlite3")},
		{"set", "dbpurgeage", "x"},
		{"set", "dbpurgeage", "2d"},
		{"set", "loglevel", "ODD"},
		{"set", "logtarget", s.path("none/none.log")},
		{"set", "syslogsocket", s.path("none.sock")},
		{"set", "plain", "unbanip", "--report-absent", "192.0.2.200"},
		{"add", "plain"},
		{"add", "odd", "oddend"},
		{"add", "new", "polling"},
		{"start", "new"},
		{"stop", "new"},
		{"start", "none"},
		{"stop", "none"},
		{"flushlogs"},
		{"config-error", "an error of ours"},
	} {
		s.quick(args...)
	}
	s.says("[plain] Attempt 192.0.2.77")
	s.says("an error of ours")
}

func (s scene) actions() {
	s.quick("set", "again", "banip", "192.0.2.20")
	s.quick("set", "failing", "banip", "192.0.2.1")
	s.quick("set", "failing", "unbanip", "192.0.2.1")
	s.quick("set", "missing", "banip", "192.0.2.1")
	s.quick("set", "slow", "banip", "192.0.2.1")
	s.says("timed out")
}

func (s scene) reloads() {
	// A rotation that is seen at a line of the new file.
	if err := os.Rename(s.path("moving.log"), s.path("moving.log.1")); err != nil {
		s.Fatal(err)
	}
	s.fails("moving.log", 0, "192.0.2.2")
	s.says("[moving] Found 192.0.2.2")
	s.client("reload", "flushed")
	s.client("reload", "--restart", "flushed")
	s.says("[flushed] Restore Ban 2001:db8::1")
	s.client("reload", "--unban", "flushed")
	s.client("reload", "nowhere")
	s.write(s.T, "etc/jail.d/later.local", "[brief]\nbackend = auto\n[self]\nenabled = false\n")
	s.client("reload")
	s.says("Reload finished")
	s.quick("set", "flushed", "banip", "192.0.2.5")
	s.quick("set", "logtarget", s.path("fail2ban.log"))
	s.quick("set", "plain", "banip", "192.0.2.5")
}

var (
	lineHead    = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (fail2ban[.a-zA-Z]*\s*)\[\d+\]: `)
	anyTime     = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?`)
	anyEpoch    = regexp.MustCompile(`\b1[789]\d{8}(?:\.\d+)?\b`)
	processName = regexp.MustCompile(`\b[0-9a-f]{8,16} -- `)
	addresses   = regexp.MustCompile(`0x[0-9a-f]{8,16}`)
	hashes      = regexp.MustCompile(`hash = [0-9a-f]{40}`)
	inodes      = regexp.MustCompile(`reason: \(.*\)`)
)

// ownWords are the hints to people that each program gives in its own words;
// nothing parses them, and docs/compat/messages.md lists them.
var ownWords = []*regexp.Regexp{
	regexp.MustCompile(`WARNING (?:\[dated\] |Error decoding|Consider setting|Jail name)`),
	regexp.MustCompile(`HINT on 127: "Command not found"\.  `),
	// An expression that is refused here is accepted there, and fails later.
	regexp.MustCompile(`datepattern', '\('\]|date pattern .\(.: `),
	// How the reference's pyinotify looks at a file has no counterpart.
	// It may kill what is dead already.
	regexp.MustCompile(`sleep 5 -- failed with \[Errno 3\] No such process`),
	regexp.MustCompile(`filterpyinotify|Removed logfile: 'DIR/brief.log'`),
}

// anyNumber are lines of which the reference has one for each start of a
// thread or object that we have not.
var anyNumber = []string{"default date pattern: 31 template(s)"}

// messages are the lines of a log without what differs from run to run, and
// how often each is there.
func messages(in *instance) map[string]int {
	counts := map[string]int{}
	for _, ln := range strings.Split(strings.TrimSuffix(in.log(), "\n"), "\n") {
		ln = lineHead.ReplaceAllString(ln, "$1")
		ln = strings.ReplaceAll(ln, in.dir, "DIR")
		ln = anyTime.ReplaceAllString(ln, "TIME")
		ln = anyEpoch.ReplaceAllString(ln, "EPOCH")
		ln = processName.ReplaceAllString(ln, "ID -- ")
		ln = inodes.ReplaceAllString(ln, "reason: (…)")
		ln = hashes.ReplaceAllString(ln, "hash = HASH")
		ln = addresses.ReplaceAllString(ln, "0xADDRESS")
		if !slices.ContainsFunc(ownWords, func(re *regexp.Regexp) bool { return re.MatchString(ln) }) {
			counts[ln]++
		}
	}
	return counts
}

// TestLogSaysWhatTheReferenceSays provokes the messages of the log in both
// servers and compares them, line for line but for the order: the threads of
// the reference write as they come.
func TestLogSaysWhatTheReferenceSays(t *testing.T) {
	subjects := []subject{reference(t), stockade(t)}
	logs := make([]map[string]int, len(subjects))
	t.Run("run", func(t *testing.T) {
		for i, s := range subjects {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				in := place(t, s, testenv.NewNetns(t), messageJails)
				in.append(t, "etc/fail2ban.local", "loglevel = MSG\n")
				for name, text := range messageFiles {
					in.write(t, name, text)
				}
				for _, ln := range strings.Split(messageJails, "\n") {
					if name, found := strings.CutPrefix(ln, "logpath = DIR/"); found {
						in.write(t, name, "")
					}
				}
				in.write(t, "second.log", "")
				in.write(t, "dated.log", time.Now().Add(-time.Hour).Format(time.DateTime)+" failure from 192.0.2.6\n")
				scene{t, in}.provoke()
				logs[i] = messages(in)
			})
		}
	})
	if t.Failed() {
		return
	}
	theirs, ours := logs[0], logs[1]
	if ours == nil {
		testenv.Skip(t, refusal)
	}
	if len(unitFiles()) > 0 {
		// A service stays in the foreground.
		delete(theirs, "fail2ban.server         INFO    Daemon started")
	}
	all := maps.Clone(theirs)
	maps.Copy(all, ours)
	for _, ln := range slices.Sorted(maps.Keys(all)) {
		uncounted := slices.ContainsFunc(anyNumber, func(part string) bool { return strings.Contains(ln, part) })
		if uncounted && min(theirs[ln], ours[ln]) > 0 {
			continue
		}
		if theirs[ln] != ours[ln] {
			t.Errorf("%d times in the reference's log, %d times in ours: %s", theirs[ln], ours[ln], ln)
		}
	}
}
