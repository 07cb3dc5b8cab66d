package pickle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kisielk/og-rek"
	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

// The two libraries are those that the known exporters use: what one of them
// writes we must read, and what we write they must read.

func TestRequestsOfOgRekAreRead(t *testing.T) {
	for _, request := range [][]string{{"ping", "100"}, {"status"}, {"get", "sshd", "banip", "--with-time"}, {"set", "sshd", "banip", "2001:db8::é"}} {
		for protocol := range 6 {
			var b bytes.Buffer
			if err := ogórek.NewEncoderWithConfig(&b, &ogórek.EncoderConfig{Protocol: protocol}).Encode(request); err != nil {
				t.Fatal(err)
			}
			got, err := Loads(b.Bytes(), Limits{})
			if want := pyobj.Repr(request); err != nil || pyobj.Repr(got) != want {
				t.Errorf("protocol %d: %s, %v, want %s (%x)", protocol, pyobj.Repr(got), err, want, b.Bytes())
			}
		}
	}
}

// status is a reply as exporters read it.
var status = pyobj.Tuple{0, []any{
	pyobj.Tuple{"Filter", []any{pyobj.Tuple{"Currently failed", 1}, pyobj.Tuple{"Total failed", 70000}, pyobj.Tuple{"File list", []any{"/var/log/auth.log"}}}},
	pyobj.Tuple{"Actions", []any{pyobj.Tuple{"Currently banned", 2}, pyobj.Tuple{"Total banned", -2}, pyobj.Tuple{"Banned IP list", []any{"192.0.2.1", "2001:db8::1"}}}},
}}

func TestRepliesAreReadByOgRek(t *testing.T) {
	v, err := ogórek.NewDecoder(bytes.NewReader(Dumps(status))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v); !strings.Contains(got, "{Currently failed 1}") && !strings.Contains(got, "[Currently failed 1]") {
		t.Error(got)
	}
}

func TestRepliesAreReadByGopickle(t *testing.T) {
	v, err := pickle.Loads(string(Dumps(status)))
	if err != nil {
		t.Fatal(err)
	}
	rows := v.(*types.Tuple).Get(1).(*types.List)
	filter := rows.Get(0).(*types.Tuple).Get(1).(*types.List)
	if n, ok := filter.Get(1).(*types.Tuple).Get(1).(int); !ok || n != 70000 {
		t.Errorf("%v is no Go int", filter.Get(1))
	}
	var unknown strings.Builder
	u := pickle.NewUnpickler(bytes.NewReader(Dumps(pyobj.Tuple{1, pyobj.UnknownJail("x")})))
	u.FindClass = func(module, name string) (any, error) {
		unknown.WriteString(module + "." + name)
		return &types.GenericClass{Module: module, Name: name}, nil
	}
	if _, err := u.Load(); err == nil && unknown.String() != "fail2ban.exceptions.UnknownJailException" {
		t.Error(unknown.String())
	}
}

// vector is one exchange recorded between the reference's client and server.
type vector struct {
	ID            string          `json:"id"`
	Group         string          `json:"group"`
	RequestArgs   any             `json:"request_args"`
	RequestHex    string          `json:"request_hex"`
	ResponseHex   string          `json:"response_hex"`
	ResponseTyped json.RawMessage `json:"response_typed"`
}

// recorded reads the recorded exchanges, which hold texts of the reference's
// configuration and are therefore not part of this repository.
func recorded(t *testing.T) []vector {
	t.Helper()
	path, ok := testenv.Shared(t, "spec/protocol-vectors.json")
	if !ok {
		testenv.Skip(t, "the recorded exchanges of the protocol are not beside the repository")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

const terminator = "3c4632425f454e445f434f4d4d414e443e"

func TestRecordedExchangesAreReadAndWritten(t *testing.T) {
	same, requests := 0, 0
	for _, v := range recorded(t) {
		if body, ok := strings.CutSuffix(v.RequestHex, terminator); ok && v.RequestArgs != nil {
			b := unhex(t, body)
			got, err := Loads(b, Limits{})
			if err != nil {
				if len(v.ResponseHex) > 0 && !strings.Contains(string(unhex(t, v.ResponseHex)), "ERROR: ") {
					t.Errorf("%s request: %v", v.ID, err)
				}
				continue
			}
			requests++
			if bytes.Equal(Dumps(got), b) {
				same++
			} else if list, _ := got.([]any); v.Group != "raw" && len(list) > 0 && list[0] != "reload" {
				// Older protocols are sent raw, and in streams Python shares fewer
				// texts than we do.
				t.Errorf("%s is written as %x, not %x", v.ID, Dumps(got), b)
			}
		}
		if body, ok := strings.CutSuffix(v.ResponseHex, terminator); ok && !strings.Contains(body, terminator) {
			got, err := Loads(unhex(t, body), Limits{Calls: true})
			if err != nil && err.Error() == "global 're._compile' is forbidden" {
				continue // the compiled expression that is a property of every action
			}
			if err != nil {
				t.Errorf("%s reply: %v", v.ID, err)
				continue
			}
			var typed any
			decoder := json.NewDecoder(bytes.NewReader(v.ResponseTyped))
			decoder.UseNumber()
			if err := decoder.Decode(&typed); err != nil {
				t.Fatal(err)
			}
			if want := pyobj.Repr(untype(typed)); pyobj.Repr(got) != want {
				t.Errorf("%s\n got %s\nwant %s", v.ID, pyobj.Repr(got), want)
			}
		}
	}
	t.Logf("%d of %d requests are written byte for byte as recorded", same, requests)
}

// untype turns the notation of the recording into values.
func untype(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = untype(v[i])
		}
		return v
	case map[string]any:
		if t, ok := v["__tuple__"]; ok {
			return pyobj.Tuple(untype(t).([]any))
		}
		if pairs, ok := v["__dict__"]; ok {
			d := &pyobj.Dict{}
			for _, p := range untype(pairs).([]any) {
				d.Set(p.([]any)[0], p.([]any)[1])
			}
			return d
		}
		return call2(v)
	}
	return v
}

// call2 is the notation of a call: str gives its argument, a class an exception.
func call2(v map[string]any) any {
	name, _ := v["__global__"].(string)
	args, _ := untype(v["args"]).([]any)
	if name == "builtins.str" && len(args) == 1 {
		return args[0]
	}
	at := strings.LastIndexByte(name, '.')
	return &pyobj.Exception{Module: name[:max(at, 0)], Class: name[at+1:], Args: args}
}
