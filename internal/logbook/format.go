package logbook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"stockade/internal/pyobj"
)

// The stock formats. The blanks of padding make columns.
const (
	paddedFormat = "%(name)-24s[%(process)d]: %(levelname)-7s %(message)s"
	narrowFormat = "%(name)s[%(process)d]: %(levelname)s %(message)s"
	timeFormat   = "%(asctime)s "
)

// format writes a record as a Python format string says.
type format struct {
	pieces []piece
	pid    int
	// second and prefix remember the text of the latest second.
	second int64
	prefix []byte
	zone   *time.Location
}

// piece is literal text or one field with its width.
type piece struct {
	literal string
	field   string
	left    bool
	zero    bool
	width   int
	// limit cuts the text, -1 for none.
	limit int
}

// directive is one % of a Python format string.
var directive = regexp.MustCompile(`%(?:%|\((\w+)\)([-0 #+]*)(\d*)(?:\.(\d+))?([diouxXeEfFgGcrsa]))`)

// fields are those of Python's log records that have a meaning here. What
// names a place in the program is the logger's name.
var fields = map[string]bool{
	"asctime": true, "name": true, "process": true, "levelname": true, "levelno": true, "message": true,
	"created": true, "msecs": true, "thread": true, "threadName": true, "processName": true,
	"module": true, "funcName": true, "filename": true, "pathname": true, "lineno": true, "relativeCreated": true,
}

// parseFormat understands a format string. Python refuses one without any
// field; one with a field that no record has would fail at each record, so it
// is refused as well.
func parseFormat(text string, pid int) (*format, error) {
	f := &format{pid: pid, zone: time.Local}
	at, found := 0, false
	for _, m := range directive.FindAllStringSubmatchIndex(text, -1) {
		f.literal(text[at:m[0]])
		at = m[1]
		if m[2] < 0 {
			f.literal("%")
			continue
		}
		name, flags := text[m[2]:m[3]], text[m[4]:m[5]]
		if !fields[name] {
			return nil, pyobj.Builtin("ValueError", "Formatting field not found in record: "+pyobj.Repr(name))
		}
		p := piece{field: name, left: strings.Contains(flags, "-"), zero: strings.Contains(flags, "0"), limit: -1}
		p.width, _ = strconv.Atoi(text[m[6]:m[7]])
		if m[8] >= 0 {
			p.limit, _ = strconv.Atoi(text[m[8]:m[9]])
		}
		p.width = min(p.width, 1000)
		f.pieces = append(f.pieces, p)
		found = true
	}
	f.literal(text[at:])
	if !found {
		return nil, pyobj.Builtin("ValueError", "Invalid format "+pyobj.Repr(text)+" for '%' style")
	}
	return f, nil
}

func (f *format) literal(text string) {
	if text != "" {
		f.pieces = append(f.pieces, piece{literal: text})
	}
}

// append writes a record behind b, without a newline.
func (f *format) append(b []byte, r *Record) []byte {
	for i := range f.pieces {
		p := &f.pieces[i]
		if p.field == "" {
			b = append(b, p.literal...)
			continue
		}
		start := len(b)
		b = f.appendField(b, p.field, r)
		b = p.fit(b, start)
	}
	return b
}

// fit cuts and pads what was written since start.
func (p *piece) fit(b []byte, start int) []byte {
	if p.limit >= 0 && len(b)-start > p.limit {
		b = b[:start+p.limit]
	}
	missing := p.width - len(b) + start
	if missing <= 0 {
		return b
	}
	fill := byte(' ')
	if p.zero && !p.left {
		fill = '0'
	}
	for range missing {
		b = append(b, fill)
	}
	if !p.left {
		copy(b[start+missing:], b[start:len(b)-missing])
		for i := range missing {
			b[start+i] = fill
		}
	}
	return b
}

func (f *format) appendField(b []byte, field string, r *Record) []byte {
	switch field {
	case "asctime":
		return f.appendTime(b, r.Time)
	case "name":
		return append(b, r.Logger...)
	case "process", "thread":
		return strconv.AppendInt(b, int64(f.pid), 10)
	case "levelname":
		return append(b, r.Level.String()...)
	case "levelno":
		return strconv.AppendInt(b, int64(r.Level), 10)
	case "message":
		return append(b, r.Text...)
	case "created":
		return fmt.Appendf(b, "%.6f", float64(r.Time.UnixMicro())/1e6)
	case "msecs":
		return strconv.AppendInt(b, int64(r.Time.Nanosecond()/1e6), 10)
	case "lineno", "relativeCreated":
		return append(b, '0')
	case "threadName", "processName":
		return append(b, "MainThread"...)
	}
	return append(b, r.Logger...)
}

// appendTime writes the local time with milliseconds.
func (f *format) appendTime(b []byte, t time.Time) []byte {
	if s := t.Unix(); s != f.second || f.prefix == nil {
		f.second = s
		f.prefix = t.In(f.zone).AppendFormat(f.prefix[:0], "2006-01-02 15:04:05,")
	}
	b = append(b, f.prefix...)
	ms := t.Nanosecond() / 1e6
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}
