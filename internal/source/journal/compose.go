package journal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Composer makes lines of entries. It keeps its memory from one to the next.
type Composer struct {
	values [wantedFields][]byte
	packed []byte // the values
}

// The fields that make a line.
const (
	fieldHost = iota
	fieldIdentifier
	fieldComm
	fieldSyslogPID
	fieldPID
	fieldMessage
	fieldRealtime
	fieldMonotonic
	wantedFields
)

var fieldNames = [wantedFields]string{
	"_HOSTNAME=", "SYSLOG_IDENTIFIER=", "_COMM=", "SYSLOG_PID=", "_PID=", "MESSAGE=",
	"_SOURCE_REALTIME_TIMESTAMP=", "_SOURCE_MONOTONIC_TIMESTAMP=",
}

// Compose appends the line of an entry to dst: host, identifier with its
// process number and a colon, for the kernel the time since boot, and the
// message, in Fail2ban's form. It returns the time of the entry too: that of
// its source, else that of its arrival.
func (c *Composer) Compose(dst []byte, e *Entry) ([]byte, time.Time, error) {
	if err := c.collect(e); err != nil {
		return dst, time.Time{}, err
	}
	start := len(dst)
	dst = append(dst, c.values[fieldHost]...)
	dst = c.identifier(dst, start, e)
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	dst = append(dst, c.values[fieldMessage]...)
	dst = escapeNewlines(dst, start)
	micros := e.Realtime
	if n, err := strconv.ParseUint(string(c.values[fieldRealtime]), 10, 63); err == nil {
		micros = n
	}
	return dst, time.UnixMicro(int64(micros)), nil
}

// collect finds the fields that are wanted; those that come several times are
// joined by blanks.
func (c *Composer) collect(e *Entry) error {
	c.packed = c.packed[:0]
	for i := range c.values {
		c.values[i] = nil
	}
	for i := range e.Len() {
		p, err := e.Field(i)
		if err != nil {
			return err
		}
		which := wanted(p)
		if which < 0 {
			continue
		}
		// Copied, as a later field may be unpacked into the same memory.
		n := len(c.packed)
		if c.values[which] != nil {
			c.packed = append(append(c.packed, c.values[which]...), ' ')
		}
		c.packed = append(c.packed, p[len(fieldNames[which]):]...)
		c.values[which] = c.packed[n:len(c.packed):len(c.packed)]
	}
	return nil
}

func wanted(p []byte) int {
	if len(p) == 0 || p[0] != '_' && p[0] != 'S' && p[0] != 'M' {
		return -1
	}
	for i, name := range fieldNames {
		if len(p) >= len(name) && string(p[:len(name)]) == name {
			return i
		}
	}
	return -1
}

// identifier appends "name[pid]:".
func (c *Composer) identifier(dst []byte, start int, e *Entry) []byte {
	name := c.values[fieldIdentifier]
	if len(name) == 0 {
		name = c.values[fieldComm]
	}
	if len(name) == 0 {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	begun := len(dst)
	dst = append(dst, name...)
	pid := processNumber(c.values[fieldSyslogPID])
	if pid == "" {
		pid = processNumber(c.values[fieldPID])
	}
	if pid != "" {
		dst = append(append(append(dst, '['), pid...), ']')
	}
	dst = append(dst, ':')
	if string(dst[begun:]) == "kernel:" {
		micros, err := strconv.ParseUint(string(c.values[fieldMonotonic]), 10, 63)
		if err != nil {
			micros = e.Monotonic
		}
		dst = fmt.Appendf(dst, " [%5d.%06d]", micros/1e6, micros%1e6)
	}
	return dst
}

// processNumber is a process number as it is shown: integers in decimal, also
// those that were written as 0x10, other text as it is. A zero is none.
func processNumber(v []byte) string {
	text := string(v)
	if len(text) > 0 && text[0] >= '1' && strings.Trim(text, "0123456789") == "" {
		return text
	}
	// What Python's int() takes becomes a number at once, and zero is then none.
	plain := strings.TrimSpace(text)
	if n, err := strconv.ParseInt(strings.ReplaceAll(plain, "_", ""), 10, 64); err == nil && !badUnderscores(plain) {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	if n, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	return text
}

// badUnderscores says that underscores stand where Python does not allow them.
func badUnderscores(s string) bool {
	return strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__")
}

// escapeNewlines writes each newline from start on as a backslash and an n.
func escapeNewlines(b []byte, start int) []byte {
	if bytes.IndexByte(b[start:], '\n') < 0 {
		return b
	}
	line := bytes.ReplaceAll(b[start:], []byte{'\n'}, []byte{'\\', 'n'})
	return append(b[:start], line...)
}

// Stamper writes the time before a journal line in matches: ISO with the
// offset of its zone and one blank, microseconds only where there are any. It
// remembers the second it wrote last.
type Stamper struct {
	second     int64
	head, tail string
	valid      bool
}

// Stamp gives the text of a time.
func (s *Stamper) Stamp(t time.Time) string {
	if second := t.Unix(); !s.valid || second != s.second {
		s.second, s.valid = second, true
		t = t.Local()
		s.head, s.tail = t.Format("2006-01-02T15:04:05"), t.Format("-07:00 ")
	}
	micros := t.Nanosecond() / 1000
	if micros == 0 {
		return s.head + s.tail
	}
	var digits [7]byte
	for i := 6; i > 0; i-- {
		digits[i] = byte('0' + micros%10)
		micros /= 10
	}
	digits[0] = '.'
	return s.head + string(digits[:]) + s.tail
}
