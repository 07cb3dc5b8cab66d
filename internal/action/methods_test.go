package action

import (
	"fmt"
	"testing"

	"stockade/internal/pyobj"
)

// call sets a property or calls a method, and shows the answer as Python does.
func (b *bench) call(prop string, value any) string {
	type answer struct {
		value any
		err   error
	}
	done := make(chan answer, 1)
	b.set.SetProperty("x", prop, value, func(v any, err error) { done <- answer{v, err} })
	a := <-done
	if a.err != nil {
		return a.err.Error()
	}
	return pyobj.Repr(a.value)
}

func TestMethodsAndPropertiesAnswerAsTheReferenceDoes(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "true", "actionstart", "true", "actionflush", "true", "v", "1")
	const info = `{"aInfo": {"ip": "192.0.2.1", "family": "inet4"}}`
	for _, c := range []struct {
		prop  string
		value any
		want  string
	}{
		{"start", nil, "True"},
		{"stop", "{}", "True"},
		{"flush", nil, "True"},
		{"reload", `{"bogus":1}`, "True"},
		{"consistencyCheck", nil, "True"},
		{"start", `{"bogus":1}`, "CommandAction.start() got an unexpected keyword argument 'bogus'"},
		{"start", `[1]`, "fail2ban.server.action.CommandAction.start() argument after ** must be a mapping, not list"},
		{"start", `5`, "fail2ban.server.action.CommandAction.start() argument after ** must be a mapping, not int"},
		{"start", `x y`, "Expecting value: line 1 column 1 (char 0)"},
		{"start", `{`, "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
		{"start", `no json`, "Expecting value: line 1 column 1 (char 0)"},
		{"start", `"a \q"`, `Invalid \escape: line 1 column 4 (char 3)`},
		{"ban", `{"aInfo": "x"}`, "'str' object has no attribute 'get'"},
		{"start", `{"a":1`, "Expecting ',' delimiter: line 1 column 7 (char 6)"},
		{"ban", nil, "CommandAction.ban() missing 1 required positional argument: 'aInfo'"},
		{"ban", info, "None"},
		{"reban", info, "None"},
		{"prolong", info, "Error prolonging 192.0.2.1"},
		{"unban", info, "None"},
		{"replaceTag", "{}", "CommandAction.replaceTag() missing 2 required positional arguments: 'query' and 'aInfo'"},
		{"replaceTag", `{"query":"<a>","aInfo":{"a":"1"}}`, "'1'"},
		{"replaceDynamicTags", `{"realCmd":"<a>","aInfo":{"a":";"}}`, `['f2bV_a=$0 \n$f2bV_a', ';']`},
		{"escapeTag", `{"value":"a;b\n"}`, `'a\\;b\\n'`},
		{"executeCmd", `{"realCmd":"exit 3"}`, "False"},
		{"executeCmd", `{"realCmd":"true","timeout":3}`, "True"},
		{"actionban", "false", "'false'"},
		{"ban", info, "Error banning 192.0.2.1"},
		{"actionstart", "false", "'false'"},
		{"start", nil, "Error starting action Jail('j')/x: 'Script error'"},
		{"timeout", "1m", "60"},
		{"timeout", "abc", "name 'abc' is not defined"},
		{"timeout", 5, "5"},
		{"bantime", "7", "'CommandAction' object has no attribute 'bantime'"},
		{"norestored", true, "True"},
		{"z", nil, "None"},
		{"_hidden", "1", "'1'"},
		{"invalidateBanEpoch", nil, "None"},
		{"banEpoch", "7", "1"},
		{"clearAllParams", nil, "None"},
		{"v", "2", "'2'"},
	} {
		if got := b.call(c.prop, c.value); got != c.want {
			t.Errorf("set action x %s %v: %s, want %s", c.prop, c.value, got, c.want)
		}
	}
	names, err := b.set.Properties("x")
	want := "[ESCAPE_CRE ESCAPE_VN_CRE actionban actioncheck actionflush actionreban actionreload actionrepair actionstart actionstop actionunban banEpoch norestored timeout v z]"
	if fmt.Sprint(names) != want || err != nil {
		t.Errorf("properties %v, %v", names, err)
	}
	names, err = b.set.Methods("x")
	want = "[ban clearAllParams consistencyCheck escapeTag executeCmd flush invalidateBanEpoch prolong reban reload replaceDynamicTags replaceTag start stop unban]"
	if fmt.Sprint(names) != want || err != nil {
		t.Errorf("methods %v, %v", names, err)
	}
	for prop, want := range map[string]string{
		"timeout": "60", "_hidden": "'1'", "v": "'2'", "actionban": "''", "nofoo": "'CommandAction' object has no attribute 'nofoo'",
		"ESCAPE_VN_CRE": `"re.compile('\\\\W')"`, "ban": "cannot pickle '_thread.RLock' object",
	} {
		v, err := b.set.Property("x", prop)
		got := pyobj.Repr(v)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("get action x %s: %s, want %s", prop, got, want)
		}
	}
	if _, err := b.set.Property("nox", "foo"); err == nil || err.Error() != "'Invalid Action name: nox'" {
		t.Errorf("an unknown action: %v", err)
	}
	if err := b.set.Add("x", nil); err == nil || err.Error() != "Action x already exists" {
		t.Errorf("a second action x: %v", err)
	}
	if err := b.set.Delete("nox"); err == nil || err.Error() != "'Invalid Action name: nox'" {
		t.Errorf("delete an unknown action: %v", err)
	}
}
