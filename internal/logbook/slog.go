package logbook

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// handler writes the records of the standard library's logger into a book:
// the message, and the attributes behind it as name=value.
type handler struct {
	book   *Book
	logger string
	group  string
	attrs  string
}

func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return h.book.Enabled(levelOf(l)) }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, h.group, a)
		return true
	})
	h.book.Log(Record{Level: levelOf(r.Level), Logger: h.logger, Text: b.String(), Time: r.Time})
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		writeAttr(&b, h.group, a)
	}
	next := *h
	next.attrs = b.String()
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	next.group += name + "."
	return &next
}

// writeAttr writes one attribute; groups are written member by member.
func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, m := range v.Group() {
			writeAttr(b, group, m)
		}
		return
	}
	fmt.Fprintf(b, " %s%s=%s", group, a.Key, v)
}
