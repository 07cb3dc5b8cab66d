package acceptance

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// otherJails are the article's jails for other services. It does not enable
// apache-badbots.
const otherJails = `
[apache-auth]
# Ban hosts with password authentication failures
enabled  = true
port     = http,https
logpath  = %(apache_error_log)s

[apache-badbots]
port     = http,https
logpath  = %(apache_access_log)s
bantime  = 172800
maxretry = 1

[apache-noscript]
enabled  = true
port     = http,https
logpath  = %(apache_error_log)s
maxretry = 6

[apache-overflows]
enabled  = true
port     = http,https
logpath  = %(apache_error_log)s
maxretry = 2

[apache-nohome]
enabled  = true
port     = http,https
logpath  = %(apache_error_log)s
maxretry = 2

[exim]
enabled = true

[exim-spam]
enabled = true

[postfix]
enabled = true
`

// pluginJail is for a filter that a plugin of WordPress brings; ownJail for
// one that the reader writes.
const (
	pluginJail = `
[wordpress-hard]
enabled  = true
port     = http,https
filter   = wordpress-hard
logpath  = /var/log/auth.log
bantime  = 1h
maxretry = 1
`
	ownJail = `
[non-standard]
enabled = true
port    = 7000
logpath = /var/log/non-standard.log
`
)

// pluginFilter has the form of the plugin's file, which is not ours to give.
const pluginFilter = `[INCLUDES]
before = common.conf

[Definition]
_daemon = (?:wordpress|wp)
failregex = ^%(__prefix_line)sAuthentication attempt for unknown user .* from <HOST>$
            ^%(__prefix_line)sBlocked user enumeration attempt from <HOST>$
ignoreregex =
`

const ownFilter = `[Definition]
failregex = ^\s*gate closed to <HOST>$
            ^\s*wrong key by <HOST>$
`

func followServices(t *testing.T, s *scratch) {
	allDisabled(t, s)
	s.startApache(t)
	s.startExim(t)
	s.startPostfix(t)
	// The article's postfix logs the same whether or not somebody waits.
	s.write(t, jailLocal, advanced+otherJails)
	s.must(t, "fail2ban-client restart")
	want := []string{"apache-auth", "apache-nohome", "apache-noscript", "apache-overflows", "exim", "exim-spam", "postfix", "recidive", "sshd"}
	if got := jailsOf(t, s); !slices.Equal(got, want) {
		t.Errorf("jails %v, want %v", got, want)
	}
	t.Run("apache", func(t *testing.T) { followApache(t, s) })
	t.Run("exim", func(t *testing.T) { followExim(t, s) })
	t.Run("postfix", func(t *testing.T) { followPostfix(t, s) })
	t.Run("filters from elsewhere", func(t *testing.T) { followOwnFilters(t, s) })
}

// allDisabled looks at jail.conf, which is said to list all jails, and to
// enable none.
func allDisabled(t *testing.T, s *scratch) {
	t.Helper()
	text := s.read("/etc/fail2ban/jail.conf")
	for _, name := range []string{"sshd", "recidive", "apache-auth", "apache-badbots", "exim", "postfix", "dovecot", "nginx-http-auth", "proftpd"} {
		if !strings.Contains(text, "\n["+name+"]\n") {
			t.Errorf("jail.conf does not list %s", name)
		}
	}
	if jails := strings.Count(text, "\n["); jails < 98 {
		t.Errorf("jail.conf has %d sections", jails)
	}
	if regexp.MustCompile(`(?m)^enabled\s*=\s*(?:true|yes|1|on)`).MatchString(text) {
		t.Error("jail.conf enables a jail")
	}
}

// jailsOf lists the running jails in order.
func jailsOf(t *testing.T, s *scratch) []string {
	t.Helper()
	found := regexp.MustCompile(`Jail list:\s*(.*)\n`).FindStringSubmatch(s.must(t, "fail2ban-client status"))
	if found == nil || found[1] == "" {
		return nil
	}
	return slices.Sorted(slices.Values(strings.Split(found[1], ", ")))
}

// kept waits for a ban, and tries whether the address is kept from the
// service's port, and from no other.
func (s *scratch) kept(t *testing.T, jail, from, port string) {
	t.Helper()
	s.logged(t, "["+jail+"] Ban "+from)
	if s.open(t, from, port) {
		t.Errorf("%s bans %s, which reaches port %s", jail, from, port)
	}
	if !s.open(t, from, "22") {
		t.Errorf("%s bans %s from ssh", jail, from)
	}
}

func followApache(t *testing.T, s *scratch) {
	for i, each := range []struct {
		jail   string
		times  int
		attack func(from string)
	}{
		{"apache-auth", 5, func(from string) { s.get(t, from, "/private", "bob") }},
		{"apache-noscript", 6, func(from string) { s.get(t, from, "/cgi-bin/admin.cgi", "") }},
		{"apache-overflows", 2, func(from string) {
			s.request(t, from, "POST /cgi-bin/../../../bin/sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		}},
		{"apache-nohome", 2, func(from string) { s.get(t, from, "/~root/", "") }},
	} {
		from := s.attacker(t, 40+i)
		for n := range each.times {
			if n == each.times-1 {
				s.counted(t, each.jail, from, n)
				if strings.Contains(s.log(), "] Ban "+from) {
					t.Fatalf("%s is banned after %d", from, n)
				}
			}
			each.attack(from)
		}
		s.kept(t, each.jail, from, "80")
	}
	// Not enabled, a jail bans nobody.
	robot := s.attacker(t, 45)
	s.request(t, robot, "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: EmailCollector\r\nConnection: close\r\n\r\n")
	if !strings.Contains(s.read("/var/log/apache2/access.log"), robot) || !s.open(t, robot, "80") {
		t.Error("apache-badbots is not enabled, yet somebody is banned, or the log does not show it")
	}
	// Once enabled, it does, for two days at the first time; one that has
	// been there before is seen in the log that is read from the start.
	s.write(t, jailLocal, advanced+strings.Replace(otherJails, "[apache-badbots]\n", "[apache-badbots]\nenabled = true\n", 1))
	s.must(t, "fail2ban-client reload")
	s.kept(t, "apache-badbots", robot, "80")
	if out := s.must(t, "fail2ban-client get apache-badbots banip --with-time"); !strings.Contains(out, " + 172800 = ") {
		t.Errorf("the ban is not for two days: %s", out)
	}
}

// counted waits until a jail has found an address so many times.
func (s *scratch) counted(t *testing.T, jail, from string, n int) {
	t.Helper()
	if !until(patienceToLog, func() bool { return strings.Count(s.log(), "["+jail+"] Found "+from) == n }) {
		t.Fatalf("%s has not found %s %d times:\n%s", jail, from, n, short(s.log()))
	}
}

func followExim(t *testing.T, s *scratch) {
	from := s.attacker(t, 50)
	for range 5 {
		s.smtp(t, from, "25", "EHLO x", wrongLogin())
	}
	s.kept(t, "exim", from, "25")
	// What sorts spam out is no part of exim.
	spammer := s.attacker(t, 51)
	line := s.must(t, "date '+%Y-%m-%d %H:%M:%S'")
	line = strings.TrimSpace(line) + " 1abcDE-000001-AB H=(x) [" + spammer + "] F=<a@example.net> rejected after DATA: This message scored 12.0 spam points.\n"
	s.add(t, "/var/log/exim4/mainlog", strings.Repeat(line, 5))
	s.kept(t, "exim-spam", spammer, "25")
}

func followPostfix(t *testing.T, s *scratch) {
	from := s.attacker(t, 60)
	for range 5 {
		s.smtp(t, from, "587", "EHLO x", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.com>")
	}
	s.kept(t, "postfix", from, "587")
}

func followOwnFilters(t *testing.T, s *scratch) {
	s.write(t, "/var/www/html/wp-content/plugins/wp-fail2ban/filters.d/wordpress-hard.conf", pluginFilter)
	s.must(t, "cp /var/www/html/wp-content/plugins/wp-fail2ban/filters.d/wordpress-hard.conf /etc/fail2ban/filter.d/")
	s.write(t, "/etc/fail2ban/filter.d/non-standard.conf", ownFilter)
	s.write(t, "/var/log/non-standard.log", "")
	s.write(t, jailLocal, advanced+otherJails+pluginJail+ownJail)
	s.must(t, "fail2ban-client reload")
	blogger, stranger := s.attacker(t, 70), s.attacker(t, 71)
	s.must(t, "logger -p auth.warning -t 'wordpress(blog.example.org)[99]' 'Authentication attempt for unknown user admin from "+blogger+"'")
	s.kept(t, "wordpress-hard", blogger, "80")
	line := strings.TrimSpace(s.must(t, "date -Is")) + " wrong key by " + stranger + "\n"
	s.add(t, "/var/log/non-standard.log", strings.Repeat(line, 5))
	s.logged(t, "[non-standard] Ban "+stranger)
	if set := s.netn.Run(t, "nft", "list", "ruleset"); !strings.Contains(set, "dport 7000 ") {
		t.Errorf("nothing is said of port 7000 in\n%s", set)
	}
}
