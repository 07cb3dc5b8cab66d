package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// overLibrary reads a folder over the small library of the tests.
func overLibrary(t *testing.T, purpose Purpose, files map[string]string) (dir string, r *Result) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		writeFile(t, dir, name, text)
	}
	tree, err := Load(Options{Dir: dir, Explicit: true, Library: os.DirFS("testdata/library")})
	if err != nil {
		t.Fatal(err)
	}
	r, err = tree.Stream("", purpose)
	if err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func TestLoneJailLocalStandsOnTheLibrary(t *testing.T) {
	_, r := overLibrary(t, Dump, map[string]string{"jail.local": "[web]\nenabled = true\n"})
	for _, want := range []string{"['add', 'web', 'auto']", "['set', 'web', 'addfailregex', '^library <HOST>$']", "['start', 'web']"} {
		if !slices.Contains(Lines(r.Stream), want) {
			t.Errorf("no %s in\n%s", want, strings.Join(Lines(r.Stream), "\n"))
		}
	}
	for _, c := range r.Stream {
		if len(c.Words) > 2 && c.Words[2] == "addfailregex" && c.Rules[0].String() != "library:filter.d/web.conf:4" {
			t.Errorf("the regex stems from %s", c.Rules[0])
		}
		if c.Action != nil && (!c.Action.Library || c.Action.Digest == "") {
			t.Errorf("action %+v", c.Action)
		}
	}
}

func TestFilesOnDiskHideTheLibrarysOneByOne(t *testing.T) {
	_, r := overLibrary(t, Dump, map[string]string{
		"jail.local":            "[web]\nenabled = true\nignoreip = %(from)s\n",
		"filter.d/common.conf":  "[DEFAULT]\n__pre = mine\n",
		"action.d/block.local":  "[Definition]\nactionban = %(known/actionban)s too\n",
		"filter.d/web.d/x.conf": "[Definition]\nignoreregex = x\n",
	})
	for _, want := range []string{"['set', 'web', 'addfailregex', '^mine <HOST>$']", "['set', 'web', 'addignoreregex', 'x']", "['set', 'web', 'addignoreip', 'library']"} {
		if !slices.Contains(Lines(r.Stream), want) {
			t.Errorf("no %s in\n%s", want, strings.Join(Lines(r.Stream), "\n"))
		}
	}
	if line := r.lineOf("['multi-set', 'web', 'action', 'block'"); !strings.Contains(line, "'block <ip> too'") {
		t.Error(line)
	}
	for _, c := range r.Stream {
		if c.Action != nil && (c.Action.Library || c.Action.Changed.Line != 2) {
			t.Errorf("action %+v", c.Action)
		}
	}
}

func TestLibraryHasNoLocalsOrFolders(t *testing.T) {
	o := newOverlay("/no/such", os.DirFS("testdata/library"))
	if got := o.group("/no/such/jail"); len(got) != 1 || got[0] != "/no/such/jail.conf" {
		t.Errorf("group %v", got)
	}
}

func TestBackendAutoOfTheLibraryIsDecidedByTheServer(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "missing.log")
	_, r := overLibrary(t, Start, map[string]string{"jail.local": "[DEFAULT]\njournalmatch = _X=1\n[web]\nenabled = true\n[ssh]\nenabled = true\nlogpath = " + log + "\n"})
	pending := map[string]bool{}
	for _, c := range r.Stream {
		if len(c.Words) > 2 && c.Words[2] == "addlogpath" {
			if !c.Pending {
				t.Errorf("%v is not pending", c.Words)
			}
			pending[c.Words[3].(string)] = c.User
		}
	}
	if user, ok := pending["/no/such/library.log"]; !ok || user {
		t.Errorf("the library's log: %v", pending)
	}
	if user, ok := pending[log]; !ok || !user {
		t.Errorf("the user's log: %v", pending)
	}
	if line := r.lineOf("['add', 'web'"); line != "['add', 'web', 'auto']" {
		t.Error(line)
	}
}

func TestTestPassesWhereTheLibrarysJailReadsTheJournal(t *testing.T) {
	if _, r := overLibrary(t, Test, map[string]string{"jail.local": "[web]\nenabled = true\n"}); !r.Sound() {
		t.Errorf("-t fails: %v %+v", r.Refused, r.Findings)
	}
	if _, r := overLibrary(t, Test, map[string]string{"jail.local": "[web]\nenabled = true\nlogpath = /no/such.log\n"}); r.Sound() {
		t.Error("-t passes without the log file that the user named")
	}
}

func TestSidecarCarriesOrigins(t *testing.T) {
	_, r := overLibrary(t, Start, map[string]string{"jail.local": "[web]\nenabled = true\n[ssh]\nenabled = true\naction = block\n  x[\n"})
	var words []any
	for _, c := range r.Stream {
		words = append(words, c.Words)
	}
	back := ApplySidecar(words, EncodeSidecar(r.Stream))
	if a, b := Lines(r.Stream), Lines(back); !slices.Equal(a, b) {
		t.Errorf("the words changed:\n%s", diffLines(a, b))
	}
	for i := range back {
		a, b := r.Stream[i], back[i]
		if a.Origin != b.Origin || !slices.Equal(a.Rules, b.Rules) || a.Pending != b.Pending || a.User != b.User || a.Degrades != b.Degrades || (a.Action == nil) != (b.Action == nil) {
			t.Errorf("command %d: %+v became %+v", i, a, b)
		}
		if a.Action != nil && (a.Action.Digest != b.Action.Digest || !slices.Equal(a.Action.Files, b.Action.Files) || a.Action.Changed != b.Action.Changed) {
			t.Errorf("action %+v became %+v", a.Action, b.Action)
		}
	}
	for _, odd := range []any{nil, 1, "x", []any{}, []any{"stockade-1", 1, 2}, []any{"stockade-1", []any{1}, []any{[]any{[]any{0, 1, 2}, 3, 4, 5, 6, 7}}}} {
		ApplySidecar(words, odd)
	}
}

func TestFilterIsReadAlone(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "fail2ban.conf", "[Definition]\n")
	writeFile(t, dir, "filter.d/f.conf", "[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = ^a <mode> <HOST>$\n            %(more)s\nmore = ^b <HOST>$\nprefregex = ^p\nmaxlines = 3\njournalmatch = _A=1\n[Init]\nmode = normal\n")
	writeFile(t, dir, "filter.d/common.conf", "[DEFAULT]\nx = 1\n")
	writeFile(t, dir, "other/g.conf", "[Definition]\nfailregex = ^g <HOST>$\n")
	for _, name := range []string{"f", filepath.Join(dir, "filter.d/f.conf"), filepath.Join(dir, "filter.d/f")} {
		def, _, err := ReadFilter(Options{Dir: dir}, name, []Param{{"mode", "odd"}}, "j")
		if err != nil {
			t.Fatal(err)
		}
		if len(def.Failregex) != 2 || def.Failregex[0].Text != "^a odd <HOST>$" || def.MaxLines != 3 || def.Prefregex.Text != "^p" || len(def.JournalMatch) != 1 || len(def.Files) != 2 {
			t.Errorf("%s: %+v", name, def)
		}
		if def.Failregex[0].Origin.Line != 4 || def.Failregex[1].Origin.Line != 6 {
			t.Errorf("origins %v", def.Failregex)
		}
	}
	if def, _, err := ReadFilter(Options{Dir: dir}, filepath.Join(dir, "other/g.conf"), nil, "j"); err != nil || def.Failregex[0].Text != "^g <HOST>$" {
		t.Errorf("a filter elsewhere: %+v, %v", def, err)
	}
	if _, _, err := ReadFilter(Options{Dir: dir}, "nosuch", nil, "j"); err == nil {
		t.Error("no error for a missing filter")
	}
}

func TestFilterOfAJailHasTheJailsOwnRegexes(t *testing.T) {
	dir, _ := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 0\nfilter = f\nfailregex = %(known/failregex)s\n   ^own <HOST>$\nusedns = no\n"})
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	def, _, err := tree.JailFilter("j", "", nil)
	if err != nil || len(def.Failregex) != 2 || def.UseDNS != "no" || def.Failregex[1].Origin.Line != 5 {
		t.Errorf("%+v, %v", def, err)
	}
	if def.Failregex[0].Origin.File != filepath.Join(dir, "filter.d/f.conf") {
		t.Errorf("the filter's regex stems from %s", def.Failregex[0].Origin)
	}
	if _, _, err := tree.JailFilter("jj", "", nil); err == nil {
		t.Error("no error for a missing jail")
	}
}

func TestActionsAreKnownByTheirDigest(t *testing.T) {
	lib := os.DirFS("testdata/library")
	dir := t.TempDir()
	stock, err := DescribeAction(Options{Dir: dir, Library: lib}, "block")
	if err != nil || !stock.Library || !stock.Changed.IsZero() {
		t.Fatalf("%+v, %v", stock, err)
	}
	writeFile(t, dir, "action.d/block.conf", "# the same, with other comments\n[Definition]\nactionban = block <ip>\n")
	same, err := DescribeAction(Options{Dir: dir, Library: lib}, "block")
	if err != nil || same.Library || same.Digest != stock.Digest {
		t.Errorf("%+v, %v", same, err)
	}
	writeFile(t, dir, "action.d/block.local", "[Definition]\nactionban = other <ip>\n")
	changed, err := DescribeAction(Options{Dir: dir, Library: lib}, "block")
	if err != nil || changed.Digest == stock.Digest || changed.Changed.Line != 2 {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, err := DescribeAction(Options{Dir: dir, Library: lib}, "nosuch"); err == nil {
		t.Error("no error for a missing action")
	}
}
