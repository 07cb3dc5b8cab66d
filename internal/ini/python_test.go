package ini

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// randomLines writes a file of lines that are each a little wrong or odd.
func randomLines(rnd *rand.Rand) string {
	pick := func(words string) string {
		list := strings.Split(words, "|")
		return list[rnd.IntN(len(list))]
	}
	var b strings.Builder
	if rnd.IntN(8) > 0 {
		b.WriteString("[" + pick("a|DEFAULT|b c|x]y|A") + "]\n")
	}
	for range rnd.IntN(12) {
		b.WriteString(pick("||||| |  |\t|    |\u00a0|\x1c|\v"))
		switch rnd.IntN(9) {
		case 0:
			b.WriteString("[" + pick("a|b|c|DEFAULT|] [|d?e|x;y| s") + "]" + pick("|| x| ; c|]"))
		case 1:
			b.WriteString(pick("#|;|# x = 1|; y|#|;;"))
		case 2:
		case 3:
			b.WriteString(pick("word|two words|é|[|]|[]|%"))
		default:
			b.WriteString(pick("x|Y|z1|a b|É|k.l|p-q|w_|m|n|o|r|s|t|u") + pick("=| = |:|: | =|==") + pick("1|a ; b|a;b|# c|a # c||é ü|=|[v]|  x  |\u2003|;|a\u0085b|x\u2028y"))
		}
		b.WriteString(pick("\n|\n|\n|\n|\r\n|\r|\n\n"))
	}
	return b.String()
}

// plain gives a file as the Python program does.
func plain(f *File) []any {
	sections := []any{[]any{DefaultSection, []any{}}}
	for _, s := range f.Sections {
		options := []any{}
		for _, o := range s.Options {
			options = append(options, []any{o.Name, o.Text})
		}
		if s.Name == DefaultSection {
			sections[0] = []any{DefaultSection, options}
			continue
		}
		sections = append(sections, []any{s.Name, options})
	}
	return sections
}

func TestRandomTextsAreReadAsByPython(t *testing.T) {
	python := testenv.Talk(t, testenv.PythonCommand(t, "testdata/python.py"))
	in, replies := python.In, python.Out
	rnd := rand.New(rand.NewPCG(7, 7))
	n, good := 5000, 0
	if testenv.Full() {
		n = 200_000
	}
	for range n {
		text := randomLines(rnd)
		question, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(question, '\n')); err != nil {
			t.Fatal(err)
		}
		reply, err := replies.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(reply, &want); err != nil {
			t.Fatal(err)
		}
		f, faults := ParseString("f", text)
		if (want == nil) != (len(faults) > 0) {
			t.Errorf("%q: Python %v; faults %v", text, want, faults)
			continue
		}
		if want != nil {
			good++
			if got := any(plain(f)); !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %v; Python %v", text, got, want)
			}
		}
	}
	t.Logf("%d texts, %d of them well-formed", n, good)
}
