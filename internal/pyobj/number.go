package pyobj

import (
	"math/big"
	"strconv"
	"strings"
)

// Int is Python's int() of a value, with the exception that Python raises.
func Int(v any) (int, error) {
	switch x := v.(type) {
	case int:
		return x, nil
	case bool:
		if x {
			return 1, nil
		}
		return 0, nil
	case float64:
		return int(x), nil
	case string:
		if n, err := strconv.Atoi(plainDigits(x)); err == nil {
			return n, nil
		}
		return 0, Builtin("ValueError", "invalid literal for int() with base 10: "+Repr(x))
	}
	return 0, Errorf("TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'", TypeName(v))
}

// AsFloat is Python's float() of a value, with the exception that Python raises.
func AsFloat(v any) (float64, error) {
	switch x := v.(type) {
	case float64:
		return x, nil
	case int, bool:
		n, err := Int(x)
		return float64(n), err
	case string:
		if f, err := strconv.ParseFloat(plainDigits(x), 64); err == nil && !strings.ContainsAny(x, "xXpP") {
			return f, nil
		}
		return 0, Builtin("ValueError", "could not convert string to float: "+Repr(x))
	}
	return 0, Errorf("TypeError", "float() argument must be a string or a real number, not '%s'", TypeName(v))
}

// plainDigits takes away what Python allows around and between digits; text
// where underscores stand wrong is made no number.
func plainDigits(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return ""
	}
	return strings.ReplaceAll(s, "_", "")
}

// TypeName is Python's name for the type of a value.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case []any, []string:
		return "list"
	case Tuple:
		return "tuple"
	case Set:
		return "set"
	case *Dict:
		return "dict"
	case *Exception:
		return v.Class
	}
	return "object"
}
