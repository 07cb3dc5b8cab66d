package api

import (
	"encoding/json"
	"math"
	"math/big"

	"stockade/internal/pyobj"
)

// toJSON turns a reply object into what JSON has: tuples and sets become
// arrays, dicts objects.
func toJSON(v any) any {
	switch v := v.(type) {
	case []any:
		return listJSON(v)
	case pyobj.Tuple:
		return listJSON(v)
	case pyobj.Set:
		return listJSON(v)
	case []string:
		return append([]string{}, v...)
	case *pyobj.Dict:
		object := make(map[string]any, v.Len())
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			object[pyobj.Str(k)] = toJSON(item)
		}
		return object
	case []byte:
		return string(v)
	case *big.Int:
		return json.Number(v.String())
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return pyobj.Str(v)
		}
	case *pyobj.Exception:
		return map[string]any{"class": v.Class, "args": listJSON(v.Args)}
	}
	return v
}

func listJSON(items []any) []any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = toJSON(item)
	}
	return list
}

// fromJSON turns a decoded JSON value into a request element.
func fromJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64()
		return f
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = fromJSON(item)
		}
		return list
	case map[string]any:
		d := &pyobj.Dict{}
		for k, item := range v {
			d.Set(k, fromJSON(item))
		}
		return d
	}
	return v
}
