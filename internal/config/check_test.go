package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/internal/testenv"
)

// checkTree checks a folder as the program does.
func checkTree(dir string) []config.Finding {
	return config.Check(config.CheckOptions{
		Options: config.Options{Dir: dir},
		Expand:  filter.ExpandTags,
		Native: func(s config.ActionSource) (bool, string) {
			if s.Name == "changed" {
				return false, "it was changed"
			}
			return false, ""
		},
	})
}

// tree writes a small tree that has nothing to complain about but for the
// files given.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"fail2ban.conf":        "[Definition]\nloglevel = INFO\n",
		"jail.conf":            "[DEFAULT]\nlogpath = DIR/x.log\naction = ban\n[j]\nenabled = true\nfilter = f\n",
		"filter.d/f.conf":      "[Definition]\nfailregex = ^login from <HOST>$\n",
		"action.d/ban.conf":    "[Definition]\nactionban = ban <ip>\n",
		"action.d/report.conf": "[Definition]\nactionban = tell <ip>\nnorestored = 1\n",
		"x.log":                "x\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestACleanTreeHasNoFindings(t *testing.T) {
	if list := checkTree(tree(t, nil)); len(list) != 0 {
		t.Errorf("findings: %+v", list)
	}
}

func TestEachMistakeIsFoundAtItsPlace(t *testing.T) {
	local := func(text string) map[string]string { return map[string]string{"jail.local": "[j]\n" + text + "\n"} }
	for name, tc := range map[string]struct {
		files    map[string]string
		code     string
		severity config.Severity
		at       string // file:line below the folder
		says     string // part of text or cure
	}{
		"misspelt option":       {local("bantme = 1h"), "unknown-option", config.Warning, "jail.local:2", "did you mean bantime?"},
		"misspelt in filter":    {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^x <HOST>$\nignorregex = y\n"}, "unknown-option", config.Warning, "filter.d/f.conf:3", "ignoreregex"},
		"misspelt in action":    {map[string]string{"action.d/ban.conf": "[Definition]\nactionban = x\nactionunbann = y\n"}, "unknown-option", config.Warning, "action.d/ban.conf:3", "actionunban"},
		"comment in a value":    {local("maxretry = 5 # five"), "comment-in-value", config.Warning, "jail.local:2", "own line"},
		"swallowed section":     {map[string]string{"jail.local": "[j]\nmaxretry = 3\n  [k]\n  enabled = true\n"}, "swallowed-section", config.Warning, "jail.local:3", "remove the blanks"},
		"swallowed option":      {local("maxretry = 3\n   bantime = 1h"), "swallowed-option", config.Warning, "jail.local:3", "remove the blanks"},
		"nothing to read":       {map[string]string{"jail.conf": "[j]\nenabled = 1\nfilter = f\naction = ban\n"}, "nothing-to-read", config.Warning, "jail.conf:2", "logpath"},
		"missing log":           {local("logpath = /no/such.log"), "no-logs", config.Error, "jail.local:2", "waits"},
		"overridden later":      {map[string]string{"jail.local": "[j]\nbantime = 1h\n", "jail.d/z.local": "[j]\nbantime = 2h\n"}, "overridden", config.Warning, "jail.local:2", "z.local:2"},
		"no anchor":             {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = login from <HOST>$\n"}, "unanchored", config.Warning, "filter.d/f.conf:2", "login from 192.0.2.66"},
		"catch-all":             {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^user .* from <HOST>\n"}, "catch-all", config.Warning, "filter.d/f.conf:2", "192.0.2.66"},
		"catch-all in a list":   {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^ok <HOST>$\n\n  # note\n   ^user .*? from <HOST>\n"}, "catch-all", config.Warning, "filter.d/f.conf:5", ".*?"},
		"ambiguous":             {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^(?:a+)+x <HOST>$\n"}, "ambiguous-regex", config.Warning, "filter.d/f.conf:2", "doubles"},
		"bad regex":             {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^a <HOST>$\n  ^b (<HOST>$\n"}, "bad-regex", config.Error, "filter.d/f.conf:3", "close the group"},
		"truncated regex":       {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^a <HOST>$\n  ^b <HOST>\\\n"}, "bad-regex", config.Error, "filter.d/f.conf:3", "cut off"},
		"nobody named":          {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^a$\n"}, "no-host", config.Error, "filter.d/f.conf:2", "<HOST>"},
		"duplicate jail":        {map[string]string{"jail.local": "[k]\nenabled = 1\nfilter = f\n"}, "duplicate-jail", config.Warning, "jail.conf:2", "jails j and k"},
		"bad bantime":           {local("bantime = abc"), "bad-time", config.Error, "jail.local:2", "name 'abc' is not defined"},
		"tuple as bantime":      {local("bantime = 1d,12h"), "bad-time", config.Error, "jail.local:2", "1d 12h"},
		"bad formula":           {local("bantime.formula = ban.Time * (float ban.Count)"), "bad-formula", config.Error, "jail.local:2", "column 19"},
		"bad multipliers":       {local("bantime.multipliers = 1  2"), "bad-multipliers", config.Error, "jail.local:2", "exactly one blank"},
		"bad int":               {local("maxretry = five"), "bad-int", config.Error, "jail.local:2", "whole number"},
		"bad usedns":            {local("usedns = maybe"), "bad-word", config.Error, "jail.local:2", "raw"},
		"bad truth":             {local("ignoreself = ture"), "bad-truth", config.Warning, "jail.local:2", "true or false"},
		"bad backend":           {local("backend = pooling"), "bad-backend", config.Error, "jail.local:2", "polling"},
		"gamin":                 {local("backend = gamin"), "gamin", config.Notice, "jail.local:2", "auto"},
		"bad address":           {local("ignoreip = 10.0.0.1 10.0.0.0/33\n  1.2.3.400"), "bad-ignoreip", config.Warning, "jail.local:3", "not an address"},
		"never a name":          {local("never = 10.0.0.1 example.org"), "bad-never", config.Error, "jail.local:2", "ignoreip"},
		"wider than what":       {local("never_wider = 8"), "bad-never", config.Error, "jail.local:2", "8 16"},
		"misspelt switch":       {local("never_admin = no"), "unknown-option", config.Warning, "jail.local:2", "never_admins"},
		"blank in a path":       {map[string]string{"jail.local": "[j]\nlogpath = DIR/x.log odd\n"}, "bad-log-mode", config.Error, "jail.local:2", "head or tail"},
		"two actions":           {local("action = ban\n   ban[x=1]"), "duplicate-action", config.Error, "jail.local:3", "actname"},
		"command action":        {map[string]string{"action.d/changed.conf": "[Definition]\nactionban = x\n", "action.d/changed.local": "[Definition]\nactionban = y\n", "jail.local": "[j]\naction = changed\n"}, "runs-as-command", config.Notice, "action.d/changed.local:2", "it was changed"},
		"missing filter":        {local("filter = ff"), "missing-definition", config.Error, "jail.local:2", "did you mean f?"},
		"missing action":        {local("action = bann"), "missing-definition", config.Error, "jail.local:2", "did you mean ban?"},
		"bad report action":     {local("action = ban\n  report[x=\"1\", y=2"), "spec-syntax", config.Error, "jail.local:3", "close the bracket"},
		"missing reference":     {local("bantime = %(findtme)s\nfindtime = 1h"), "interpolation-name", config.Error, "jail.local:2", "did you mean %(findtime)s?"},
		"bare percent":          {local("ignoreip = 100%"), "interpolation-syntax", config.Error, "jail.local:2", "%%"},
		"duplicate option":      {local("maxretry = 1\nmaxretry = 2"), "duplicate-option", config.Error, "jail.local:3", "first on line 2"},
		"duplicate in a filter": {map[string]string{"filter.d/f.conf": "[Definition]\nfailregex = ^x <HOST>$\nfailregex = ^y <HOST>$\n"}, "duplicate-option", config.Error, "filter.d/f.conf:3", "remove one"},
		"line without =":        {local("maxretry 5"), "syntax", config.Error, "jail.local:2", "name = value"},
		"endless tag":           {map[string]string{"action.d/ban.conf": "[Definition]\nactionban = <x>\n[Init]\nx = <x>\n"}, "tag-recursion", config.Error, "action.d/ban.conf:2", "another name"},
		"bad quote":             {local("journalmatch = _A=\"b"), "journalmatch", config.Error, "jail.local:2", "close the quote"},
		"mta":                   {map[string]string{"action.d/sendmail-whois.conf": "[Definition]\nactionban = m\nnorestored = 1\n", "jail.local": "[j]\nmta = postfix\naction = ban\n  %(mta)s-whois\n"}, "mta", config.Notice, "jail.local:2", "sendmail-whois"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, tc.files)
			list := checkTree(dir)
			for _, f := range list {
				place := strings.TrimPrefix(f.Origin.String(), dir+"/")
				if f.Code == tc.code && f.Severity == tc.severity && place == tc.at && strings.Contains(f.Text+f.Cure, tc.says) {
					return
				}
			}
			var text bytes.Buffer
			if err := config.WriteText(&text, list); err != nil {
				t.Fatal(err)
			}
			t.Errorf("no %s %s at %s with %q among:\n%s", tc.severity, tc.code, tc.at, tc.says, text.String())
		})
	}
}

func TestFindingsAreSortedBySeverityAndDecideTheExitStatus(t *testing.T) {
	dir := tree(t, map[string]string{"jail.local": "[j]\nbackend = gamin\nbantme = 1h\nbantime = abc\n"})
	list := checkTree(dir)
	last := config.Error
	for _, f := range list {
		if f.Severity > last {
			t.Errorf("%s comes after %s", f.Severity, last)
		}
		last = f.Severity
	}
	if got := config.ExitStatus(list); got != 2 {
		t.Errorf("exit status %d", got)
	}
	if got := config.ExitStatus(list[1:2]); got != 1 || list[1].Severity != config.Warning {
		t.Errorf("exit status of a warning %d", got)
	}
	if got := config.ExitStatus(list[2:]); got != 0 {
		t.Errorf("exit status of a notice %d", got)
	}
	var out bytes.Buffer
	if err := config.WriteJSON(&out, list); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != len(list) || back[0]["severity"] != "error" || back[0]["line"] != 4.0 {
		t.Errorf("JSON %s, %v", out.String(), err)
	}
}

func TestFindingsCannotSteerATerminal(t *testing.T) {
	dir := tree(t, map[string]string{"jail.local": "[j]\nbantime = \x1b[2Jabc\x07\n"})
	var out bytes.Buffer
	if err := config.WriteText(&out, checkTree(dir)); err != nil || strings.ContainsAny(out.String(), "\x1b\x07") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestTheStockTreeHasNoUndeservedWarnings(t *testing.T) {
	for _, dir := range []string{testenv.Reference(t), testenv.Reference102(t)} {
		dir = filepath.Join(dir, "etc/fail2ban")
		for _, f := range checkTree(dir) {
			if f.Severity > config.Notice && f.Code != "no-logs" {
				t.Errorf("%s: %s", f.Origin, f.Code)
			}
		}
	}
}
