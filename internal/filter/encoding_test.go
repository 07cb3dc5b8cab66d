package filter

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// decodeScript decodes bytes as Python does, replacing what is invalid.
const decodeScript = `
import codecs, json, sys
for request in sys.stdin:
    enc, data = json.loads(request)
    try:
        codecs.lookup(enc)
        answer = bytes(data).decode(enc, "replace")
    except LookupError as e:
        answer = [str(e)]
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
`

// TestEncodingsAgreeWithPython decodes all bytes and random ones with the
// single-byte codecs and the Unicode ones.
func TestEncodingsAgreeWithPython(t *testing.T) {
	python := testenv.Talk(t, testenv.PythonCommand(t, "-c", decodeScript))
	in, answers := python.In, json.NewDecoder(python.Out)
	ask := func(enc string, data []byte) any {
		list := make([]int, len(data))
		for i, b := range data {
			list[i] = int(b)
		}
		b, err := json.Marshal([]any{enc, list})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(b, '\n')); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := answers.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var every []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	names := "utf-8 UTF8 u8 utf_8_sig ascii us-ascii latin1 ISO-8859-1 iso8859-2 iso-8859-5 iso8859_7 ISO_8859-15 cp437 850 cp866 windows-1250 cp1251 cp1252 1253 cp1254 cp1257 cp1258 koi8-r KOI8_U mac-roman utf-16-le utf-16be utf-16 utf-32-le"
	for _, name := range strings.Fields(names) {
		e, err := LookupEncoding(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		inputs := [][]byte{every, []byte("plain text")}
		for range 30 {
			b := make([]byte, 4*(1+rnd.IntN(8)))
			for i := range b {
				b[i] = byte(rnd.IntN(256))
				if strings.Contains(name, "16") && i%2 == 1-strings.Count(strings.ToLower(name), "be") || strings.Contains(name, "32") && i%4 > 0 {
					// Surrogates are told apart differently; text is what counts here.
					b[i] = 0
				}
			}
			inputs = append(inputs, b)
		}
		for _, b := range inputs {
			if len(b)%e.Unit() != 0 || e.Unit() > 1 && len(b) == len(every) {
				continue
			}
			got, _ := e.Decode(nil, b)
			if want := ask(name, b); want != string(got) {
				a, b := []rune(string(got)), []rune(want.(string))
				for i := range min(len(a), len(b)) {
					if a[i] != b[i] {
						t.Errorf("%s: character %d is %q, want %q", name, i, a[i], b[i])
					}
				}
				break
			}
		}
	}
	for _, name := range []string{"nope", "", "mbcs", "utf-8-x"} {
		want := ask(name, nil)
		_, err := LookupEncoding(name)
		if list, ok := want.([]any); !ok || err == nil || list[0] != err.Error() {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

func TestInvalidBytesAreReportedOnceADay(t *testing.T) {
	f := newFilter(t, nil, `^x <HOST>`)
	line := Line{Text: []byte("x 1.2.3.4 \xff")}
	fails, info := f.Process(noon, line)
	if len(fails) != 1 || len(info.Records) == 0 || !strings.Contains(info.Records[0].Text, `b'x 1.2.3.4 \xff'`) {
		t.Errorf("%v %v", fails, info.Records)
	}
	if _, info = f.Process(noon, line); strings.Contains(texts2(info), "xff") {
		t.Errorf("reported again: %v", info.Records)
	}
	if _, info = f.Process(noon.Add(repeat), line); !strings.Contains(texts2(info), "xff") {
		t.Errorf("not reported the next day: %v", info.Records)
	}
}

func texts2(info Info) string {
	var b strings.Builder
	for _, r := range info.Records {
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}

func TestUTF16Lines(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		if err := f.SetLogEncoding("utf-16-le"); err != nil {
			t.Fatal(err)
		}
	}, `^x <HOST>$`)
	var raw []byte
	for _, c := range []byte("x 1.2.3.4") {
		raw = append(raw, c, 0)
	}
	if got := ids(t, f, string(raw)); got != "1.2.3.4" {
		t.Errorf("got %q", got)
	}
	if split := f.Split(); split == nil || split([]byte("a\x00\n\x00b\x00")) != 4 {
		t.Error("lines of UTF-16 are not told apart")
	}
}

func TestLocaleEncoding(t *testing.T) {
	for env, want := range map[string]string{
		"": "UTF-8", "LANG=C": "UTF-8", "LANG=en_US.UTF-8": "UTF-8", "LANG=de_DE.ISO-8859-1": "ISO-8859-1", "LC_ALL=de_DE.ISO-8859-15@euro": "ISO-8859-15", "LANG=x.nope": "UTF-8",
	} {
		get := func(name string) string {
			k, v, _ := strings.Cut(env, "=")
			if k == name {
				return v
			}
			return ""
		}
		if got := LocaleEncoding(get); got != want {
			t.Errorf("%q: %s, want %s", env, got, want)
		}
	}
}
