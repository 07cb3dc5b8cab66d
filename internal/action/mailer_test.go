package action

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/mail/mailtest"
	"stockade/internal/ticket"
)

// whoisServer is a registry with one answer for everybody.
func whoisServer(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 100)
			n, _ := conn.Read(buf)
			_, _ = fmt.Fprint(conn, strings.ReplaceAll(answer, "QUESTION", strings.TrimSpace(string(buf[:n]))))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// mailBench is a set with one mail action that talks to a sink.
func mailBench(t *testing.T, kind string, sink *mailtest.Sink, params ...string) *bench {
	t.Helper()
	b := newBench(t)
	if err := b.set.Add("m", &Source{Name: kind, Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("m", append([]string{"name", "j", "dest", "admin@example.org", "sender", "root@host", "smtp", sink.Addr, "smtp_tls", "no"}, params...)...)
	return b
}

// attack is a ticket whose every field tries to be more than text.
func attack() *ticket.Ticket {
	t := tick("81.2.3.4")
	t.Failures = 3
	for _, line := range hostileLines {
		t.Matches = append(t.Matches, ticket.Match{After: line, Joined: true})
	}
	t.Fields = ticket.Fields{{Name: "user", Value: strings.Join(hostileLines, "\r\n")}}
	return t
}

var hostileLines = []string{
	"root\r\nBcc: victim@example.org\r\n\r\nforged",
	"$(touch MARK) `touch MARK` ; touch MARK | touch MARK",
	"~!touch MARK",
	"~r /etc/passwd",
	".",
	"\x1b[2J\x00",
	"From somebody",
}

func TestEveryMailVariantSaysWhatItShould(t *testing.T) {
	dir := t.TempDir()
	writeText(t, filepath.Join(dir, "a.log"), "one 81.2.3.4\nno 181.2.3.4\n")
	writeText(t, filepath.Join(dir, "b.log"), "two 81.2.3.4 $(touch MARK)\n")
	server := whoisServer(t, "inetnum: 81.2.3.0 - 81.2.3.255\nnetname: NET-OF-QUESTION\ncountry: XX\norigin: AS64500\n~!touch MARK\n.\n")
	for kind, want := range map[string][]string{
		"sendmail":                     {"has banned 81.2.3.4 (failures: 3)"},
		"sendmail-whois":               {"netname: NET-OF-81.2.3.4", "~!touch MARK"},
		"sendmail-whois-lines":         {"netname: NET-OF-81.2.3.4", filepath.Join(dir, "a.log") + ":one 81.2.3.4\n" + filepath.Join(dir, "b.log") + ":two 81.2.3.4 $(touch MARK)\n"},
		"sendmail-whois-matches":       {"Whois:", "Matched lines:\n\nroot\nBcc: victim@example.org\n\nforged\n", "$(touch MARK) `touch MARK`"},
		"sendmail-whois-ipmatches":     {"all jails (failures: 7):\n\nelsewhere 1\nelsewhere 2\n"},
		"sendmail-whois-ipjailmatches": {"this jail (failures: 4):\n\nhere 1\n"},
		"sendmail-geoip-lines":         {"https://www.abuseipdb.com/check/81.2.3.4", "Country: XX\nAS: AS64500\nHost name: bad.example", "one 81.2.3.4"},
		"mail":                         {"has banned 81.2.3.4"},
		"mail-whois":                   {"netname: NET-OF-81.2.3.4"},
		"mail-whois-lines":             {"netname: NET-OF-81.2.3.4", "one 81.2.3.4"},
	} {
		t.Run(kind, func(t *testing.T) {
			sink := mailtest.NewSink(t, mailtest.Options{})
			b := mailBench(t, kind, sink, "whois_server", server, "logpath", dir+"/*.log")
			b.set.env.HostName = func(string) string { return "bad.example" }
			b.set.env.Merged = func(_ *ticket.Ticket, all bool) (Merged, error) {
				if all {
					return Merged{Matches: []string{"elsewhere 1", "elsewhere 2"}, Failures: 7}, nil
				}
				return Merged{Matches: []string{"here 1"}, Failures: 4}, nil
			}
			if st := b.set.Status()[0]; !st.Native || !st.Report {
				t.Fatalf("%+v", st)
			}
			b.start()
			b.job(Ban, attack())
			b.stop(Lift)
			got := sink.Messages()
			if len(got) != 3 {
				t.Fatalf("%d mails\n%s", len(got), strings.Join(b.log, "\n"))
			}
			for i, subject := range []string{"[Fail2Ban] j: started on ", "[Fail2Ban] j: banned 81.2.3.4 from ", "[Fail2Ban] j: stopped on "} {
				o := mailtest.Open(t, got[i].Raw)
				if o.Subject != subject+fullHostname() || got[i].From != "root@host" || strings.Join(got[i].To, ",") != "admin@example.org" ||
					o.Header.Get("From") != "Fail2Ban <root@host>" || o.Header.Get("Bcc") != "" {
					t.Errorf("%s %v %v", got[i].From, got[i].To, o.Header)
				}
			}
			text := mailtest.Open(t, got[1].Raw).Text
			for _, part := range want {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in\n%s", part, text)
				}
			}
			if strings.ContainsAny(text, "\x1b\x00\r") {
				t.Errorf("%q", text)
			}
		})
	}
	if _, err := os.Stat("MARK"); err == nil {
		t.Error("something was executed")
	}
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBufferedMailsHoldSeveralBans(t *testing.T) {
	sink := mailtest.NewSink(t, mailtest.Options{})
	b := mailBench(t, "sendmail-buffered", sink, "lines", "3")
	b.job(Ban, numbered(7)...)
	b.stop(Lift)
	var subjects, bans []string
	for _, m := range sink.Messages() {
		o := mailtest.Open(t, m.Raw)
		subjects = append(subjects, strings.TrimSuffix(strings.TrimPrefix(o.Subject, "[Fail2Ban] j: "), " "+fullHostname()))
		for line := range strings.Lines(o.Text) {
			if _, rest, ok := strings.Cut(line, ": 10.0.0."); ok {
				bans = append(bans, rest[:1])
			}
		}
	}
	if got := strings.Join(subjects, ","); got != "summary from,summary from,summary from,stopped on" {
		t.Error(got)
	}
	if got := strings.Join(bans, ""); got != "0123456" {
		t.Error(got)
	}
}

func TestMailsWaitForTheirServer(t *testing.T) {
	for _, kind := range []string{"sendmail", "sendmail-buffered"} {
		var up atomic.Bool
		sink := mailtest.NewSink(t, mailtest.Options{Reply: func(command string) string {
			if strings.HasPrefix(command, "MAIL") && !up.Load() {
				return "451 come back later"
			}
			return ""
		}})
		clk := clock.NewManual(time.Unix(1795334628, 0))
		b := mailBench(t, kind, sink, "lines", "2")
		b.set.env.Clock = clk
		b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"), tick("192.0.2.3"), tick("192.0.2.4"))
		b.wantLogSoon("come back later")
		up.Store(true)
		eventually(t, "all sent", func() bool { clk.Advance(longestPause); return b.set.Status()[0].Sent == 4 })
		b.set.Quit()
		told := ""
		for _, m := range sink.Messages() {
			for _, found := range regexp.MustCompile(`192\.0\.2\.(\d) \(`).FindAllStringSubmatch(mailtest.Open(t, m.Raw).Text, -1) {
				told += found[1]
			}
		}
		if told != "1234" {
			t.Errorf("%s: told of %s", kind, told)
		}
	}
}

func TestRefusedMailIsLoggedAndTheNextOneComes(t *testing.T) {
	var refused atomic.Bool
	sink := mailtest.NewSink(t, mailtest.Options{Reply: func(command string) string {
		if strings.HasPrefix(command, "RCPT") && refused.CompareAndSwap(false, true) {
			return "550 unknown user"
		}
		return ""
	}})
	b := mailBench(t, "sendmail", sink)
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	b.stop(Lift)
	b.wantLog(`recipient admin@example.org: 550 "unknown user"`)
	if got := len(sink.Messages()); got != 2 {
		t.Errorf("%d mails", got)
	}
}

func TestRestoredBansAreNotMailed(t *testing.T) {
	sink := mailtest.NewSink(t, mailtest.Options{})
	b := mailBench(t, "sendmail", sink, "norestored", "1")
	one := tick("192.0.2.1")
	one.Restored = true
	b.job(Ban, one)
	b.job(Unban, tick("192.0.2.1"))
	b.stop(Lift)
	if got := sink.Messages(); len(got) != 1 || !strings.Contains(string(got[0].Raw), "stopped") {
		t.Errorf("%d mails", len(got))
	}
}

func TestAThousandBansAreAllMailedInOrder(t *testing.T) {
	sink := mailtest.NewSink(t, mailtest.Options{})
	b := mailBench(t, "sendmail", sink)
	tickets := numbered(1000)
	b.job(Ban, tickets...)
	got := sink.Wait(t, 1000)
	for i, m := range got {
		if want := "banned " + tickets[i].ID.String() + " from"; !strings.Contains(string(m.Raw), want) {
			t.Fatalf("mail %d is not that of %s", i, tickets[i].ID)
		}
	}
	eventually(t, "counted", func() bool { return b.set.Status()[0].Sent == 1000 })
	if st := b.set.Status()[0]; st.Dropped != 0 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
	b.set.Quit()
}

func TestBansWithoutRoomAreSummarised(t *testing.T) {
	open := make(chan struct{})
	sink := mailtest.NewSink(t, mailtest.Options{Reply: func(command string) string {
		if strings.HasPrefix(command, "MAIL") {
			<-open
		}
		return ""
	}})
	b := mailBench(t, "sendmail-buffered", sink, "lines", "5000")
	b.start()
	b.job(Ban, numbered(reportBound+700)...)
	close(open)
	eventually(t, "a summary", func() bool {
		for _, m := range sink.Messages() {
			o := mailtest.Open(t, m.Raw)
			if strings.Contains(o.Subject, "more bans on") {
				st := b.set.Status()[0]
				return strings.Contains(o.Text, fmt.Sprintf("%d bans have no mail", st.Dropped)) && st.Sent+st.Dropped == reportBound+700
			}
		}
		return false
	})
	b.set.Quit()
}

// The program gets the mail without a shell in between.
func TestSendmailProgramGetsMailsUnshelled(t *testing.T) {
	for _, kind := range []string{"sendmail", "mail"} {
		b := newBench(t)
		dir := t.TempDir()
		program := filepath.Join(dir, "program")
		writeText(t, program, "#!/bin/sh\nn=$(ls "+dir+" | wc -l)\n{ printf 'ARG %s\\n' \"$@\"; cat; } > "+dir+"/$n\n")
		if err := os.Chmod(program, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := b.set.Add("m", &Source{Name: kind + "-whois-lines", Library: true}); err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(dir, "log"), strings.Join(hostileLines, " 81.2.3.4\n")+"\n~!touch MARK 81.2.3.4\n")
		b.props("m", "dest", "a@x", "sender", "s;id@host", "logpath", filepath.Join(dir, "log"),
			"whois_server", whoisServer(t, "a\n~!touch MARK\n"), "mailcmd", map[string]string{
				"sendmail": program + ` -f "<sender>" "<dest>"`, "mail": program + ` -E 'set escape' -s`,
			}[kind])
		b.job(Ban, attack())
		b.stop(Lift)
		b.wantNative("m", true)
		files, _ := filepath.Glob(filepath.Join(dir, "[0-9]*"))
		if len(files) != 2 {
			t.Fatalf("%v\n%s", files, strings.Join(b.log, "\n"))
		}
		text, _ := os.ReadFile(files[0])
		if kind == "sendmail" {
			if want := "ARG -f\nARG s;id@host\nARG a@x\nSubject: [Fail2Ban] j: banned 81.2.3.4 from "; !strings.HasPrefix(string(text), want) {
				t.Errorf("%.300s", text)
			}
			continue
		}
		if want := "ARG -E\nARG set escape\nARG -s\nARG [Fail2Ban] j: banned 81.2.3.4 from " + fullHostname() + "\nARG a@x\nHello,"; !strings.HasPrefix(string(text), want) {
			t.Errorf("%.300s", text)
		}
		if strings.Contains(string(text), "\n~") || !strings.Contains(string(text), "\n ~!touch MARK 81.2.3.4") {
			t.Errorf("an order to mail in\n%s", text)
		}
	}
}

// wantNative checks in which form an action runs.
func (b *bench) wantNative(name string, want bool) {
	b.t.Helper()
	for _, st := range b.set.Status() {
		if st.Name == name && st.Native != want {
			b.t.Errorf("native is %v: %s", st.Native, st.Why)
		}
	}
}

func TestMissingMailServerIsSaidWithAWayOut(t *testing.T) {
	b := newBench(t)
	if err := b.set.Add("m", &Source{Name: "sendmail", Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("m", "mailcmd", "/nosuch/sendmail -t")
	b.job(Ban, tick("192.0.2.1"))
	b.wantLogSoon("/nosuch/sendmail: no such file or directory (without a mail server on this machine, name another by the parameter smtp)")
	b.set.Quit()
}

func TestMailActionsThatNeedAShellRunAsCommands(t *testing.T) {
	for _, tt := range []struct {
		kind, param, value string
		native             bool
	}{
		{"sendmail", "mailcmd", `/usr/sbin/sendmail -f "<sender>" "<dest>"`, true},
		{"sendmail", "mailcmd", `msmtp -a 'my account' -t`, true},
		{"sendmail", "mailcmd", `tee x | sendmail -t`, false},
		{"sendmail", "mailcmd", `sendmail "$(cat to)"`, false},
		{"sendmail", "mailcmd", `A=b sendmail -t`, false},
		{"sendmail", "mailcmd", `sendmail "-f`, false},
		{"sendmail", "smtp_tls", "starttls", true},
		{"mail-whois-lines", "mailcmd", "mailx -s", true},
		{"mail-whois-lines", "mailcmd", "mailx -s <ip>", false},
		{"sendmail-whois-lines", "grepopts", "-m <grepmax>", true},
		{"sendmail-whois-lines", "grepopts", "-i", false},
		{"sendmail-whois-lines", "greplimit", "head", false},
		{"sendmail-whois", "greplimit", "head", true},
		{"complain", "message", "since $(date)", false},
		{"complain", "message", `<ip> is bad\nreally`, true},
		{"xarf-login-attack", "mailargs", `-f <sender> $X`, false},
	} {
		b := newBench(t)
		if err := b.set.Add("m", &Source{Name: tt.kind, Library: true}); err != nil {
			t.Fatal(err)
		}
		b.props("m", tt.param, tt.value)
		if st := b.set.Status()[0]; st.Native != tt.native {
			t.Errorf("%+v: native %v, %s", tt, st.Native, st.Why)
		}
	}
}
