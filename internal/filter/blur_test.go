package filter

import (
	"math/rand/v2"
	"testing"

	"stockade/internal/pyre"
)

// blurSlowly says byte by byte what blur should give.
func blurSlowly(text []byte) string {
	out := append([]byte(nil), text...)
	letter := true
	for i, b := range text {
		if '0' <= b && b <= '9' && !letter {
			out[i] = '0'
		}
		letter = pyre.KeepsDigit(b)
	}
	return string(out)
}

func TestBlurKeepsAllButDigitsThatStandAlone(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"7":                         "7",
		"77":                        "70",
		"a12 34":                    "a10 00",
		"from 192.0.2.1 port 22 x9": "from 000.0.0.0 port 00 x9",
		"sshd12345678901234":        "sshd10000000000000",
		"[12] (12) é12":             "[10] (00) é10",
	} {
		if got := string(blur(nil, []byte(text))); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	const letters = "0123456789059/:;@AZ[`az{ \x00\x7f\x80\xb0\xb9\xc1\xe1\xff"
	for range 200_000 {
		text := make([]byte, random.IntN(40))
		for i := range text {
			if text[i] = letters[random.IntN(len(letters))]; random.IntN(8) == 0 {
				text[i] = byte(random.IntN(256))
			}
		}
		if got, want := string(blur(nil, text)), blurSlowly(text); got != want {
			t.Fatalf("%q becomes %q, want %q", text, got, want)
		}
	}
}
