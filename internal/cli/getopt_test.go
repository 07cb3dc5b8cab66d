package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestOptionsAreReadAsByGetopt(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"-xf status -v", "[{-x } {-f }] [status -v]"},
		{"-c dir -s/x ping", "[{-c dir} {-s /x}] [ping]"},
		{"-xc dir", "[{-x } {-c dir}] []"},
		{"--logt=a --loglevel b -- -x", "[{--logtarget a} {--loglevel b}] [-x]"},
		{"--dp", "[{--dp }] []"},
		{"- x", "[] [- x]"},
		{"--log a", "error"},
		{"--lo", "error"},
		{"-z", "error"},
		{"-c", "error"},
		{"--conf", "error"},
		{"--test=1", "error"},
		{"-:", "error"},
	} {
		flags, rest, err := getopt(strings.Fields(tt.in), shortOptions, longOptions)
		got := fmt.Sprint(flags, " ", rest)
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestLinesAreSplitAsByAShell(t *testing.T) {
	for in, want := range map[string]string{
		`a 'b c' "d 'e'" f\ g`: `["a" "b c" "d 'e'" "f g"]`,
		`"\\ \" \n"`:           `["\\ \" \\n"]`,
		`''`:                   `[""]`,
		``:                     `[]`,
		`a'b'"c"`:              `["abc"]`,
		`'a`:                   `No closing quotation`,
		`a \`:                  `No escaped character`,
	} {
		words, err := shellWords(in)
		got := fmt.Sprintf("%q", words)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestHelpIsPrintedInTwoColumns(t *testing.T) {
	var b bytes.Buffer
	writeUsage(b.Write, usageLine{"get loglevel", "gets the level of the log, however long this takes to say"})
	writeUsage(b.Write, usageLine{"set <JAIL> unbanip [--report-absent] <IP> ... <IP>", "lifts"})
	writeUsage(b.Write, usageLine{"", "TITLE"})
	want := "    get loglevel                             gets the level of the log, however\n" +
		"                                             long this takes to say\n" +
		"    set <JAIL> unbanip [--report-absent] <IP> ... <IP>\n" +
		"                                             lifts\n" +
		"                                             TITLE\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzShellWords(f *testing.F) {
	f.Add(`a 'b' "c\" d" \e`)
	f.Fuzz(func(_ *testing.T, line string) { _, _ = shellWords(line) })
}

func FuzzGetopt(f *testing.F) {
	f.Add("-xc dir --logt=a -- b")
	f.Fuzz(func(_ *testing.T, line string) { _, _, _ = getopt(strings.Fields(line), shortOptions, longOptions) })
}
