package store

import (
	"errors"

	"stockade/internal/pyjson"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// errData is the error of a column that holds something else than an object.
var errData = errors.New("an object is expected")

// encodeData writes the column "data" of a ban: the last maxMatches matches
// (the key is absent where that is 0), the failures, and the captured fields
// that have a value.
func encodeData(t *ticket.Ticket, maxMatches int) []byte {
	size := 64
	matches := lastMatches(t.Matches, maxMatches)
	for i := range matches {
		m := &matches[i]
		size += len(m.Before) + len(m.Date) + len(m.After) + 16
	}
	b := append(make([]byte, 0, size), '{')
	if maxMatches > 0 {
		b = append(b, `"matches": `...)
		b = append(appendMatches(b, matches), ", "...)
	}
	b = append(b, `"failures": `...)
	b = pyjson.Append(b, t.Failures)
	for _, f := range t.Fields {
		if f.Value == nil {
			continue
		}
		b = append(pyjson.AppendString(append(b, ", "...), f.Name), ": "...)
		b = pyjson.Append(b, f.Value)
	}
	return append(b, '}')
}

func lastMatches(m []ticket.Match, limit int) []ticket.Match {
	if limit >= 0 && len(m) > limit {
		return m[len(m)-limit:]
	}
	return m
}

func appendMatches(b []byte, matches []ticket.Match) []byte {
	b = append(b, '[')
	for i := range matches {
		if i > 0 {
			b = append(b, ", "...)
		}
		m := &matches[i]
		if m.Joined {
			b = pyjson.AppendString(b, m.Text())
			continue
		}
		b = pyjson.AppendString(append(b, '['), m.Before)
		b = pyjson.AppendString(append(b, ", "...), m.Date)
		b = append(pyjson.AppendString(append(b, ", "...), m.After), ']')
	}
	return append(b, ']')
}

// decodeData reads the column "data" into a ticket. It takes whatever another
// program may have written there; a null is no data.
func decodeData(data []byte, t *ticket.Ticket) error {
	if len(data) == 0 {
		return nil
	}
	v, err := pyjson.Parse(string(data))
	if err != nil {
		return err
	}
	d, ok := v.(*pyobj.Dict)
	if !ok {
		if v == nil {
			return nil
		}
		return errData
	}
	for i := range d.Len() {
		key, value := d.At(i)
		switch name, _ := key.(string); name {
		case "matches":
			t.Matches = decodeMatches(value)
		case "failures":
			t.Failures, _ = value.(int)
		default:
			if value != nil {
				t.Fields = append(t.Fields, ticket.Field{Name: name, Value: value})
			}
		}
	}
	return nil
}

func decodeMatches(v any) []ticket.Match {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	matches := make([]ticket.Match, 0, len(list))
	for _, entry := range list {
		parts, ok := entry.([]any)
		if !ok {
			matches = append(matches, ticket.Match{After: pyobj.Str(entry), Joined: true})
			continue
		}
		if len(parts) == 3 {
			matches = append(matches, ticket.Match{Before: pyobj.Str(parts[0]), Date: pyobj.Str(parts[1]), After: pyobj.Str(parts[2])})
			continue
		}
		text := ""
		for _, part := range parts {
			text += pyobj.Str(part)
		}
		matches = append(matches, ticket.Match{After: text, Joined: true})
	}
	return matches
}
