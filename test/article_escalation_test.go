package acceptance

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// The article's further pieces of jail.local, in its order. Its formula lacks a
// parenthesis where it is to be pasted, and has it where it is explained.
const (
	recidiveJail = `
[recidive]
enabled   = true
bantime   = 9w
findtime  = 3d
`
	growingTimes = `
[DEFAULT]

bantime.increment    = true
bantime.rndtime      = 30m
bantime.maxtime      = 60d
bantime.factor       = 2
bantime.formula      = FORMULA
bantime.overalljails = true
`
	misprinted     = "ban.Time * math.exp(float ban.Count+1)*banFactor)/math.exp(1*banFactor)"
	aggressive     = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"
	defaultFormula = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"
)

// advanced is jail.local after the chapter on advanced configuration, without
// addresses that are to be spared.
var advanced = basicJails + recidiveJail + strings.Replace(growingTimes, "FORMULA", aggressive, 1)

func followAdvanced(t *testing.T, s *scratch) {
	t.Run("recidive", func(t *testing.T) { followRecidive(t, s) })
	t.Run("growing", func(t *testing.T) { followGrowing(t, s) })
}

// followRecidive gets an address banned five times, one of them by attacking.
func followRecidive(t *testing.T, s *scratch) {
	s.write(t, jailLocal, basicJails+recidiveJail)
	s.must(t, "fail2ban-client reload")
	s.says(t, "fail2ban-client get recidive bantime", strconv.Itoa(9*7*86400))
	s.says(t, "fail2ban-client get recidive findtime", strconv.Itoa(3*86400))
	if out := s.must(t, "fail2ban-client get recidive logpath"); !strings.Contains(out, "/var/log/fail2ban.log") {
		t.Errorf("recidive reads %s", out)
	}
	attacker := s.attacker(t, 20)
	s.failures(t, attacker, 5)
	s.logged(t, "[sshd] Ban "+attacker)
	s.says(t, "fail2ban-client set sshd unbanip "+attacker, "1")
	if !s.open(t, attacker, "22") {
		t.Error("after the unban nothing prevents another try, but something does")
	}
	for n := 2; n <= 5; n++ {
		s.says(t, "fail2ban-client set sshd banip "+attacker, "1")
		eventually(t, fmt.Sprintf("ban %d", n), func() bool { return strings.Count(s.log(), "[sshd] Ban "+attacker) == n })
		if n < 5 && strings.Contains(s.log(), "[recidive] Ban") {
			t.Fatalf("recidive bans after %d bans", n)
		}
		s.says(t, "fail2ban-client set sshd unbanip "+attacker, "1")
	}
	s.logged(t, "[recidive] Ban "+attacker)
	if out := s.must(t, "fail2ban-client get recidive banip --with-time"); !strings.Contains(out, " + 5443200 = ") {
		t.Errorf("the ban is not for nine weeks: %s", out)
	}
	// Not from ssh only.
	s.daemon(t, "exec python3 -m http.server 8080")
	s.listening(t, "8080")
	if s.open(t, attacker, "22") || s.open(t, attacker, "8080") || !s.open(t, s.attacker(t, 21), "8080") {
		t.Error("recidive does not keep its address from all ports")
	}
}

// followGrowing has an address come back again and again.
func followGrowing(t *testing.T, s *scratch) {
	// As printed, the block is pointed at, with its cure, and the server
	// protects as before.
	s.write(t, jailLocal, basicJails+recidiveJail+strings.Replace(growingTimes, "FORMULA", misprinted, 1))
	out, code := s.sh("stockade check")
	if code == 0 || !strings.Contains(out, jailLocal+":") || !strings.Contains(out, "float(ban.Count+1)") {
		t.Errorf("check says of the misprint (exit %d)\n%s", code, out)
	}
	s.must(t, "fail2ban-client restart")
	s.says(t, "fail2ban-client set sshd banip 81.2.3.30", "1")
	s.logged(t, "[sshd] Ban 81.2.3.30")
	if s.open(t, s.attacker(t, 30), "22") {
		t.Error("with the misprint, a ban does not hold")
	}

	formulas := []string{aggressive}
	if testenv.Full() {
		formulas = append(formulas, defaultFormula)
	}
	for i, formula := range formulas {
		s.write(t, jailLocal, basicJails+recidiveJail+strings.Replace(growingTimes, "FORMULA", formula, 1))
		s.must(t, "stockade check")
		s.must(t, "fail2ban-client restart")
		for option, want := range map[string]string{
			"increment": "True", "rndtime": "1800", "maxtime": "5184000", "factor": "2", "formula": formula, "overalljails": "True",
		} {
			s.says(t, "fail2ban-client get sshd bantime."+option, want)
		}
		checkGrowth(t, s, fmt.Sprintf("81.2.4.%d", i+1), formula)
	}
}

// checkGrowth looks at the ban times of an address that comes back whenever its
// ban is over. That the time goes by, the database is told.
func checkGrowth(t *testing.T, s *scratch, ip, formula string) {
	t.Helper()
	const first, most, random = 10800, 60 * 86400, 1800
	for n := range 5 {
		s.failures(t, ip, 5)
		low := float64(first)
		switch {
		case n > 0 && formula == defaultFormula:
			low *= float64(int(1)<<n) * 2
		case n > 0:
			low *= math.Exp(float64(2 * n))
		}
		low = min(low, most)
		// The first ban is as long as the jail's.
		high := low + random
		if n == 0 {
			high = low
		}
		got := 0
		if !until(patienceToLog, func() bool {
			got = banTime(s, ip)
			return got >= int(low) && got <= int(high)+1
		}) {
			t.Fatalf("ban %d by %s is for %d s, want from %.0f to %.0f", n+1, formula, got, low, high)
		}
		s.must(t, "fail2ban-client stop; sqlite3 /var/lib/fail2ban/fail2ban.sqlite3 \"UPDATE bips SET timeofban = timeofban - bantime - 9 WHERE ip = '"+ip+"'\"; fail2ban-client start")
		if out := s.must(t, "fail2ban-client get sshd banip"); strings.Contains(out, ip) {
			t.Fatalf("the ban is over, yet there: %s", out)
		}
	}
}

// failures has sshd's log tell of failed logins.
func (s *scratch) failures(t *testing.T, ip string, n int) {
	t.Helper()
	s.must(t, fmt.Sprintf("for n in $(seq %d); do logger -p auth.info -t 'sshd[78]' 'Failed password for root from %s port 4711 ssh2'; done", n, ip))
}

// banTime is for how long sshd bans an address.
func banTime(s *scratch, ip string) int {
	out, _ := s.sh("fail2ban-client get sshd banip --with-time")
	found := regexp.MustCompile(regexp.QuoteMeta(ip) + `\s.* \+ (\d+) = `).FindStringSubmatch(out)
	if found == nil {
		return 0
	}
	seconds, _ := strconv.Atoi(found[1])
	return seconds
}
