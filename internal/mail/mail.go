// Package mail writes messages and hands them over, to a mail server or to the
// machine's sendmail program.
//
// It promises that text from strangers stays text: nothing in a field or a
// body can begin another header, end the message, move a terminal's cursor or
// be taken for a command; and that handing over ends within its context, with
// no process left behind.
//
// SMTP itself is net/smtp of the standard library: it is frozen, not dead, and
// a message of one plain text or a few parts needs no more than the lines here.
package mail

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"mime"
	"strings"
	"time"
)

// Message is what is sent.
type Message struct {
	// FromName and From are the sender as the reader sees it.
	FromName, From string
	To             []string
	Subject        string
	Date           time.Time
	// Host is the machine's name, for the message's ID.
	Host string
	Text string
	// More are headers beside the usual ones.
	More []Header
	// Parts follow Text in a message of several parts.
	Parts []Part
}

// Header is a line of a message's head.
type Header struct{ Name, Value string }

// Part is an attachment of text.
type Part struct {
	// Name is the file's name; Type its type, like text/plain.
	Name, Type string
	Text       string
}

// maxText bounds a text; mail servers refuse what is much longer.
const maxText = 1 << 20

// Bytes writes the message, with plain line ends.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	head := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, folded(OneLine(value))) }
	head("Subject", encoded(m.Subject))
	head("Date", m.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	head("From", from(m.FromName, m.From))
	head("To", strings.Join(m.To, ", "))
	head("Message-ID", fmt.Sprintf("<%s.%s@%s>", m.Date.UTC().Format("20060102150405"), random(8), hostOnly(m.Host)))
	head("Auto-Submitted", "auto-generated")
	for _, h := range m.More {
		head(h.Name, h.Value)
	}
	head("MIME-Version", "1.0")
	if len(m.Parts) == 0 {
		writeText(&b, "text/plain", "", m.Text)
		return b.Bytes()
	}
	boundary := "part-" + random(16)
	head("Content-Type", `multipart/mixed; boundary="`+boundary+`"`)
	for _, p := range append([]Part{{Type: "text/plain", Text: m.Text}}, m.Parts...) {
		fmt.Fprintf(&b, "\n--%s\n", boundary)
		writeText(&b, p.Type, p.Name, p.Text)
	}
	fmt.Fprintf(&b, "\n--%s--\n", boundary)
	return b.Bytes()
}

// writeText writes the headers that tell how a text is encoded, and the text.
func writeText(b *bytes.Buffer, typ, name, text string) {
	text = Clean(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "\n(the rest is left out)\n"
	}
	encoding := "7bit"
	if !travels(text) {
		encoding, text = "quoted-printable", quotedPrintable(text)
	}
	params := map[string]string{"charset": "utf-8"}
	if name != "" {
		params["name"] = OneLine(name)
	}
	fmt.Fprintf(b, "Content-Type: %s\n", mime.FormatMediaType(typ, params))
	if name != "" {
		fmt.Fprintf(b, "Content-Disposition: %s\n", mime.FormatMediaType("attachment", map[string]string{"filename": OneLine(name)}))
	}
	fmt.Fprintf(b, "Content-Transfer-Encoding: %s\n\n%s", encoding, text)
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
}

// folded breaks a header where it may be broken: between encoded words, and
// a long list between its items.
func folded(value string) string {
	value = strings.ReplaceAll(value, "?= =?", "?=\n =?")
	if len(value) > maxLine/2 {
		value = strings.ReplaceAll(value, ", ", ",\n ")
	}
	return value
}

// maxSubject is how much of a subject anybody reads.
const maxSubject = 250

// encoded makes a header's text safe for all mail servers. What looks like an
// encoded word already is not one of ours, so it must not be read as one.
func encoded(text string) string {
	text = OneLine(text)
	if r := []rune(text); len(r) > maxSubject {
		text = string(r[:maxSubject]) + "…"
	}
	return mime.QEncoding.Encode("utf-8", strings.ReplaceAll(text, "=?", "= ?"))
}

// from writes a sender. A name of plain words is written as it is.
func from(name, address string) string {
	name, address = OneLine(name), OneLine(address)
	if name == "" {
		return address
	}
	switch enc := encoded(name); {
	case enc != name:
		name = enc
	case strings.ContainsAny(name, `()<>[]:;@\,."`):
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + address + ">"
}

// hostOnly keeps what may stand in a message's ID.
func hostOnly(host string) string {
	host = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, host)
	if host == "" {
		return "localhost"
	}
	return host[:min(len(host), maxHost)]
}

// maxHost is how long a name may be (RFC 1035).
const maxHost = 253

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Recipients splits a list of addresses as people write it: by commas or
// blanks, but not within the name of "Name <address>". It gives addresses only.
func Recipients(list string) []string {
	var out []string
	for _, part := range strings.Split(OneLine(list), ",") {
		if start := strings.LastIndexByte(part, '<'); start >= 0 && strings.Contains(part[start:], ">") {
			part, _, _ = strings.Cut(part[start+1:], ">")
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
