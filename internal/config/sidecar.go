package config

import (
	"stockade/internal/pyobj"
)

// sidecarVersion is the first element of a sidecar. A server ignores any that
// it does not know.
const sidecarVersion = "stockade-1"

// EncodeSidecar packs what a stream knows beyond its words (origins, action
// sources, pending marks) into one value that travels as an extra word of
// server-stream and reload; the reference ignores extra words. It is a list of
// plain strings, ints, lists and None, with every file named once.
func EncodeSidecar(s Stream) any {
	e := sidecarEncoder{index: map[string]int{}}
	commands := make([]any, len(s))
	for i := range s {
		commands[i] = e.command(&s[i])
	}
	return []any{sidecarVersion, e.files, commands}
}

type sidecarEncoder struct {
	files []any
	index map[string]int
}

func (e *sidecarEncoder) file(o Origin) int {
	if o.File == "" {
		return -1
	}
	i, ok := e.index[o.File]
	if !ok {
		i = len(e.files)
		e.index[o.File] = i
		e.files = append(e.files, o.File)
	}
	return i
}

// origin is [file, line, library].
func (e *sidecarEncoder) origin(o Origin) any {
	return []any{e.file(o), o.Line, o.Library}
}

func (e *sidecarEncoder) command(c *Command) any {
	if c.Origin.IsZero() && len(c.Rules) == 0 && c.Action == nil && c.Degrades == "" {
		return nil
	}
	var rules []any
	for _, o := range c.Rules {
		rules = append(rules, e.origin(o))
	}
	var action any
	if a := c.Action; a != nil {
		var files []any
		for _, f := range a.Files {
			files = append(files, f)
		}
		action = []any{a.Name, files, a.Library, a.Digest, e.origin(a.Changed)}
	}
	return []any{e.origin(c.Origin), rules, action, c.Pending, c.User, c.Degrades}
}

// ApplySidecar gives bare commands, as they came over the wire, their origins
// back. Parts that do not fit are left out: a sidecar is a courtesy and changes
// nothing about what a server does.
func ApplySidecar(commands []any, sidecar any) Stream {
	out := make(Stream, len(commands))
	for i, c := range commands {
		out[i].Words = items(c)
	}
	parts := items(sidecar)
	if len(parts) != 3 || parts[0] != sidecarVersion {
		return out
	}
	d := sidecarDecoder{files: items(parts[1])}
	extras := items(parts[2])
	if len(extras) != len(out) {
		return out
	}
	for i, x := range extras {
		d.command(&out[i], items(x))
	}
	return out
}

// items gives the elements of a list or tuple, nil for anything else.
func items(v any) []any {
	switch x := v.(type) {
	case []any:
		return x
	case pyobj.Tuple:
		return x
	}
	return nil
}

type sidecarDecoder struct{ files []any }

func (d *sidecarDecoder) origin(v any) Origin {
	parts := items(v)
	if len(parts) != 3 {
		return Origin{}
	}
	n, _ := parts[0].(int)
	line, _ := parts[1].(int)
	library, _ := parts[2].(bool)
	if n < 0 || n >= len(d.files) {
		return Origin{}
	}
	file, _ := d.files[n].(string)
	return Origin{File: file, Line: line, Library: library}
}

func (d *sidecarDecoder) command(c *Command, parts []any) {
	if len(parts) != 6 {
		return
	}
	c.Origin = d.origin(parts[0])
	for _, o := range items(parts[1]) {
		c.Rules = append(c.Rules, d.origin(o))
	}
	if a := items(parts[2]); len(a) == 5 {
		c.Action = d.action(a)
	}
	c.Pending, _ = parts[3].(bool)
	c.User, _ = parts[4].(bool)
	c.Degrades, _ = parts[5].(string)
}

func (d *sidecarDecoder) action(a []any) *ActionSource {
	s := &ActionSource{Changed: d.origin(a[4])}
	s.Name, _ = a[0].(string)
	for _, f := range items(a[1]) {
		if name, ok := f.(string); ok {
			s.Files = append(s.Files, name)
		}
	}
	s.Library, _ = a[2].(bool)
	s.Digest, _ = a[3].(string)
	return s
}
