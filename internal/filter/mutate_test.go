package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// dateShapes are the 17 shapes of the default list, in Go's notation; # stands
// for an epoch, @ for TAI64N.
var dateShapes = []string{
	"2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006", "Jan 02 2006 15:04:05", "02/01/2006 15:04:05",
	"02/Jan/2006:15:04:05 -0700", "01/02/2006:15:04:05", "01-02-2006 15:04:05.000", "#", "15:04:05",
	"<01/02/06@15:04:05>", "060102 15:04:05", "Jan 02, 2006 03:04:05 PM", "Jan-02-06 15:04:05",
	"20060102T150405", "CET Jan 02 15:04:05", "+02:00 Jan 02 15:04:05", "@",
}

// dated makes a line with a date of that shape.
func (h *hostile) dated(shape string, anchored bool) []byte {
	date := h.date(shape)
	user := ""
	if h.rnd.IntN(3) == 0 {
		user = " u" + fmt.Sprint(h.rnd.IntN(99))
	}
	tail := fmt.Sprintf(" x 1.2.3.%d%s", h.rnd.IntN(300), user)
	if strings.HasPrefix(shape, "<") || strings.HasPrefix(shape, "Jan-") {
		return []byte(date + tail)
	}
	if anchored {
		return []byte([]string{"", "", "[", "- "}[h.rnd.IntN(4)] + date + tail)
	}
	if shape == "#" {
		return []byte("type=X msg=audit(" + date + tail)
	}
	return []byte([]string{"some words ", "abc [", "host-1: p ", "audit("}[h.rnd.IntN(4)] + date + tail)
}

func (h *hostile) date(shape string) string {
	at := noon.Add(time.Duration(h.rnd.IntN(400*24*3600)-200*24*3600) * time.Second).In(h.zone)
	switch shape {
	case "#":
		return fmt.Sprint(at.Unix()) + []string{"", "", ".125", "000"}[h.rnd.IntN(4)]
	case "@":
		return fmt.Sprintf("@40000000%08x%08x", at.Unix()+10, h.rnd.IntN(1<<30))
	}
	return at.Format(shape)
}

var (
	address = regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}`)
	word    = regexp.MustCompile(`[A-Za-z]{3,}`)
	clock   = regexp.MustCompile(`\d\d:\d\d:\d\d`)
	spaces  = regexp.MustCompile(` `)
)

// replaceOne replaces one random match of re.
func (h *hostile) replaceOne(re *regexp.Regexp, text []byte, by string) []byte {
	all := re.FindAllIndex(text, -1)
	if len(all) == 0 {
		return text
	}
	at := all[h.rnd.IntN(len(all))]
	return bytes.Join([][]byte{text[:at[0]], []byte(by), text[at[1]:]}, nil)
}

var (
	addresses = []string{"1.2.3.4", "300.1.2.3", "::ffff:1.2.3.4", "::ffff:102:304", "2001:db8::1", "[2001:db8::2]", "::", "fe80::1", "1.2.3", "01.2.3.4", "ab:cd", "host.example.com", "localhost", "١.2.3.4", "1.2.3.4.5"}
	words     = []string{"root", "from 1.2.3.4", "a b", "é", "x'y", `"q"`, "<HOST>", "user=", "[x]", "(y)", "1.2.3.4", "%s", "\\", "Tür", "名前", "\xff\xfe", "\xc3", "a\u0301", "x\u00a0y", "\u2028"}
	blanks    = []string{"  ", "\t", "\u00a0", "\u2003", "\x1c", "\x85", "\u0085", "", "\r", "\x00", "\x0b"}
	insertion = []string{" from 1.2.3.4", " from 1.2.3.4 port 22", ": ", "[", "]", "(", ")", "<", ">", "\"", "'", "\x00", "\r", "\u0661", "\ufeff", "\xed\xa0\x80", "\xf0\x9f\x98", "ſ", "K", "ı"}
)

func (h *hostile) pick(list []string) string { return list[h.rnd.IntN(len(list))] }

// mild changes a line so that it probably still matches.
func (h *hostile) mild(text []byte) []byte {
	text = bytes.Clone(text)
	switch h.rnd.IntN(6) {
	case 0:
		return h.replaceOne(address, text, h.pick(addresses))
	case 1:
		return h.replaceOne(address, text, fmt.Sprintf("10.%d.%d.%d", h.rnd.IntN(256), h.rnd.IntN(256), h.rnd.IntN(256)))
	case 2:
		return h.replaceOne(clock, text, fmt.Sprintf("%02d:%02d:%02d", h.rnd.IntN(25), h.rnd.IntN(60), h.rnd.IntN(62)))
	case 3:
		return h.replaceOne(word, text, h.pick(words))
	case 4:
		return append(text, []string{"", " ", "\r", " [preauth]"}[h.rnd.IntN(4)]...)
	}
	return text
}

// wild changes a line so that it may match in an unexpected way or not at all.
func (h *hostile) wild(text []byte) []byte {
	text = bytes.Clone(text)
	for range 1 + h.rnd.IntN(3) {
		n := len(text)
		if n == 0 {
			return text
		}
		a, b := h.rnd.IntN(n), h.rnd.IntN(n)
		if a > b {
			a, b = b, a
		}
		switch h.rnd.IntN(10) {
		case 0:
			text = text[:b]
		case 1:
			text = text[a:]
		case 2:
			text = append(text[:b:b], text[a:]...)
		case 3:
			text = append(append(append(bytes.Clone(text[b:]), text[a:b]...), text[:a]...), '\n')
			text = bytes.TrimRight(text, "\n")
		case 4:
			text = h.insert(text, a, h.pick(insertion))
		case 5:
			text = h.replaceOne(spaces, text, h.pick(blanks))
		case 6:
			text = h.replaceOne(word, text, h.pick(words))
		case 7:
			text[a] = byte(h.rnd.IntN(256))
			text = bytes.ReplaceAll(text, []byte("\n"), []byte(" "))
		case 8:
			if h.rnd.IntN(40) == 0 {
				text = h.insert(text, a, strings.Repeat(h.pick([]string{"a", "1.", ":", " ", "[", "é", "from "}), 1<<(6+h.rnd.IntN(9))))
			}
		default:
			text = h.replaceOne(address, text, h.pick(addresses))
		}
	}
	return text
}

func (h *hostile) insert(text []byte, at int, what string) []byte {
	return append(append(text[:at:at], what...), text[at:]...)
}

// redate puts another date in front of a line, or takes the hour away.
func (h *hostile) redate(text []byte) []byte {
	switch h.rnd.IntN(4) {
	case 0:
		return h.replaceOne(clock, bytes.Clone(text), h.pick([]string{"", "24:61:61", "1:2:3", "١2:00:00", "12:00"}))
	case 1:
		return append([]byte(h.pick([]string{"UTC ", "CEST ", "Z ", "abc ", "[", "<13>"})), text...)
	}
	return append([]byte(h.date(h.pick(dateShapes))+" "), text...)
}
