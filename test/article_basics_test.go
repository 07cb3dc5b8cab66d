package acceptance

import (
	"strconv"
	"strings"
	"testing"
)

// basicJails is the article's first jail.local; an address of ours stands in
// for one of its x.x.x.x.
const basicJails = `# Fail2Ban LOCAL configuration file.

[DEFAULT]

bantime  = 3h
findtime = 10m
maxretry = 5

ignoreip = 127.0.0.1 81.2.3.9

# JAILS

[sshd]
enabled = true
`

// followIntroduction sets the backend that the article recommends, whose
// library is long gone: the log is watched without polling all the same. (The
// chapter stands before the installation, which this needs.)
func followIntroduction(t *testing.T, s *scratch) {
	s.write(t, jailLocal, "[DEFAULT]\nbackend = gamin\n[sshd]\nenabled = true\n")
	s.must(t, "fail2ban-client reload")
	s.failures(t, "192.0.2.200", 5)
	s.logged(t, "[sshd] Ban 192.0.2.200")
	if strings.Contains(s.log(), "Jail 'sshd' uses poller") {
		t.Errorf("the log is polled:\n%s", s.log())
	}
	s.says(t, "fail2ban-client unban --all", "1")
}

const jailLocal = "/etc/fail2ban/jail.local"

// followBasics enables sshd, and looks at what the three settings, the list of
// addresses and the order of files mean.
func followBasics(t *testing.T, s *scratch) {
	s.write(t, jailLocal, basicJails)
	// The article starts the service before it configures it.
	s.must(t, "fail2ban-client reload")
	s.says(t, "fail2ban-client get sshd bantime", "10800")
	s.says(t, "fail2ban-client get sshd findtime", "600")
	s.says(t, "fail2ban-client get sshd maxretry", "5")

	attacker, other, friend := s.attacker(t, 10), s.attacker(t, 11), s.attacker(t, 9)
	s.logins(t, friend, 6)
	s.logins(t, attacker, 4)
	eventually(t, "four failures are counted", func() bool { return strings.Count(s.log(), "[sshd] Found "+attacker) == 4 })
	if strings.Contains(s.log(), "Ban "+attacker) || !s.open(t, attacker, "22") {
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
	if out := s.must(t, "fail2ban-client get sshd banip --with-time"); !strings.Contains(out, attacker+" ") || !strings.Contains(out, " + 10800 = ") {
		t.Errorf("the ban is not for three hours: %s", out)
	}
	localWins(t, s)
	localhostIsSpared(t, s)
	setIsForNow(t, s)
}

// localWins writes the same setting into jail.conf, jail.local, and under a
// jail's own heading.
func localWins(t *testing.T, s *scratch) {
	s.must(t, "cp /etc/fail2ban/jail.conf /root/jail.conf; printf '[DEFAULT]\\nmaxretry = 7\\nfindtime = 2m\\n' >>/etc/fail2ban/jail.conf")
	s.write(t, jailLocal, basicJails+"findtime = 20m\n")
	s.must(t, "fail2ban-client reload")
	s.says(t, "fail2ban-client get sshd maxretry", "5")
	s.says(t, "fail2ban-client get sshd findtime", "1200")
	s.must(t, "cp /root/jail.conf /etc/fail2ban/jail.conf")
	s.write(t, jailLocal, basicJails)
	s.must(t, "fail2ban-client reload")
	s.says(t, "fail2ban-client get sshd findtime", "600")
}

// localhostIsSpared has failures from the machine itself, also where ignoreip
// does not name it.
func localhostIsSpared(t *testing.T, s *scratch) {
	s.write(t, jailLocal, strings.Replace(basicJails, "ignoreip", "# ignoreip", 1))
	s.must(t, "fail2ban-client reload")
	for range 6 {
		s.must(t, "logger -p auth.info -t 'sshd[77]' 'Failed password for root from 127.0.0.1 port 4711 ssh2'")
	}
	eventually(t, "the machine itself is ignored", func() bool { return strings.Count(s.log(), "[sshd] Ignore 127.0.0.1") == 6 })
	s.write(t, jailLocal, basicJails)
	s.must(t, "fail2ban-client reload")
	if strings.Contains(s.log(), "Ban 127.0.0.1") {
		t.Error("the machine banned itself")
	}
}

// setIsForNow changes the running server only.
func setIsForNow(t *testing.T, s *scratch) {
	s.says(t, "fail2ban-client set sshd bantime 60", "60")
	s.says(t, "fail2ban-client get sshd bantime", "60")
	s.must(t, "fail2ban-client restart")
	s.says(t, "fail2ban-client get sshd bantime", "10800")
}

// followTimes converts each way in which a time may be written.
func followTimes(t *testing.T, s *scratch) {
	const minute, hour, day, week, month, year = 60, 3600, 86400, 604800, 2629800, 31557600
	var script strings.Builder
	var want []int
	for _, unit := range []struct {
		seconds int
		words   string
	}{
		{year, "years year yea ye yy y"},
		{month, "months month mon mo"},
		{week, "weeks week wee we ww w"},
		{day, "days day da dd d"},
		{hour, "hours hour hou ho hh h"},
		{minute, "minutes minute min mi mm m"},
		{1, "seconds second sec se ss s"},
	} {
		for word := range strings.FieldsSeq(unit.words) {
			script.WriteString("fail2ban-client --str2sec 3" + word + "\n")
			want = append(want, 3*unit.seconds)
		}
	}
	for _, each := range []struct {
		text    string
		seconds int
	}{
		{"600", 600}, {"10m", 600}, {"1d12h", 129600}, {"'1y 6mo'", year + 6*month}, {"1d12h30m", 131400}, {"'1d 12h 30m'", 131400}, {"9w", 9 * week}, {"60d", 60 * day},
	} {
		script.WriteString("fail2ban-client --str2sec " + each.text + "\n")
		want = append(want, each.seconds)
	}
	got := strings.Fields(s.must(t, script.String()))
	lines := strings.Split(script.String(), "\n")
	for i, seconds := range want {
		// A year is 365 days and six hours, so years and months are no whole
		// numbers to the program.
		if i >= len(got) || strings.TrimSuffix(got[i], ".0") != strconv.Itoa(seconds) {
			t.Errorf("%s prints %v, want %d", lines[i], got[min(i, len(got)-1)], seconds)
		}
	}
	for _, option := range []string{"-h", "--help"} {
		if out := s.must(t, "fail2ban-client "+option); !strings.Contains(out, "unbanip") {
			t.Errorf("the help does not tell the commands:\n%s", out)
		}
	}
}
