package pickle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"stockade/internal/pyobj"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKnownMessages(t *testing.T) {
	tests := []struct {
		name, hex string
		want      any
		again     bool // Dumps gives the same bytes
	}{
		{"ping", "8005950b000000000000005d948c0470696e6794612e", []any{"ping"}, true},
		{"pong", "8005950c000000000000004b008c04706f6e679486942e", pyobj.Tuple{0, "pong"}, true},
		{"byte strings of protocol 2", "800228550470696e6755033130306c2e", []any{"ping", "100"}, false},
		{"str calls", "8005952c000000000000004b005d94288c086275696c74696e73948c037374729493948c09 3139322e302e322e31 9485945294 6803 8c0130948594526586942e", pyobj.Tuple{0, []any{"192.0.2.1", "0"}}, false},
		{"unknown jail", "80054b018c136661696c3262616e2e657863657074696f6e73948c14556e6b6e6f776e4a61696c457863657074696f6e9493948c066e6f6a61696c94859452948694 2e", pyobj.Tuple{1, pyobj.UnknownJail("nojail")}, false},
		{"exception of protocol 2", "80024b0163 6275696c74696e730a 457863657074696f6e0a 5802000000 6e6f 8552862e", pyobj.Tuple{1, pyobj.Builtin("Exception", "no")}, false},
		{"text protocol", "286c70300a53 2770696e67270a 70310a 614931320a61 4930310a 61 46312e350a 61 56e92020750a 61 4c31324c0a 61 2e", []any{"ping", 12, true, 1.5, "é  u", 12}, false},
	}
	for _, tt := range tests {
		b := unhex(t, tt.hex)
		got, err := Loads(b, Limits{Calls: true})
		if err != nil || pyobj.Repr(got) != pyobj.Repr(tt.want) {
			t.Errorf("%s: %v, %v; want %s", tt.name, pyobj.Repr(got), err, pyobj.Repr(tt.want))
		}
		if tt.again && !bytes.Equal(Dumps(tt.want), b) {
			t.Errorf("%s: written as %x", tt.name, Dumps(tt.want))
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	for in, want := range map[string]string{
		"":          "Ran out of input",
		"status\n":  "unpickling stack underflow",
		"\xff":      `invalid load key, '\xff'.`,
		"\x80\x06]": "unsupported pickle protocol: 6",
		"\x80\x05\x95\xff\x00\x00\x00\x00\x00\x00\x00]": "pickle data was truncated",
		"]q\x00h\x00a.":                              "pickle holds an object that contains itself",
		"cposix\nsystem\n(S'id'\ntR.":                "global 'posix.system' is forbidden",
		"\x80\x04\x8c\x05posix\x8c\x06getpid\x93)R.": "global 'posix.getpid' is forbidden",
		"(S'a'\niposix\nsystem\n.":                   "calls are forbidden",
		"K\x01K\x02R.":                               "calls are forbidden",
		"]}b.":                                       "calls are forbidden",
		"\x82\x01.":                                  "calls are forbidden",
	} {
		if _, err := Loads([]byte(in), Limits{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestRepliesMayOnlyCallWhatIsShown(t *testing.T) {
	for in, want := range map[string]string{
		"cposix\nsystem\n(S'id'\ntR.":     "global 'posix.system' is forbidden",
		"cbuiltins\neval\n(S'1'\ntR.":     "global 'builtins.eval' is forbidden",
		"cbuiltins\nstr\n.":               "global 'builtins.str' is forbidden",
		"K\x01)R.":                        "'int' object is not callable",
		"cbuiltins\nException\n)\x81.":    "calls are forbidden",
		"(S'a'\nibuiltins\nException\n.":  "calls are forbidden",
		"cbuiltins\nException\nS'no'\nR.": "argument list must be a tuple",
	} {
		if _, err := Loads([]byte(in), Limits{Calls: true}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// bomb nests lists that each hold the one before ten times: nine levels are a
// billion elements when printed.
func bomb(levels int) []byte {
	var b bytes.Buffer
	b.WriteString("(K\x01lq\x00")
	for i := range levels {
		b.WriteByte('0')
		b.WriteByte('(')
		for range 10 {
			fmt.Fprintf(&b, "h%c", byte(i))
		}
		fmt.Fprintf(&b, "lq%c", byte(i+1))
	}
	b.WriteByte('.')
	return b.Bytes()
}

func TestBoundsHold(t *testing.T) {
	for name, in := range map[string][]byte{
		"pickle holds too many objects":     bytes.Repeat([]byte("N"), 1<<21),
		"pickle is nested too deeply":       append(append(bytes.Repeat([]byte("]"), 300), bytes.Repeat([]byte("a"), 299)...), '.'),
		"pickle holds too many objects ":    bomb(9),
		"pickle holds too many objects  ":   append([]byte("]"), bytes.Repeat([]byte("\x94"), 1<<21)...),
		"pickle holds too many objects   ":  bytes.Repeat([]byte("("), 1<<21),
		"pickle holds too many objects    ": append([]byte("\x8b\x00\x10\x00\x00"), make([]byte, 5000)...),
	} {
		if _, err := Loads(in, Limits{}); err == nil || err.Error() != strings.TrimSpace(name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := Loads(bomb(3), Limits{})
	if err != nil || len(pyobj.Repr(v)) < 3000 {
		t.Errorf("a small one is a value: %v", err)
	}
}

func TestSharedListSeesLaterItems(t *testing.T) {
	v, err := Loads([]byte("(]q\x00h\x00K\x07al."), Limits{})
	if err != nil || pyobj.Repr(v) != "[[7], [7]]" {
		t.Errorf("%s, %v", pyobj.Repr(v), err)
	}
}

func FuzzLoads(f *testing.F) {
	for _, s := range []string{
		"8005950b000000000000005d948c0470696e6794612e", "800228550470696e6755033130306c2e",
		"80024b0163" + "6275696c74696e730a" + "457863657074696f6e0a" + "58020000006e6f8552862e",
		"286c70300a532770696e67270a70310a614931320a612e", "7d288c01614b018c01624e752e", "8f284b014b01902e",
	} {
		f.Add(unhex(f, s))
	}
	f.Add(bomb(3))
	lim := Limits{Objects: 10000, Expanded: 10000, Calls: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Loads(b, lim)
		if err != nil {
			return
		}
		again, err := Loads(Dumps(v), Limits{Calls: true, Depth: 1000})
		if err != nil {
			t.Fatalf("%x: what was read cannot be read again: %v", b, err)
		}
		if x, y := pyobj.Repr(v), pyobj.Repr(again); x != y {
			t.Fatalf("%x: %s became %s", b, x, y)
		}
	})
}

func BenchmarkLoadsStream(b *testing.B) {
	data := Dumps(stream())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Loads(data, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDumpsStream(b *testing.B) {
	v := stream()
	b.ReportAllocs()
	for b.Loop() {
		Dumps(v)
	}
}

// stream is a configuration stream of 100 jails.
func stream() any {
	var commands []any
	for i := range 100 {
		jail := fmt.Sprintf("jail%d", i)
		commands = append(commands, []any{"add", jail, "auto"})
		for k := range 40 {
			commands = append(commands, []any{"set", jail, "option", k, fmt.Sprintf("value %d of %d", k, i)})
		}
	}
	return []any{"server-stream", commands}
}
