package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stockade/internal/testenv"
)

// oldFilter has the article's old expressions for postfix, of which real
// postfix still writes what the first one takes.
const oldFilter = `[INCLUDES]
before = common.conf

[Definition]
_daemon = postfix/(?:submission/)?smtpd
failregex = ^%(__prefix_line)sNOQUEUE: reject: RCPT from \S+\[<HOST>\]: 554 5\.7\.1 .*$
            ^%(__prefix_line)sNOQUEUE: reject: VRFY from \S+\[<HOST>\]: 550 5\.1\.1 .*$
            ^%(__prefix_line)simproper command pipelining after \S+ from [^[]*\[<HOST>\]:?$
`

// unusual are lines of sshd and its neighbours that the stock filter leaves
// alone, and the article's own lets count or ignores.
var unusual = []struct{ tag, text string }{
	{"sshd[81]", "Unable to negotiate with 81.2.3.80 port 4001: no matching cipher found. Their offer: aes128-cbc [preauth]"},
	{"sshd[82]", "Bad protocol version identification 'GET / HTTP/1.1' from 81.2.3.81 port 4002"},
	{"sshd[83]", "message repeated 3 times: [ Failed password for root from 81.2.3.82 port 4003 ssh2]"},
	{"systemd-logind[84]", "New session 5 of user ann."},
	{"sudo", "     ann : TTY=pts/1 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/id"},
	{"sshd[85]", "Timeout, client not responding."},
}

// missed is the article's command, for its user, with its option at the end.
const missed = "fail2ban-regex /var/log/auth.log /etc/fail2ban/filter.d/sshd.conf --print-all-missed > /home/ann/missed.txt"

func followRegexes(t *testing.T, s *scratch) {
	if out := s.must(t, "fail2ban-regex -h"); !strings.Contains(out, "--print-all-missed") {
		t.Errorf("the help lacks an option:\n%s", out)
	}
	tryArguments(t, s)
	s.write(t, "/etc/fail2ban/filter.d/old-postfix.conf", oldFilter)
	if got := judge(t, s.must(t, "fail2ban-regex /var/log/mail.log /etc/fail2ban/filter.d/old-postfix.conf")); got.matched != 5 || got.hits[0] != 5 {
		t.Errorf("the old expressions find %+v in postfix's log", got)
	}

	for _, line := range unusual {
		s.must(t, "logger -p auth.info -t '"+line.tag+"' -- \""+line.text+"\"")
	}
	s.must(t, missed)
	report := s.read("/home/ann/missed.txt")
	stock := judge(t, report)
	if stock.matched == 0 {
		t.Errorf("the stock filter judges %+v", stock)
	}
	for _, line := range unusual {
		if !strings.Contains(missedLines(report), line.text) {
			t.Errorf("not told as missed: %s", line.text)
		}
	}
	cutOff(t, s)
	ownLocal(t, s, stock)
}

// tryArguments gives log and expressions as texts and as files.
func tryArguments(t *testing.T, s *scratch) {
	t.Helper()
	s.write(t, "/root/some.log", "2026-01-02 03:04:05 door: refused 192.0.2.1\n2026-01-02 03:04:06 door: refused 192.0.2.2\n2026-01-02 03:04:07 door: opened\n")
	s.write(t, "/root/some.conf", "[Definition]\nfailregex = door: refused <HOST>$\n")
	s.write(t, "/root/ignore.conf", "[Definition]\nignoreregex = refused 192\\.0\\.2\\.1$\n")
	for _, each := range []struct {
		args string
		want verdict
	}{
		{"'2026-01-02 03:04:05 door: refused 192.0.2.1' 'refused <HOST>$'", verdict{lines: 1, matched: 1}},
		{"'2026-01-02 03:04:05 door: refused 192.0.2.1' 'refused <HOST>$' 'door: refused 192'", verdict{lines: 1, ignored: 1}},
		{"/root/some.log 'refused <HOST>$'", verdict{lines: 3, matched: 2, missed: 1}},
		{"/root/some.log /root/some.conf", verdict{lines: 3, matched: 2, missed: 1}},
		{"/root/some.log /root/some.conf 'refused 192.0.2.2$'", verdict{lines: 3, matched: 1, ignored: 1, missed: 1}},
		{"/root/some.log /root/some.conf /root/ignore.conf", verdict{lines: 3, matched: 1, ignored: 1, missed: 1}},
	} {
		out, _ := s.sh("fail2ban-regex " + each.args)
		got := judge(t, out)
		got.hits = nil
		if got.lines != each.want.lines || got.matched != each.want.matched || got.ignored != each.want.ignored || got.missed != each.want.missed {
			t.Errorf("%s: %+v, want %+v", each.args, got, each.want)
		}
	}
}

// verdict is what a report of fail2ban-regex counts.
type verdict struct {
	lines, ignored, matched, missed int
	hits                            []int // of each failregex that hit
}

var (
	summary = regexp.MustCompile(`(?m)^Lines: (\d+) lines, (\d+) ignored, (\d+) matched, (\d+) missed$`)
	hits    = regexp.MustCompile(`(?m)^\|\s+\d+\) \[(\d+)\] `)
)

func judge(t *testing.T, report string) verdict {
	t.Helper()
	found := summary.FindAllStringSubmatch(regexp.MustCompile(`(?m)\n?\[processed in .*\]$`).ReplaceAllString(report, ""), -1)
	if len(found) != 1 {
		t.Fatalf("no report:\n%s", report)
	}
	var numbers [4]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(found[0][i+1])
	}
	v := verdict{lines: numbers[0], ignored: numbers[1], matched: numbers[2], missed: numbers[3]}
	failures, _, _ := strings.Cut(report, "Ignoreregex:")
	for _, hit := range hits.FindAllStringSubmatch(failures, -1) {
		n, _ := strconv.Atoi(hit[1])
		v.hits = append(v.hits, n)
	}
	return v
}

// missedLines is the part of a report that lists them.
func missedLines(report string) string {
	_, lines, _ := strings.Cut(report, "|- Missed line(s):")
	return lines
}

// cutOff gives sshd.local one of the article's expressions as it stands there,
// without its end: the line is named, and the jail runs without it.
func cutOff(t *testing.T, s *scratch) {
	t.Helper()
	const local = "/etc/fail2ban/filter.d/sshd.local"
	s.write(t, local, `[Definition]

cmnfailre = ^Invalid user \S* from <HOST>%(__on_port_opt)s$
            ^pam_unix\(sshd:auth\):\s+authentication failure;\s*logname=\S*\s*ruser=<F-USER>\S*</F-USER>\
            ^Unable to negotiate with <HOST>%(__on_port_opt)s:\s.*\s%(__suff)s$
`)
	out, code := s.sh("stockade check")
	if code == 0 || !strings.Contains(out, local+":4") || !strings.Contains(out, "cut off") {
		t.Errorf("check says of the cut-off expression (exit %d)\n%s", code, out)
	}
	if out, code := s.sh("fail2ban-regex /var/log/auth.log /etc/fail2ban/filter.d/sshd.conf"); code == 0 && !strings.Contains(out, "ruser=") {
		t.Errorf("fail2ban-regex says nothing of it:\n%s", out)
	}
	s.must(t, "fail2ban-client reload")
	if jails := strings.Join(jailsOf(t, s), " "); !strings.Contains(jails, "sshd") {
		t.Errorf("without that expression there is no jail: %s", jails)
	}
}

// ownLocal gives the filter the article's sshd.local, its cut-off line
// completed, with the user's name where the article has USER_NAME.
func ownLocal(t *testing.T, s *scratch, stock verdict) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join(testenv.Module(t), "library/testdata/local/sshd-article.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(archive.Files[0].Data)
	s.write(t, "/etc/fail2ban/filter.d/sshd.local", text)
	// The daily job has next to no environment.
	s.must(t, "env -i PATH=/usr/bin:/bin /usr/local/bin/"+missed)
	report := s.read("/home/ann/missed.txt")
	own := judge(t, report)
	if own.ignored < 3 || own.lines != own.matched+own.ignored+own.missed {
		t.Errorf("the stock filter judges %+v, with additions %+v", stock, own)
	}
	for _, line := range unusual {
		if strings.Contains(missedLines(report), line.text) {
			t.Errorf("still missed: %s", line.text)
		}
	}
	sum := 0
	for _, n := range own.hits {
		sum += n
	}
	if sum != own.matched || !strings.Contains(report, "Failregex: "+strconv.Itoa(own.matched)+" total") || !strings.Contains(report, "Ignoreregex: "+strconv.Itoa(own.ignored)+" total") {
		t.Errorf("the counts do not fit %+v:\n%s", own, report)
	}
	// And the jail bans for what was missed.
	s.must(t, "fail2ban-client reload")
	odd := s.attacker(t, 83)
	line := strings.Replace(unusual[0].text, "81.2.3.80", odd, 1)
	s.must(t, "for n in 1 2 3 4 5; do logger -p auth.info -t 'sshd[86]' '"+line+"'; done")
	s.kept22(t, odd)
	if err := os.Remove(s.path("/etc/fail2ban/filter.d/sshd.local")); err != nil {
		t.Fatal(err)
	}
	s.must(t, "fail2ban-client reload")
}

// kept22 waits for sshd's ban of an address.
func (s *scratch) kept22(t *testing.T, from string) {
	t.Helper()
	s.logged(t, "[sshd] Ban "+from)
	if s.open(t, from, "22") {
		t.Errorf("%s is banned and reaches sshd", from)
	}
}
