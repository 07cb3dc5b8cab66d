package acceptance

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/mail/mailtest"
	"stockade/internal/testenv"
)

// mailWhois is what all whois servers and programs of these tests answer.
const mailWhois = "inetnum: 81.2.0.0 - 81.2.255.255\nnetname: OF-A-TEST\n~!touch MARK\n$(touch MARK) `touch MARK`\n"

// mailActions are the stock mail actions, with what their mails hold besides
// the ban itself.
var mailActions = []struct {
	name  string
	holds string // of: w whois, l log lines, m matched lines, i the same of all jails
}{
	{"mail", ""},
	{"mail-whois", "w"},
	{"mail-whois-lines", "wl"},
	{"mail-buffered", ""},
	{"sendmail", ""},
	{"sendmail-whois", "w"},
	{"sendmail-whois-lines", "wl"},
	{"sendmail-whois-matches", "wm"},
	{"sendmail-whois-ipmatches", "wi"},
	{"sendmail-whois-ipjailmatches", "wi"},
	{"sendmail-geoip-lines", "l"},
	{"sendmail-buffered", ""},
}

// mailAttack are log lines with everything in the user's name that a shell, a
// mail program or a terminal could obey.
var mailAttack = []string{
	`failure of $(touch MARK) from 81.2.3.4`,
	"failure of `touch MARK` from 81.2.3.4",
	`failure of "; touch MARK; " from 81.2.3.4`,
	`failure of '|touch MARK' from 81.2.3.4`,
	`failure of Bcc: victim@example.org from 81.2.3.4`,
}

// mailFilter takes all up to the last address for the user's name.
const mailFilter = "[Definition]\nfailregex = failure of <F-USER>.*</F-USER> from <HOST>$\n"

// sentMail is a mail as a program got it.
type sentMail struct {
	args []string
	text string
}

// subject finds what tells one mail from another.
func (m sentMail) subject() string {
	for i, a := range m.args {
		if a == "-s" && i+1 < len(m.args) {
			return m.args[i+1]
		}
	}
	for line := range strings.Lines(m.text) {
		if s, ok := strings.CutPrefix(line, "Subject: "); ok {
			return strings.TrimSuffix(s, "\n")
		}
	}
	return ""
}

// outbox is a folder with programs that keep the mails that they get.
type outbox struct{ dir string }

func newOutbox(t *testing.T) outbox {
	t.Helper()
	box := outbox{t.TempDir()}
	keep := "#!/bin/sh\nf=$(mktemp " + box.dir + "/tmp.XXXXXX)\n{ for a; do printf 'ARG %s\\n' \"$a\"; done; echo; cat; } > $f\nmv $f " + box.dir + "/mail.$$.$(date +%N)\n"
	for name, text := range map[string]string{
		"sendmail": keep, "mail": keep, "whois": "#!/bin/sh\ncat <<'EOF'\n" + mailWhois + "EOF\n", "geoiplookup": "#!/bin/sh\nexit 1\n",
	} {
		writeFile(t, filepath.Join(box.dir, "bin", name), text)
		if err := os.Chmod(filepath.Join(box.dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return box
}

// first lets a subject find the programs of the outbox before all others.
func (b outbox) first(s subject) subject {
	program := s.program
	s.program = func(name string, args ...string) *exec.Cmd {
		cmd := program(name, args...)
		if cmd.Env == nil {
			cmd.Env = os.Environ()
		}
		cmd.Env = append(cmd.Env, "PATH="+filepath.Join(b.dir, "bin")+":/usr/sbin:/usr/bin:/sbin:/bin")
		return cmd
	}
	return s
}

// mails are those that came, by subject.
func (b outbox) mails(t *testing.T) map[string]sentMail {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "mail.*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]sentMail{}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		args, text, _ := strings.Cut("\n"+string(raw), "\n\n")
		m := sentMail{strings.Split(args, "\nARG "), text}
		key := strings.Join(strings.Fields(m.subject()), " ")
		// The stock action says from where only at the end.
		key = strings.TrimSuffix(regexp.MustCompile(`(: Summary) from \S+$`).ReplaceAllString(key, "$1"), " ")
		if _, twice := found[key]; twice {
			t.Errorf("%q came twice", key)
		}
		found[key] = m
	}
	return found
}

// whoisServer answers like the program of the outbox.
func whoisServer(t *testing.T, l net.Listener) string {
	t.Helper()
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprint(conn, mailWhois)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// mailRun lets a server with a jail for each mail action see an attack.
func mailRun(t *testing.T, w way) map[string]sentMail {
	t.Helper()
	box := newOutbox(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := place(t, box.first(w.subject(t)), nil, "")
	w.files(t, in)
	in.write(t, "etc/fail2ban.local", "[DEFAULT]\nsocket = DIR/socket\npidfile = DIR/pid\nlogtarget = DIR/fail2ban.log\ndbfile = DIR/fail2ban.sqlite3\nloglevel = INFO\n")
	in.write(t, "etc/fail2ban.conf", "[Definition]\nsyslogsocket = auto\nallowipv6 = auto\ndbpurgeage = 1d\n"+
		// With more, the lines of all jails depend on how many have banned.
		"dbmaxmatches = 5\n")
	in.write(t, "etc/filter.d/attacked.conf", mailFilter)
	in.write(t, "etc/jail.conf", "[DEFAULT]\n")
	jails := "[DEFAULT]\nenabled = true\nfilter = attacked\nbackend = polling\nlogpath = DIR/attack.log\nusedns = no\nmaxretry = 5\nmaxmatches = 5\ndatepattern = {NONE}\n"
	for _, a := range mailActions {
		params := "dest=admin@example.org, sender=root@host, sendername=Tester, lines=2, tmpfile='DIR/buffer-" + a.name + "', logpath='DIR/attack.log', whois_server=" + whoisServer(t, l)
		if strings.HasPrefix(a.name, "sendmail") {
			params += `, mailcmd="` + box.dir + `/bin/sendmail -f \"<sender>\" \"<dest>\""`
			params = strings.ReplaceAll(params, `\"`, "'")
		}
		if w.native != "" {
			params += ", native=" + w.native
		}
		jails += "[j-" + a.name + "]\naction = " + a.name + "[" + params + "]\n"
	}
	in.write(t, "etc/jail.local", jails)
	in.write(t, "attack.log", "")
	in.start(t)
	attack := strings.ReplaceAll(strings.Join(mailAttack, "\n"), "MARK", in.path("MARK")) + "\n"
	in.append(t, "attack.log", attack+strings.ReplaceAll(attack, "81.2.3.4", "2a01:4f8::1"))
	for _, a := range mailActions {
		for _, ip := range []string{"81.2.3.4", "2a01:4f8::1"} {
			eventually(t, a.name+" bans", func() bool { return strings.Contains(in.log(), "[j-"+a.name+"] Ban "+ip) })
		}
	}
	in.ask(t, "stop")
	in.gone(t)
	if _, err := os.Stat(in.path("MARK")); err == nil {
		t.Error("something of the attack was executed")
	}
	if t.Failed() {
		t.Log(in.log())
	}
	mails := box.mails(t)
	for key, m := range mails {
		m.text = strings.ReplaceAll(m.text, in.dir, "DIR")
		for i := range m.args {
			m.args[i] = strings.ReplaceAll(m.args[i], box.dir, "BOX")
		}
		mails[key] = m
	}
	return mails
}

// whole takes out of a mail what no two have alike.
func (m sentMail) whole() string {
	text := regexp.MustCompile(`(?m)^(Date: ).*$`).ReplaceAllString(m.text, "$1")
	text = regexp.MustCompile(`(?m)^\w{3} \w{3} +\d+ \S+ \S+ \d{4}: `).ReplaceAllString(text, "DATE: ")
	// How many jails have banned by then depends on the moment.
	text = regexp.MustCompile(`\d+ failures IP`).ReplaceAllString(text, "N failures IP")
	return strings.Join(m.args, "\n") + "\n" + text
}

// facts are what a mail says, without the words in which it says it.
func (m sentMail) facts(t *testing.T) []string {
	t.Helper()
	var facts []string
	for _, a := range m.args {
		// Some subjects have two blanks, and one lacks its end.
		facts = append(facts, regexp.MustCompile(`(: Summary) from \S+$`).ReplaceAllString(strings.Join(strings.Fields(a), " "), "$1"))
	}
	text := m.text
	if !slices.Contains(m.args, "-s") {
		o := mailtest.Open(t, []byte(m.text))
		facts = append(facts, o.Header.Get("To"))
		if !strings.Contains(o.Subject, "-buffered: ") { // where the stock action has no sendername
			facts = append(facts, o.Header.Get("From"))
		}
		text = o.Text
	}
	said := map[string]bool{}
	attack := strings.Join(mailAttack, "\n") + "\n"
	for line := range strings.Lines(mailWhois + attack + strings.ReplaceAll(attack, "81.2.3.4", "2a01:4f8::1")) {
		said[strings.ReplaceAll(strings.TrimSpace(line), "MARK", "DIR/MARK")] = true
	}
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "touch MARK", "touch DIR/MARK")
		if said[line] {
			facts = append(facts, line)
		}
		if found := regexp.MustCompile(`: (\S+ \(\d+ failures\))$`).FindStringSubmatch(line); found != nil {
			facts = append(facts, found[1])
		}
	}
	return facts
}

// TestMailsSayWhatTheReferencesSay lets the reference with its own files, us
// with its files, and our files in both send mails of the same attack. What
// runs the same commands sends the same bytes; what is written by us says the
// same in words of our own.
func TestMailsSayWhatTheReferencesSay(t *testing.T) {
	want := mailRun(t, ways[0])
	if len(want) < len(mailActions)*4-4 {
		t.Fatalf("the reference sent %d mails: %q", len(want), slices.Sorted(maps.Keys(want)))
	}
	for i, w := range ways[1:] {
		if i > 0 && i != 2 && !testenv.Full() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			got := mailRun(t, w)
			for key, theirs := range want {
				ours, ok := got[key]
				switch {
				case !ok:
					t.Errorf("%q did not come", key)
				case i == 0:
					if diff := cmp.Diff(theirs.whole(), ours.whole()); diff != "" {
						t.Errorf("%q: theirs -, ours +\n%s", key, diff)
					}
				default:
					if diff := cmp.Diff(theirs.facts(t), ours.facts(t)); diff != "" {
						t.Errorf("%q: theirs -, ours +\n%s", key, diff)
					}
				}
			}
			for key := range got {
				if _, ok := want[key]; !ok {
					t.Errorf("%q came, but not from the reference", key)
				}
			}
		})
	}
}
