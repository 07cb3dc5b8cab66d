package acceptance

import (
	"strings"
	"testing"
)

// basicJails is the article's first jail.local; its x.x.x.x is an address.
const basicJails = `[DEFAULT]

bantime  = 3h
findtime = 10m
maxretry = 5

ignoreip = 127.0.0.1 81.2.3.9

# JAILS

[sshd]
enabled = true
`

// followBasics enables sshd, and looks at what the three settings, the list of
// addresses and the order of files mean.
func followBasics(t *testing.T, s *scratch) {
	s.write(t, "/etc/fail2ban/jail.local", basicJails)
	s.must(t, "fail2ban-client reload")
	s.says(t, "fail2ban-client get sshd bantime", "10800")
	s.says(t, "fail2ban-client get sshd findtime", "600")
	s.says(t, "fail2ban-client get sshd maxretry", "5")

	attacker, other, friend := s.attacker(t, 10), s.attacker(t, 11), s.attacker(t, 9)
	s.logins(t, friend, 6)
	s.logins(t, attacker, 4)
	eventually(t, "four failures are counted", func() bool { return strings.Count(s.log(), "[sshd] Found "+attacker) == 4 })
	if strings.Contains(s.log(), "Ban ") || !s.open(t, attacker, "22") {
		t.Fatalf("banned too early:\n%s", s.log())
	}
	s.logins(t, attacker, 1)
	s.logged(t, "[sshd] Ban "+attacker)
	if s.open(t, attacker, "22") {
		t.Error("a banned address gets in")
	}
	if !s.open(t, other, "22") || !s.open(t, friend, "22") {
		t.Error("addresses that are not banned do not get in")
	}
	if out := s.must(t, "fail2ban-client status sshd"); !strings.Contains(out, "Banned IP list:\t"+attacker+"\n") || !strings.Contains(out, "/var/log/auth.log") {
		t.Errorf("status says\n%s", out)
	}
}
