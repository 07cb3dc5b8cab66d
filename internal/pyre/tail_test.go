package pyre

import "testing"

func TestEndsOfTextsThatCannotMatchAreSeen(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{`^.*"(?:Bot|Spider 1\.0)"$`, `GET "Bot"`, true},
		{`^.*"(?:Bot|Spider 1\.0)"$`, "GET \"Spider 1.0\"\n", true},
		{`^.*"(?:Bot|Spider 1\.0)"$`, `GET "Spider 2.0.1"`, false},
		{`^.*"(?:Bot|Spider 1\.0)"$`, `0"`, false},
		{`^a.*(?i:end)$`, "a the eNd\n", true},
		{`^a.*(?i:disk)$`, "a dis\u212a", true},
		{`^a.*(?i:end)$`, "a the and\n", false},
		{`^a.*(?i:end)\Z`, "a the end\n", false},
		{`^a.*end(?: of it)?$`, "a the end of it", true},
		{`^a.*end(?: of it)?$`, "a the end of us", false},
		{`^a.*x(?:ab)+$`, "axabab", true},
		{`^a.*x(?:ab)*$`, "ax", true},
		{`^a.*x(?:ab)*$`, "az", true}, // too short to say so
		{`^a.*end\s*$`, "a the end  ", true},
		{`^a\n$`, "a\n\n", true},
		{`^a$`, "b", true},
	} {
		re := mustCompile(t, c.pattern, 0)
		if got := re.EndFits([]byte(c.text)); got != c.fits {
			t.Errorf("%s on %q: fits %v, want %v", c.pattern, c.text, got, c.fits)
		}
	}
}
