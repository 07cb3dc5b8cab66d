package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// The traps are numbered as in the behaviour specification; those that only a
// running server shows stand in other packages.

// trapTree writes a tree with one filter and one action and gives our result.
func trapTree(t *testing.T, files map[string]string) (dir string, r *Result) {
	t.Helper()
	dir = t.TempDir()
	all := map[string]string{
		"fail2ban.conf":   "[Definition]\n",
		"filter.d/f.conf": "[Definition]\nfailregex = ^x <HOST>$\n",
		"action.d/a.conf": "[Definition]\nactionban = ban <ip>\n",
		"x.log":           "",
	}
	for name, text := range files {
		all[name] = strings.ReplaceAll(text, "DIR", dir)
	}
	for name, text := range all {
		writeFile(t, dir, name, text)
	}
	r, err := readTree(dir, Dump)
	if err != nil {
		r = &Result{Refused: err}
	}
	return dir, r
}

// lineOf finds the command that begins with a text.
func (r *Result) lineOf(head string) string {
	for _, line := range Lines(r.Stream) {
		if strings.HasPrefix(line, head) {
			return line
		}
	}
	return ""
}

// expect wants lines in the stream, and that the reference gives the same.
func expect(t *testing.T, dir string, r *Result, lines ...string) {
	t.Helper()
	got := Lines(r.Stream)
	for _, line := range lines {
		if !slices.Contains(got, line) {
			t.Errorf("no line %s in:\n%s", line, strings.Join(got, "\n"))
		}
	}
	sameAsReference(t, dir, r)
}

// sameAsReference wants the verdict "same" where the reference is to be had.
func sameAsReference(t *testing.T, dir string, r *Result) {
	t.Helper()
	out, _ := testenv.Program(testenv.Reference(t), "client", "-c", dir, "-d").Output()
	if d := diffLines(strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), Lines(r.Stream)); d != "" {
		t.Errorf("not the reference's stream:\n%s", d)
	}
}

// referenceRefuses wants that the reference fails as a whole.
func referenceRefuses(t *testing.T, dir, mode string) {
	t.Helper()
	out, err := testenv.Program(testenv.Reference(t), "client", "-c", dir, mode).Output()
	if err == nil || !strings.HasPrefix(string(out), "ERROR: ") {
		t.Errorf("the reference accepts the tree:\n%s", out)
	}
}

func TestTrap01HashIsNoInlineCommentAndSemicolonNeedsABlank(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\nignoreip = 1.1.1.1 # x\nfindtime = 10m;x\nmaxretry = 3 ; y\n"})
	expect(t, dir, r, "['set', 'j', 'addignoreip', '1.1.1.1', '#', 'x']", "['set', 'j', 'findtime', '10m;x']", "['set', 'j', 'maxretry', 3]")
}

func TestTrap02LocalBeatsConfAndTheFolderBeatsBoth(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf": "[j]\nenabled = 1\nfilter = f\nbantime = 1\n", "jail.d/b.conf": "[j]\nbantime = 2\n",
		"jail.local": "[j]\nbantime = 3\n", "jail.d/a.local": "[j]\nbantime = 4\n",
	})
	expect(t, dir, r, "['set', 'j', 'bantime', '4']")
	dir, r = trapTree(t, map[string]string{
		"jail.conf": "[j]\nenabled = 1\nfilter = f\nbantime = 1\n", "jail.d/zz.conf": "[j]\nbantime = 2\n", "jail.local": "[j]\nbantime = 3\n",
	})
	expect(t, dir, r, "['set', 'j', 'bantime', '3']")
}

func TestTrap03DuplicateOptionCostsItsSectionOnly(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j1]\nenabled = 1\nenabled = 1\n[j2]\nenabled = 1\nfilter = f\n"})
	referenceRefuses(t, dir, "-d")
	if !slices.Equal(r.Good, []string{"j2"}) || !slices.Equal(r.Bad, []string{"j1"}) || r.Refused == nil {
		t.Errorf("good %v, bad %v, refused %v", r.Good, r.Bad, r.Refused)
	}
	if line := r.lineOf("['config-error', "); !strings.Contains(line, "jail.conf:3: option") || !strings.Contains(line, "first on line 2") {
		t.Errorf("the error says %s", line)
	}
}

func TestTrap04InterpolationIsLazy(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[off]\nignoreip = %(nosuch)s\n[j]\nenabled = 1\nfilter = f\n"})
	expect(t, dir, r, "['start', 'j']")
	dir, r = trapTree(t, map[string]string{"jail.conf": "[off]\nfilter = %(nosuch)s\n[j]\nenabled = 1\nfilter = f\n"})
	referenceRefuses(t, dir, "-d")
	if r.Refused == nil || !slices.Equal(r.Good, []string{"j"}) {
		t.Errorf("good %v, refused %v", r.Good, r.Refused)
	}
}

func TestTrap05OtherSectionsAreReadInTheNamespaceOfTheAsker(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[other]\nfoo = bar %(baz)s\nbaz = inother\n[j1]\nenabled = 1\nfilter = f\nbaz = inj1\nignorecommand = %(other/foo)s\n"})
	expect(t, dir, r, "['set', 'j1', 'ignorecommand', 'bar inj1']")
}

func TestTrap06KnownWorksInDefaultAndInChains(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf": "[DEFAULT]\nignoreip = 1.1.1.1\n[j]\nenabled = 1\nfilter = f\n", "jail.local": "[DEFAULT]\nignoreip = %(known/ignoreip)s 10.0.0.1\n",
	})
	referenceRefuses(t, dir, "-d")
	if line := r.lineOf("['set', 'j', 'addignoreip'"); line != "['set', 'j', 'addignoreip', '1.1.1.1', '10.0.0.1']" {
		t.Error(line)
	}
	dir, r = trapTree(t, map[string]string{
		"jail.conf": "[j]\nenabled = 1\nfilter = f\nignoreip = 1\n", "jail.local": "[j]\nignoreip = %(known/ignoreip)s 2\n", "jail.d/b.local": "[j]\nignoreip = %(known/ignoreip)s 3\n",
	})
	referenceRefuses(t, dir, "-d")
	if line := r.lineOf("['set', 'j', 'addignoreip'"); line != "['set', 'j', 'addignoreip', '1', '2', '3']" || r.Refused != nil {
		t.Error(line, r.Refused)
	}
}

func TestTrap07SlashFormsAreLowerCaseOnly(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[Other]\nfoo = 1\n[j]\nenabled = 1\nfilter = f\nignoreip = %(Other/foo)s\n"})
	referenceRefuses(t, dir, "-d")
	if r.Refused == nil || len(r.Bad) != 1 || !strings.Contains(r.Findings[len(r.Findings)-1].Cure, "lower case") {
		t.Errorf("%v %+v", r.Refused, r.Findings)
	}
}

func TestTrap08EmptyOptionOverridesTheFilter(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\nfailregex =\n"})
	expect(t, dir, r)
	if line := r.lineOf("['set', 'j', 'addfailregex'"); line != "" {
		t.Error(line)
	}
}

func TestTrap09InitMaxlinesBeatsTheJail(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf": "[j]\nenabled = 1\nfilter = f\nmaxlines = 3\n", "filter.d/f.conf": "[Definition]\nfailregex = ^x <HOST>$\n[Init]\nmaxlines = 10\n",
	})
	expect(t, dir, r, "['set', 'j', 'maxlines', 3]", "['set', 'j', 'maxlines', 10]")
}

func TestTrap10PlainParameterOverridesTheConditionalOne(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf":       "[j]\nenabled = 1\nfilter = f\naction = a[blocktype=DROP]\n",
		"action.d/a.conf": "[Definition]\nactionban = <blocktype>\n[Init]\nblocktype = REJECT\n[Init?family=inet6]\nblocktype = REJECT6\n",
	})
	expect(t, dir, r, "['multi-set', 'j', 'action', 'a', [['actionban', '<blocktype>'], ['blocktype', 'DROP'], ['name', 'j'], ['actname', 'a'], ['blocktype?family=inet6', 'DROP']]]")
}

func TestTrap11SeveralActionsOnOneLine(t *testing.T) {
	files := map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\naction = a b\n", "action.d/b.conf": "[Definition]\nactionban = y\n"}
	dir, r := trapTree(t, files)
	expect(t, dir, r, "['set', 'j', 'addaction', 'a']", "['set', 'j', 'addaction', 'b']")
	files["jail.conf"] = "[j]\nenabled = 1\nfilter = f\naction = a [p=1]\n"
	dir, r = trapTree(t, files)
	expect(t, dir, r, `['config-error', "Jail 'j' skipped, because of wrong configuration: Unable to read action 'a '"]`)
}

func TestTrap12MissingLogFilesStopOnlyTheTest(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j1]\nenabled = 1\nfilter = f\nlogpath = /no/such.log\n[j2]\nenabled = 1\nfilter = f\nlogpath = DIR/x.log\n"})
	expect(t, dir, r, "['start', 'j1']", "['start', 'j2']")
	referenceRefuses(t, dir, "-t")
	if r, err := readTree(dir, Test); err != nil || r.Refused == nil || r.Refused.Error() != "Have not found any log file for 'j1' jail." {
		t.Errorf("-t says %v, %v", r.Refused, err)
	}
	r, err := readTree(dir, Start)
	if err != nil || r.Refused != nil || r.lineOf("['set', 'j1', 'addlogpath', '/no/such.log', 'head']") == "" {
		t.Errorf("start does not wait for the file: %v, %v", r.Refused, err)
	}
}

func TestTrap12SkipIfNoLogs(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j1]\nenabled = 1\nfilter = f\nlogpath = /no/such.log\nskip_if_nologs = 1\n[j2]\nenabled = 1\nfilter = f\n"})
	expect(t, dir, r, `['config-error', "Jail 'j1' skipped, because of missing log files."]`)
	if r, err := readTree(dir, Test); err != nil || r.Refused != nil {
		t.Errorf("-t fails: %v, %v", r.Refused, err)
	}
}

func TestTrap13BadTimeIsSentForTheServerToJudge(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j1]\nenabled = 1\nfilter = f\n[j2]\nenabled = 1\nfilter = f\nbantime = abc\n"})
	expect(t, dir, r, "['set', 'j2', 'bantime', 'abc']", "['start', 'j2']")
}

func TestTrap14BlankInALogPath(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\nlogpath = DIR/x.log ace.log\n"})
	expect(t, dir, r, "['set', 'j', 'addlogpath', '"+filepath.Join(dir, "x.log")+"', 'ace.log']")
}

func TestTrap25JailOptionsReachActionsButFreeVariablesDoNot(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf":       "[j]\nenabled = 1\nfilter = f\nmaxretry = 7\nport = 99\naction = a\n",
		"action.d/a.conf": "[Definition]\nactionban = <maxretry> <port>\n[Init]\nport = 1\n",
	})
	expect(t, dir, r, "['multi-set', 'j', 'action', 'a', [['actionban', '7 1'], ['name', 'j'], ['actname', 'a'], ['port', '1']]]")
}

func TestTrap26NameIsTheJailsAndChainTheActionsOwn(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf":       "[DEFAULT]\nchain = <known/chain>\n[j]\nenabled = 1\nfilter = f\naction = a[chain=\"%(chain)s\"]\n",
		"action.d/a.conf": "[Definition]\nactionban = <chain> <name>\n[Init]\nchain = INPUT\nname = default\n",
	})
	expect(t, dir, r, "['multi-set', 'j', 'action', 'a', [['actionban', 'INPUT j'], ['chain', '<known/chain>'], ['name', 'j'], ['actname', 'a']]]")
}

func TestTrap28FilterParameterNamedLikePartOfDatepattern(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f[date=5]\n"})
	expect(t, dir, r)
	if line := r.lineOf("['set', 'j', 'date'"); line != "" {
		t.Error(line)
	}
}

func TestTrap30UndecodableFileRefusesTheConfiguration(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\n", "jail.local": "[j]\n\n# caf\xe9\n"})
	referenceRefuses(t, dir, "-d")
	if r.Refused == nil || !strings.Contains(r.Refused.Error(), filepath.Join(dir, "jail.local")+":3: not UTF-8") {
		t.Errorf("refused: %v", r.Refused)
	}
}

func TestKnownWholeNumbersCanBeReferredTo(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf": "[j]\nenabled = 1\nfilter = f\nmaxretry = %(known/maxlines)s\n", "filter.d/f.conf": "[Definition]\nfailregex = ^x <HOST>$\nmaxlines = 4\n",
	})
	referenceRefuses(t, dir, "-d")
	if line := r.lineOf("['set', 'j', 'maxretry'"); line != "['set', 'j', 'maxretry', 4]" {
		t.Error(line)
	}
}

func TestIncludeLoopThroughAnotherSpellingEnds(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf": "[INCLUDES]\nbefore = sub/b.conf\n[j]\nenabled = 1\nfilter = f\n", "sub/b.conf": "[INCLUDES]\nbefore = ../jail.conf\n[DEFAULT]\nmaxretry = 2\n",
	})
	referenceRefuses(t, dir, "-d")
	if line := r.lineOf("['set', 'j', 'maxretry'"); line != "['set', 'j', 'maxretry', 2]" {
		t.Error(line)
	}
}

func TestGaminIsTakenAsAuto(t *testing.T) {
	_, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\nbackend = gamin\n"})
	if line := r.lineOf("['add', 'j'"); line != "['add', 'j', 'auto']" || len(r.Findings) == 0 {
		t.Error(line, r.Findings)
	}
}

func TestBrokenActionCostsOnlyItselfWhileAnotherEnforces(t *testing.T) {
	dir, r := trapTree(t, map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\naction = a\n  report[x=\"1\", y=\"2\"\n[k]\nenabled = 1\nfilter = f\naction = a[p\n"})
	if !slices.Equal(r.Good, []string{"j"}) || !slices.Equal(r.Degraded, []string{"j"}) || !slices.Equal(r.Bad, []string{"k"}) {
		t.Errorf("good %v, degraded %v, bad %v", r.Good, r.Degraded, r.Bad)
	}
	at := filepath.Join(dir, "jail.conf") + ":5"
	if line := r.lineOf("['config-error', "); !strings.Contains(line, at) || !strings.Contains(line, "j") {
		t.Errorf("the error does not say %s: %s", at, line)
	}
	if a := r.Stream[slices.IndexFunc(r.Stream, func(c Command) bool { return c.Degrades != "" })]; a.Degrades != "j" {
		t.Errorf("%+v", a)
	}
}

func TestAnyMailTransferAgentHasTheMailActions(t *testing.T) {
	_, r := trapTree(t, map[string]string{
		"jail.conf":                     "[DEFAULT]\nmta = postfix\n[j]\nenabled = 1\nfilter = f\naction = a\n  %(mta)s-whois[dest=x]\n",
		"action.d/sendmail-whois.conf":  "[Definition]\nactionban = mail <dest>\nnorestored = 1\n",
		"action.d/sendmail-common.conf": "[Definition]\n",
	})
	if line := r.lineOf("['multi-set', 'j', 'action', 'sendmail-whois'"); !strings.Contains(line, "'mail x'") || len(r.Bad) > 0 {
		t.Errorf("%v, %s", r.Bad, line)
	}
}

func TestMissingFolderIsAnErrorOnlyWhenNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := Load(Options{Dir: dir, Explicit: true}); err == nil || err.Error() != "Base configuration directory "+dir+" does not exist " {
		t.Errorf("error %v", err)
	}
	if _, err := Load(Options{Dir: dir}); err == nil {
		t.Error("no error without a library")
	}
	if _, err := Load(Options{Dir: dir, Library: os.DirFS("testdata/library")}); err != nil {
		t.Errorf("with a library: %v", err)
	}
}
