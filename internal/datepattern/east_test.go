package datepattern

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestClockShowsWhatTheZoneSays(t *testing.T) {
	const layout = "2006-01-02 15:04:05.000000000"
	random := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "CET-1CEST,M3.5.0,M10.5.0/3"} {
		zone, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		c := NewClock(zone)
		for range 20_000 {
			at := time.Unix(random.Int64N(1<<33)-1<<32, random.Int64N(1e9))
			if got, want := c.Wall(at).Format(layout), at.In(zone).Format(layout); got != want {
				t.Fatalf("%s: %d: %s, want %s", name, at.Unix(), got, want)
			}
		}
	}
}
