package python

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"

	"stockade/internal/pyobj"
)

// fault is an exception of the far end.
type fault struct {
	Module string          `json:"module"`
	Class  string          `json:"class"`
	Args   json.RawMessage `json:"args"`
	Text   string          `json:"text"`
	Trace  string          `json:"trace"`
}

// exception makes of it what a client of the server sees. Classes of the user's
// own become the nearest that every client knows.
func (f *fault) exception() error {
	e := &pyobj.Exception{Module: f.Module, Class: f.Class, Args: pyobj.Tuple{f.Text}}
	if args, err := decode(f.Args); err == nil {
		if t, ok := args.(pyobj.Tuple); ok {
			e.Args = t
		}
	}
	if e.Module != "builtins" && e.Module != "json.decoder" {
		e.Module, e.Class, e.Args = "builtins", "RuntimeError", pyobj.Tuple{f.Class + ": " + f.Text}
	}
	return &Exception{Exception: e, Text: f.Text, Trace: f.Trace}
}

// Exception is what a class raised.
type Exception struct {
	*pyobj.Exception
	// Text is the exception as Python's str() shows it, Trace where it came from.
	Text, Trace string
}

func (e *Exception) Error() string { return e.Text }

// Unwrap gives the exception as a client sees it.
func (e *Exception) Unwrap() error { return e.Exception }

// encode makes JSON of a value, with a mark where JSON has no such type, as
// host.py does.
func encode(v any) any {
	switch v := v.(type) {
	case int64:
		return encode(int(v))
	case int:
		if v > -1<<53 && v < 1<<53 {
			return v
		}
		return map[string]any{"int": strconv.Itoa(v)}
	case *big.Int:
		return map[string]any{"int": v.String()}
	case float64:
		return map[string]any{"float": pyobj.Float(v)}
	case []byte:
		return map[string]any{"bytes": base64.StdEncoding.EncodeToString(v)}
	case []any:
		return encodeAll(v)
	case pyobj.Tuple:
		return map[string]any{"tuple": encodeAll(v)}
	case pyobj.Set:
		return map[string]any{"set": encodeAll(v)}
	case *pyobj.Dict:
		pairs := []any{}
		for _, k := range v.Keys() {
			value, _ := v.Get(k)
			pairs = append(pairs, []any{encode(k), encode(value)})
		}
		return map[string]any{"dict": pairs}
	}
	return v
}

func encodeAll(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = encode(v)
	}
	return out
}

// decode reads what host.py wrote.
func decode(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("read a value: %w", err)
	}
	return plain(v)
}

func plain(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return int(v), nil // all others carry a mark
	case []any:
		return plainAll(v)
	case map[string]any:
		for kind, content := range v {
			return marked(kind, content)
		}
	}
	return v, nil
}

func plainAll(list []any) ([]any, error) {
	out := make([]any, len(list))
	for i, v := range list {
		var err error
		if out[i], err = plain(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// marked reads a value whose type is told by its mark.
func marked(kind string, content any) (any, error) {
	text, _ := content.(string)
	list, _ := content.([]any)
	switch kind {
	case "int":
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return n, nil
		}
	case "float":
		return strconv.ParseFloat(text, 64)
	case "bytes":
		return base64.StdEncoding.DecodeString(text)
	case "tuple":
		all, err := plainAll(list)
		return pyobj.Tuple(all), err
	case "set":
		all, err := plainAll(list)
		return pyobj.Set(all), err
	case "dict":
		return dict(list)
	}
	return nil, fmt.Errorf("a value marked as %q: %.100v", kind, content)
}

func dict(pairs []any) (any, error) {
	d := pyobj.NewDict()
	for _, pair := range pairs {
		p, ok := pair.([]any)
		if !ok || len(p) != 2 {
			return nil, fmt.Errorf("a pair of a dictionary: %.100v", pair)
		}
		both, err := plainAll(p)
		if err != nil {
			return nil, err
		}
		d.Set(both[0], both[1])
	}
	return d, nil
}
