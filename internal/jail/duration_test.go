package jail

import "testing"

func TestDurationsReadAsTheReferencePrintsThem(t *testing.T) {
	for seconds, want := range map[int64]string{
		-1: "-1s", 0: "0", 4: "4s", 60: "1m", 61: "1m 1s", 600: "10m", 3594: "59m 54s", 3595: "1h",
		3661: "1h 1m", 3691: "1h 1m", 86399: "24h", 86370: "23h 59m", 86400: "1d", 86430: "1d",
		86431: "1d 1m", 90061: "1d 1h 1m", 604785: "7d", 604800: "1w", 606600: "1w", 606601: "1w 1h",
		2629800: "4w 2d 10h", 31535999: "52w 1d", 31536000: "1y", 31579200: "1y 1d",
		35000000: "1y 5w 5d", 123456789: "3y 47w 5d",
	} {
		if got := duration(seconds); got != want {
			t.Errorf("duration(%d) = %q, want %q", seconds, got, want)
		}
	}
}
