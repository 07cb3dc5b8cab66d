package mail

import (
	"fmt"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"
)

// Clean makes a text of strangers harmless to read: control characters, also
// those of Unicode that turn the direction of writing or end a line, become
// visible escapes. Line ends and tabs stay.
func Clean(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return escape(text, func(r rune) bool { return r == '\n' || r == '\t' })
}

// OneLine is Clean for what has to stay on one line; line ends and tabs become
// blanks.
func OneLine(text string) string {
	text = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(text)
	return escape(text, func(rune) bool { return false })
}

func escape(text string, fine func(rune) bool) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !fine(r) && harmful(r) }) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case fine(r) || !harmful(r):
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// harmful tells what does something instead of being seen. A byte that is no
// UTF-8 counts too.
func harmful(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == utf8.RuneError:
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r == 0x61c, r == 0x200e, r == 0x200f:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// maxLine is how long a line may be on its way (RFC 5322), less what servers
// add.
const maxLine = 990

// travels tells whether a text can be sent as it is: plain ASCII in short
// lines, none of which some program takes for the end or for another message.
func travels(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > maxLine || line == "." || strings.HasPrefix(line, "From ") {
			return false
		}
		for i := 0; i < len(line); i++ {
			if line[i] >= 0x80 {
				return false
			}
		}
	}
	return true
}

// quotedPrintable encodes a text so that every server carries it.
func quotedPrintable(text string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	// A strings.Builder takes everything.
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	lines := strings.Split(strings.ReplaceAll(b.String(), "\r\n", "\n"), "\n")
	for i, line := range lines {
		switch {
		case line == ".":
			lines[i] = "=2E"
		case strings.HasPrefix(line, "From "):
			lines[i] = "=46" + line[1:]
		}
	}
	return strings.Join(lines, "\n")
}
