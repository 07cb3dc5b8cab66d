package manual_test

import (
	"os/exec"
	"strings"
	"testing"

	"stockade/internal/manual"
	"stockade/internal/testenv"
)

const hard = `.TH not a request \n \fB "quoted" -x ~ ^ ` + "`" + ` 'x'`

func page() string {
	p := manual.New("x", "1", "X 1.0", "does -x")
	p.Section(hard)
	p.Text(hard + "\n" + hard + "\n\n'second paragraph'")
	p.Subsection("Sub")
	p.Item(hard, hard)
	p.Usage("x [-y] FILE", hard)
	p.Example("  indented\n" + hard)
	return p.String()
}

func TestTextStandsOnThePageAsItIs(t *testing.T) {
	testenv.Need(t, "groff")
	cmd := exec.Command("groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c")
	cmd.Stdin = strings.NewReader(page())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v %s", err, stderr.String())
	}
	plain := overstrike(string(out))
	if n := strings.Count(plain, hard); n != 7 {
		t.Errorf("the text stands %d times on the page, want 7:\n%s", n, plain)
	}
}

// overstrike takes out how terminals of paper print bold.
func overstrike(text string) string {
	var b []rune
	for _, r := range text {
		if r == '\b' && len(b) > 0 {
			b = b[:len(b)-1]
			continue
		}
		b = append(b, r)
	}
	return string(b)
}

func FuzzPage(f *testing.F) {
	f.Add(hard)
	f.Fuzz(func(t *testing.T, text string) {
		p := manual.New("x", "1", "X", "x")
		before := strings.Count(p.String(), "\n.")
		p.Item("term", strings.ReplaceAll(text, "\n", " "))
		// The requests are the two of the item.
		if got := strings.Count(p.String(), "\n.") - before; got > 2 {
			t.Errorf("%q became a request:\n%s", text, p)
		}
	})
}
