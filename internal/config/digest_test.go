package config

import (
	"os"
	"testing"
)

// Parameters of a .local file and those of a jail count alike: a stock action
// stays one. A command or a piece of one makes it the user's own.
func TestParametersLeaveAnActionWhatItIs(t *testing.T) {
	lib := os.DirFS("testdata/library")
	describe := func(local, params string) *ActionSource {
		t.Helper()
		dir := t.TempDir()
		writeFile(t, dir, "fail2ban.conf", "[Definition]\n")
		writeFile(t, dir, "jail.conf", "[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = /dev/null\naction = block"+params+"\n")
		if local != "" {
			writeFile(t, dir, "action.d/block.local", local)
		}
		tree, err := Load(Options{Dir: dir, Library: lib})
		if err != nil {
			t.Fatal(err)
		}
		result, err := tree.Stream("", Start)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range result.Stream {
			if c.Action != nil {
				return c.Action
			}
		}
		t.Fatal("no action")
		return nil
	}
	stock := describe("", "")
	if !stock.Library || stock.Digest == "" {
		t.Fatalf("%+v", stock)
	}
	for _, tt := range []struct {
		name, local, params string
		same                bool
	}{
		{"parameter in .local", "[Init]\nport = 1\nnew = x\n", "", true},
		{"parameter for a family in .local", "[Init?family=inet6]\nport = 1\n", "", true},
		{"parameter of the jail", "", "[port=1, new=x]", true},
		{"on demand or not", "", "[actionstart_on_demand=false]", true},
		{"command in .local", "[Definition]\nactionban = echo <ip>\n", "", false},
		{"piece in .local", "[Definition]\n_piece = x\n", "", false},
		{"default in .local", "[DEFAULT]\nx = y\n", "", false},
		{"command of the jail", "", "[actionban=echo]", false},
		{"piece of the jail", "", "[_piece=x]", false},
	} {
		got := describe(tt.local, tt.params)
		if same := got.Library && got.Digest == stock.Digest && got.Changed.IsZero(); same != tt.same {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if !tt.same && got.Changed.IsZero() {
			t.Errorf("%s: nothing says what was changed", tt.name)
		}
	}
}
