package acceptance

import (
	"net"
	"strings"
	"testing"

	"stockade/internal/mail/mailtest"
)

// mailSettings are the article's, with addresses instead of the blanks.
const mailSettings = `
[DEFAULT]
mta        = postfix
destemail  = admin@example.org
sender     = fail2ban@host.example.org
sendername = Fail2BanAlert
`

// at listens inside the scratch machine.
func (s *scratch) at(t *testing.T, address string) net.Listener {
	t.Helper()
	var l net.Listener
	s.netn.Do(t, func() {
		var err error
		if l, err = net.Listen("tcp", address); err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	if l == nil {
		t.FailNow()
	}
	return l
}

// followMail sets mails up, which go through the real postfix to a mail server
// of the test, and looks at the three stages of detail. The registry that
// whois asks first is the test's as well.
func followMail(t *testing.T, s *scratch) {
	sink := mailtest.NewSink(t, mailtest.Options{Listener: s.at(t, "127.0.0.1:2525")})
	whoisServer(t, s.at(t, "127.0.0.1:43"))
	s.add(t, "/etc/hosts", "127.0.0.1 whois.iana.org\n")

	settings := basicJails + mailSettings
	// The jails of the chapters before go, with what they did.
	s.write(t, jailLocal, settings)
	s.must(t, "fail2ban-client reload")
	s.mailOf(t, sink, settings, s.attacker(t, 90), "")
	s.mailOf(t, sink, settings+"\n[DEFAULT]\naction = %(action_mw)s\n", s.attacker(t, 91), "w")
	s.mailOf(t, sink, settings+"\n[DEFAULT]\naction = %(action_mwl)s\n", s.attacker(t, 92), "wl")
	// A jail's own line goes before that of all jails.
	own := strings.Replace(settings, "[sshd]\n", "[sshd]\naction = %(action_mw)s\n", 1)
	s.mailOf(t, sink, own+"\n[DEFAULT]\naction = %(action_mwl)s\n", s.attacker(t, 93), "w")
}

// mailOf has a configuration ban an attacker, and looks at the mail of it, of
// which holds tells: "" none, w with whois, l with the log's lines.
func (s *scratch) mailOf(t *testing.T, sink *mailtest.Sink, jails, attacker, holds string) {
	t.Helper()
	s.write(t, jailLocal, jails)
	s.must(t, "fail2ban-client restart")
	s.failures(t, attacker, 5)
	s.kept22(t, attacker)
	// The mails of the end of a jail come after all others of it.
	s.must(t, "fail2ban-client stop")
	if holds != "" {
		eventually(t, "a mail of "+attacker, func() bool { return findMail(t, sink, attacker) != nil })
	}
	m := findMail(t, sink, attacker)
	if holds == "" {
		if m != nil {
			t.Errorf("a mail came that nobody wants: %s", m.Subject)
		}
		return
	}
	if m.Header.Get("From") != "Fail2BanAlert <fail2ban@host.example.org>" || m.Header.Get("To") != "admin@example.org" {
		t.Errorf("the mail is %v", m.Header)
	}
	if !strings.Contains(m.Subject, "sshd: banned "+attacker+" from host.example.org") {
		t.Errorf("the subject is %q", m.Subject)
	}
	if !strings.Contains(m.Text, "netname: OF-A-TEST") {
		t.Errorf("whois is not in\n%s", m.Text)
	}
	lines := strings.Count(m.Text, "Failed password for root from "+attacker+" port 4711 ssh2\n")
	if want := 5 * strings.Count(holds, "l"); lines != want {
		t.Errorf("%d lines of the log, want %d, in\n%s", lines, want, m.Text)
	}
}

// findMail is the mail of a ban.
func findMail(t *testing.T, sink *mailtest.Sink, attacker string) *mailtest.Opened {
	t.Helper()
	for _, m := range sink.Messages() {
		if m.From != "fail2ban@host.example.org" || strings.Join(m.To, " ") != "admin@example.org" {
			t.Errorf("a mail from %s to %s", m.From, m.To)
		}
		if o := mailtest.Open(t, m.Raw); strings.Contains(o.Subject, "banned "+attacker) {
			return &o
		}
	}
	return nil
}
