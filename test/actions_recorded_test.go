package acceptance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/testenv"
)

// recordedActions are stock actions for systems that are not here. What they
// call is recorded by programs that only write it down.
var recordedActions = []struct {
	name, params string
	programs     []string
}{
	{"apf", "", []string{"apf"}},
	{"csf", "", []string{"csf"}},
	{"shorewall", "blocktype=drop", []string{"shorewall", "shorewall6"}},
	{"pf", `port="22,80", tablename=mine`, []string{"pfctl"}},
	{"pf", `actiontype="<allports>", protocol=udp`, []string{"pfctl"}},
	{"ipfw", "port=22", []string{"ipfw"}},
	{"osx-ipfw", "rulenum=10001", []string{"ipfw"}},
}

// recorder writes its name, words and input. Listings show what ipfw would.
const recorder = `#!/bin/sh
{ echo "$(basename "$0") $*"; case " $* " in *" -f"*) cat;; esac; } >> DIR/trace
case "$*" in *list*) echo "00200 deny tcp from 192.0.2.1 to me 22";; esac
`

// TestRecordedActionsCallTheSame runs the same events with the reference's file
// and with ours, and compares the calls.
func TestRecordedActionsCallTheSame(t *testing.T) {
	for i, a := range recordedActions {
		if i > 0 && !testenv.Full() {
			break
		}
		t.Run(strings.TrimSpace(a.name+" "+a.params), func(t *testing.T) {
			want := recorded(t, a.name, a.params, a.programs, theirFiles)
			got := recorded(t, a.name, a.params, a.programs, ourFiles)
			if len(want) < 2 {
				t.Fatalf("nothing was called: %q", want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("theirs -, ours +\n%s", diff)
			}
		})
	}
}

func recorded(t *testing.T, name, params string, programs []string, files func(*testing.T, *instance)) []string {
	t.Helper()
	in := stage(t, &stockAction{name: name, params: params}, way{"", stockade, files, "never"})
	mkdir(t, in.path("bin"))
	for _, p := range programs {
		in.write(t, "bin/"+p, recorder)
		if err := os.Chmod(filepath.Join(in.dir, "bin", p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", in.path("bin")+":"+os.Getenv("PATH"))
	in.start(t)
	for _, e := range []event{
		{"ban", func(t *testing.T, in *instance) { in.ask(t, "set", "j", "banip", "192.0.2.1") }, []string{"ban 192.0.2.1"}},
		{"ban v6", func(t *testing.T, in *instance) { in.ask(t, "set", "j", "banip", "2001:db8::1") }, []string{"ban 2001:db8::1"}},
		{"unban", func(t *testing.T, in *instance) { in.ask(t, "set", "j", "unbanip", "192.0.2.1") }, []string{"unban 192.0.2.1"}},
	} {
		in.happen(t, e)
	}
	in.ask(t, "stop")
	in.gone(t)
	var calls []string
	for line := range strings.Lines(in.trace()) {
		line = strings.ReplaceAll(strings.Join(strings.Fields(line), " "), in.dir, "DIR")
		// How ipfw's listings are searched is each one's own affair.
		if !strings.HasPrefix(line, "ipfw delete") {
			calls = append(calls, line)
		}
	}
	// Two programs of one pipe may come in any order, and rules in one file or two.
	slices.Sort(calls)
	return slices.Compact(calls)
}
