package config

import "testing"

func TestKnownOptionsOfAFilterAreReadWithoutParameters(t *testing.T) {
	dir, r := trapTree(t, map[string]string{
		"jail.conf":       "[j]\nenabled = 1\nfilter = f[foo=x]\nignoreip = %(known/failregex)s - %(known/baz)s - %(known/foo)s\n",
		"filter.d/f.conf": "[Definition]\nfailregex = a <bar> <BAR> <baz> %(bar)s\nfoo = 5\nbar = %(foo)s\nbaz = <bar>\n",
	})
	expect(t, dir, r, "['set', 'j', 'addfailregex', 'a x x x x']", "['set', 'j', 'addignoreip', 'a', '5', 'x', '5', 'x', '-', '5', '-', 'x']")
}

func TestFaultInAPassedOptionOfTheFilesStillCounts(t *testing.T) {
	for _, files := range []map[string]string{
		{"jail.conf": "[j]\nenabled = 1\nfilter = f[failregex=x]\n", "filter.d/f.conf": "[Definition]\nfailregex = %(nosuch)s\n"},
		{"jail.conf": "[j]\nenabled = 1\nfilter = f[foo=x]\n", "filter.d/f.conf": "[Definition]\nfailregex = a\nbar = %(foo)s\n"},
		{"jail.conf": "[j]\nenabled = 1\nfilter = f\nfailregex = x\n", "filter.d/f.conf": "[Definition]\nfailregex = %(nosuch)s\n"},
	} {
		dir, r := trapTree(t, files)
		referenceRefuses(t, dir, "-d")
		if r.Refused == nil || len(r.Bad) != 1 {
			t.Errorf("%v: %v, %v", files, r.Refused, r.Bad)
		}
	}
}
