package jail

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestStampsAreWrittenAsTheirLayoutSays(t *testing.T) {
	zones := []*time.Location{time.UTC, time.FixedZone("", 5*3600+45*60), time.FixedZone("", -3600)}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		seconds := random.Int64N(1 << 33)
		if i%10 == 0 {
			seconds = random.Int64N(1<<41) - 1<<40
		}
		at := time.Unix(seconds, random.Int64N(1e9)).In(zones[i%len(zones)])
		if got, want := string(appendStamp([]byte("x"), at)), "x"+at.Format(stampLayout); got != want {
			t.Fatalf("%d: %q, want %q", seconds, got, want)
		}
	}
}
