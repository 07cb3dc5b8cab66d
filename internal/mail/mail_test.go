package mail_test

import (
	"strings"
	"testing"
	"time"

	"stockade/internal/mail"
	"stockade/internal/mail/mailtest"
)

func message() *mail.Message {
	return &mail.Message{
		FromName: "Fail2Ban", From: "root@host.example", To: []string{"admin@example.org"},
		Subject: "[Fail2Ban] sshd: banned 192.0.2.1", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Host: "host.example", Text: "hello\n",
	}
}

func TestPlainMessageIsWrittenPlainly(t *testing.T) {
	got := string(message().Bytes())
	id := mailtest.Open(t, []byte(got)).Header.Get("Message-Id")
	if !strings.HasPrefix(id, "<20260102020405.") || !strings.HasSuffix(id, "@host.example>") {
		t.Error(id)
	}
	want := `Subject: [Fail2Ban] sshd: banned 192.0.2.1
Date: Fri, 02 Jan 2026 03:04:05 +0100
From: Fail2Ban <root@host.example>
To: admin@example.org
Message-ID: ` + id + `
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

hello
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// hostile are texts that try to be more than text.
var hostile = []string{
	"root\r\nBcc: victim@example.org\r\n\r\nforged body",
	"a\nSubject: forged",
	"a\rX: y",
	"\x1b[2J\x1b]0;title\x07 \x00 \x7f \u0085 \u2028 \u202e",
	".\r\nRCPT TO:<victim@example.org>",
	"\n.\n",
	"~!id > /tmp/x\n~r /etc/passwd",
	"$(id) `id` \"; rm -rf / #",
	"=?utf-8?q?=0ABcc:_x=40y?=",
	"\xff\xfe broken \xc3",
	"From me\n>From you\nFrom : x",
	strings.Repeat("é", 3000) + "\n" + strings.Repeat("x", 5000),
	"two words  with trailing blanks   \t\n\n\n",
}

// Whatever a field or the text holds, the message has the headers that it has
// with harmless text, and the text comes out as it went in, made visible.
func TestHostileTextStaysText(t *testing.T) {
	usual := headerNames(message().Bytes())
	for _, text := range hostile {
		m := message()
		m.FromName, m.Subject, m.Text = text, text, text
		m.Host = text
		raw := m.Bytes()
		if got := headerNames(raw); got != usual {
			t.Errorf("%.50q: headers %s", text, got)
		}
		for line := range strings.Lines(string(raw)) {
			if len(line) > 998 || line == ".\n" || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), control) || strings.Contains(line, "\u202e") {
				t.Errorf("%.50q: line %.80q", text, line)
			}
		}
		got := mailtest.Open(t, raw)
		if want := strings.TrimSuffix(mail.Clean(text), "\n") + "\n"; got.Text != want {
			t.Errorf("text %.50q, want %.50q", got.Text, want)
		}
	}
}

func control(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }

func headerNames(raw []byte) string {
	head, _, _ := strings.Cut(string(raw), "\n\n")
	var names []string
	for line := range strings.Lines(head) {
		name, _, _ := strings.Cut(line, ":")
		if !strings.HasPrefix(line, " ") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestTextIsMadeVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain é\tx\n":         "plain é\tx\n",
		"a\r\nb":               "a\nb",
		"a\rb\x1b[1m":          `a\x0db\x1b[1m`,
		"\xff\u2028\u202e":     `\xff\u2028\u202e`,
		"\uFFFD":               `\ufffd`,
		"zero \x00 and \u0085": `zero \x00 and \x85`,
	} {
		if got := mail.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := mail.OneLine("a\r\nb\nc\rd\te"); got != "a b c d e" {
		t.Errorf("%q", got)
	}
}

func TestNamesAreQuotedWhereTheyMust(t *testing.T) {
	for name, want := range map[string]string{
		"":             "root@host.example",
		"Fail2Ban":     "Fail2Ban <root@host.example>",
		"My Server":    "My Server <root@host.example>",
		`a "b" (c), d`: `"a \"b\" (c), d" <root@host.example>`,
		"Müller":       "=?utf-8?q?M=C3=BCller?= <root@host.example>",
	} {
		m := message()
		m.FromName = name
		if got := mailtest.Open(t, m.Bytes()).Header.Get("From"); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestPartsComeWithTheirNames(t *testing.T) {
	m := message()
	m.More = []mail.Header{{Name: "X-ARF", Value: "Yes\nBcc: x"}}
	m.Parts = []mail.Part{{Name: "report.txt", Type: "text/plain", Text: "é\n--part\n"}, {Name: "log", Type: "text/plain", Text: "line"}}
	o := mailtest.Open(t, m.Bytes())
	if o.Text != "hello\n" || o.Parts["report.txt"] != "é\n--part\n" || o.Parts["log"] != "line\n" {
		t.Errorf("%+v", o)
	}
	if o.Header.Get("X-Arf") != "Yes Bcc: x" {
		t.Error(o.Header)
	}
}

func TestRecipientsAreSplit(t *testing.T) {
	for list, want := range map[string]string{
		"root":                      "root",
		"a@x, b@y":                  "a@x|b@y",
		"a@x,b@y":                   "a@x|b@y",
		"a@x b@y":                   "a@x|b@y",
		`Some One <a@x>, "b" <b@y>`: "a@x|b@y",
		" , ":                       "",
		"a@x\r\nRCPT TO:<c@z>":      "c@z",
	} {
		if got := strings.Join(mail.Recipients(list), "|"); got != want {
			t.Errorf("%q: %s, want %s", list, got, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, text, text)
	}
	usual := headerNames(message().Bytes())
	f.Fuzz(func(t *testing.T, name, subject, text string) {
		m := message()
		m.FromName, m.Subject, m.Text = name+"x", subject, text
		raw := m.Bytes()
		if got := headerNames(raw); got != usual {
			t.Errorf("headers %s", got)
		}
		if len(text) < 1<<19 {
			if got := mailtest.Open(t, raw).Text; got != strings.TrimSuffix(mail.Clean(text), "\n")+"\n" {
				t.Errorf("text %q became %q", text, got)
			}
		}
	})
}
