package acceptance

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/mail/mailtest"
	"stockade/internal/testenv"
)

// guideMails is what guides tell people to write for mails, with the words for
// action_mw and action_mwl.
const guideMails = `[DEFAULT]
mta        = postfix
destemail  = admin@example.org
sender     = fail2ban@host.example
sendername = Fail2BanAlert
action     = %%(%s)s

[guarded]
enabled  = true
filter   = attacked
port     = ssh
backend  = polling
logpath  = DIR/attack.log
bantime  = 3h
findtime = 10m
maxretry = 5
datepattern = {NONE}
`

// withServer has the mails go to a mail server, and questions to a registry of
// the test, as sendmail-common.conf tells to do it.
const withServer = "[Init]\nsmtp = %s\nwhois_server = %s\n"

// withProgram has the mails go to a program.
const withProgram = "[Init]\nmailcmd = %s/bin/sendmail -f \"<sender>\" \"<dest>\"\nwhois_server = %s\n"

// TestGuidesMailsSayWhatTheyPromise sets mails up as guides tell it, by mail
// server and by sendmail, in a namespace of their own, lets somebody attack
// with everything that a shell or a mail program could obey, and reads what
// came.
func TestGuidesMailsSayWhatTheyPromise(t *testing.T) {
	for _, shortcut := range []string{"action_mw", "action_mwl"} {
		for _, by := range []string{"mail server", "program"} {
			t.Run(shortcut+" by "+by, func(t *testing.T) {
				t.Parallel()
				guideMail(t, shortcut, by)
			})
		}
	}
}

func guideMail(t *testing.T, shortcut, by string) {
	netn := testenv.NewNetns(t)
	testenv.Need(t, "nft")
	box := newOutbox(t)
	var mails, registry net.Listener
	netn.Do(t, func() { mails, registry = listen(t), listen(t) })
	sink := mailtest.NewSink(t, mailtest.Options{Listener: mails})
	whois := whoisServer(t, registry)

	in := place(t, box.first(stockade(t)), netn, fmt.Sprintf(guideMails, shortcut))
	in.write(t, "etc/filter.d/attacked.conf", mailFilter)
	in.write(t, "etc/action.d/sendmail-common.local", map[string]string{
		"mail server": fmt.Sprintf(withServer, sink.Addr, whois), "program": fmt.Sprintf(withProgram, box.dir, whois),
	}[by])
	in.write(t, "attack.log", "")
	in.start(t)
	attack := strings.ReplaceAll(strings.Join(mailAttack, "\n"), "MARK", in.path("MARK")) + "\n"
	in.append(t, "attack.log", attack)
	eventually(t, "a ban in the kernel", func() bool { return strings.Contains(netn.Run(t, "nft", "list", "ruleset"), "81.2.3.4") })
	in.ask(t, "stop")
	in.gone(t)

	var got []mailtest.Opened
	if by == "program" {
		for _, m := range box.mails(t) {
			got = append(got, mailtest.Open(t, []byte(m.text)))
			if args := strings.Join(m.args, " "); args != " -f fail2ban@host.example admin@example.org" {
				t.Errorf("arguments %q", args)
			}
		}
	} else {
		for _, m := range sink.Messages() {
			got = append(got, mailtest.Open(t, m.Raw))
			if m.From != "fail2ban@host.example" || strings.Join(m.To, " ") != "admin@example.org" {
				t.Errorf("from %s to %s", m.From, m.To)
			}
		}
	}
	checkGuideMails(t, shortcut, attack, got)
	if _, err := os.Stat(in.path("MARK")); err == nil {
		t.Error("something of the attack was executed")
	}
	if strings.Contains(in.log(), " ERROR ") {
		t.Error(in.log())
	}
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
	}
	return l
}

func checkGuideMails(t *testing.T, shortcut, attack string, got []mailtest.Opened) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("%d mails", len(got))
	}
	found := ""
	for _, m := range got {
		if from := m.Header.Get("From"); from != "Fail2BanAlert <fail2ban@host.example>" || m.Header.Get("To") != "admin@example.org" || m.Header.Get("Bcc") != "" {
			t.Errorf("%v", m.Header)
		}
		if strings.HasPrefix(m.Subject, "[Fail2Ban] guarded: banned 81.2.3.4 from "+host) {
			found = m.Text
		}
	}
	if !strings.Contains(found, mailWhois) {
		t.Errorf("whois is not in\n%s", found)
	}
	if strings.Contains(found, attack) != (shortcut == "action_mwl") {
		t.Errorf("%s: log lines in\n%s", shortcut, found)
	}
}

// TestUsersPythonClassRunsUnchanged has a class that was written for Fail2ban do
// its work: made with its parameters, told of bans, asked and changed by the
// client, and lifted at the end.
func TestUsersPythonClassRunsUnchanged(t *testing.T) {
	testenv.Need(t, "python3")
	in := place(t, stockade(t), nil, `[j]
enabled = true
filter = attacked
backend = polling
logpath = DIR/attack.log
datepattern = {NONE}
maxretry = 5
action = told.py[where="DIR/told", word="it's"]
         told.py[where="DIR/other", actname=second]
         broken.py
`)
	in.write(t, "etc/filter.d/attacked.conf", mailFilter)
	in.write(t, "etc/action.d/told.py", `
from fail2ban.server.actions import ActionBase

class Told(ActionBase):
    def __init__(self, jail, name, where, word="none"):
        super(Told, self).__init__(jail, name)
        self.where, self.word = where, word
    def tell(self, text):
        with open(self.where, "a") as f: f.write(text + "\n")
        self._logSys.info("told %s", text)
    def start(self): self.tell("start")
    def stop(self): self.tell("stop")
    def ban(self, info):
        self.tell("ban %(ip)s %(failures)s %(bantime)s" % info + " " + self.word + " " + info["F-*"]["user"])
        print("printed by a class")
    def unban(self, info): self.tell("unban %s" % info["ip"])

Action = Told
`)
	in.write(t, "etc/action.d/broken.py", "Action = 5\n")
	in.write(t, "attack.log", "")
	in.start(t)
	in.append(t, "attack.log", strings.ReplaceAll(strings.Repeat(mailAttack[0]+"\n", 5), "MARK", in.path("MARK")))
	eventually(t, "a ban", func() bool { return strings.Contains(in.log(), "[j] Ban 81.2.3.4") })
	if out := in.ask(t, "get", "j", "actions"); !strings.Contains(out, "told, second\n") {
		t.Error(out)
	}
	if out := in.ask(t, "get", "j", "actionproperties", "told"); !strings.Contains(out, "where, word") {
		t.Error(out)
	}
	if out := in.ask(t, "set", "j", "action", "told", "word", "new"); out != "new\n" {
		t.Errorf("%q", out)
	}
	if out := in.ask(t, "set", "j", "action", "told", "tell", `{"text": "called"}`); out != "None\n" {
		t.Errorf("%q", out)
	}
	in.ask(t, "stop")
	in.gone(t)
	want := strings.ReplaceAll("start\nban 81.2.3.4 5 600 it's $(touch MARK)\ncalled\nunban 81.2.3.4\nstop\n", "MARK", in.path("MARK"))
	if got, _ := os.ReadFile(in.path("told")); string(got) != want {
		t.Errorf("told\n%swant\n%s", got, want)
	}
	for _, part := range []string{
		"fail2ban.Told ", "told ban 81.2.3.4", "action broken: issubclass() arg 1 must be a class", "[j] action 'told' printed: 'printed by a class'",
	} {
		if !strings.Contains(in.log(), part) {
			t.Errorf("the log lacks %q:\n%s", part, in.log())
		}
	}
	if files, _ := filepath.Glob(in.path("MARK*")); len(files) > 0 {
		t.Error("something of the attack was executed")
	}
}

// TestIdentifiersOfStrangersAreHarmlessInMails bans what is no address but text
// of an attacker's choice, with each form of the mail actions.
func TestIdentifiersOfStrangersAreHarmlessInMails(t *testing.T) {
	const id = "x\"; touch MARK; \"'$(touch MARK)`touch MARK` |touch MARK\\nBcc: v@x"
	for _, native := range []string{"auto", "never"} {
		t.Run("native "+native, func(t *testing.T) {
			t.Parallel()
			box := newOutbox(t)
			in := place(t, box.first(stockade(t)), nil, "")
			jails := "[DEFAULT]\nenabled = true\nfilter = named\nbackend = polling\nlogpath = DIR/attack.log\ndatepattern = {NONE}\nmaxretry = 1\n"
			names := []string{"sendmail-whois-lines", "sendmail-whois-ipmatches", "mail-whois-lines", "sendmail-buffered", "complain"}
			for _, name := range names {
				params := "native=" + native + ", logpath='DIR/attack.log', lines=1, tmpfile='DIR/buffer', addr_resolver=nobody.invalid"
				if strings.HasPrefix(name, "sendmail") {
					params += `, mailcmd="` + box.dir + `/bin/sendmail -f '<sender>' '<dest>'"`
				}
				jails += "[" + name + "]\naction = " + name + "[" + params + "]\n"
			}
			in.write(t, "etc/jail.conf", "[DEFAULT]\n")
			in.write(t, "etc/jail.local", jails)
			in.write(t, "etc/filter.d/named.conf", "[Definition]\nfailregex = ^failure of <F-ID>.+</F-ID>$\n")
			in.write(t, "attack.log", "")
			in.start(t)
			in.append(t, "attack.log", "failure of "+strings.ReplaceAll(id, "MARK", in.path("MARK"))+"\n")
			for _, name := range names {
				eventually(t, name+" bans", func() bool { return strings.Contains(in.log(), "["+name+"] Ban x") })
			}
			in.ask(t, "stop")
			in.gone(t)
			if _, err := os.Stat(in.path("MARK")); err == nil {
				t.Error("something of the identifier was executed")
			}
			bans := 0
			for _, m := range box.mails(t) {
				subject, text := m.subject(), m.text
				if !slices.Contains(m.args, "-s") {
					o := mailtest.Open(t, []byte(m.text))
					subject, text = o.Subject, o.Text
				}
				if !strings.Contains(subject, ": banned x") {
					continue
				}
				bans++
				if !strings.Contains(text, in.path("MARK")) || strings.Contains(m.text, "\nBcc:") {
					t.Errorf("%q in\n%s", m.args, m.text)
				}
			}
			if bans != 3 {
				t.Errorf("%d mails of bans\n%s", bans, in.log())
			}
		})
	}
}
