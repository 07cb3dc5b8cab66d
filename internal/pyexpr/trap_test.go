package pyexpr

import "testing"

func TestTrap15TimesAreReadAsFail2banReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"1M": "60", "1mo": "2629800.0", "1h30": "3630", "-1": "-1", "5 5 5": "", "": "",
	} {
		v, err := Seconds(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q gives %s, want an error", text, v)
		case want != "" && (err != nil || v.String() != want):
			t.Errorf("%q gives %s (%v), want %s", text, v, err, want)
		}
	}
}
