package datepattern

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What is kept of a zone is what the zone says, in any order of asking: near
// the changes of all years, around New Year, before and behind all rules.
func TestOffsetsAreThoseOfTheZone(t *testing.T) {
	zones := append([]string{
		"Africa/Casablanca", "Europe/Dublin", "Antarctica/Troll", "Asia/Gaza", "America/Sao_Paulo", "Pacific/Apia",
		"AAA-1BBB-3,J60/0,J300", "AAA+11BBB,J1/-3,J365/25", "AAA-14BBB-15,J1/0,J200/0", "NZST-12NZDT,J300/2,J80/3",
	}, testZones...)
	r := rand.New(rand.NewPCG(3, 9))
	for _, tz := range zones {
		zone, err := LoadZone(tz)
		if err != nil {
			t.Fatal(err)
		}
		kept := offsets{zone: zone}
		for range 10_000 {
			year := 1960 + r.IntN(90)
			if r.IntN(8) == 0 {
				year = 1 + r.IntN(9998)
			}
			at := time.Date(year, time.Month(1+r.IntN(12)), 1, 0, 0, 0, 0, time.UTC).Unix()
			switch r.IntN(3) {
			case 0:
				at += r.Int64N(31 * daySeconds)
			case 1:
				start, end := time.Unix(at, 0).In(zone).ZoneBounds()
				if at = start.Unix(); r.IntN(2) == 0 && !end.IsZero() || start.IsZero() {
					at = end.Unix()
				}
				at += r.Int64N(5) - 2
			case 2:
				at = time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC).Unix() + r.Int64N(3*daySeconds) - daySeconds
			}
			u := time.Unix(at, 0).In(zone)
			_, east := u.Zone()
			if got := kept.at(at); int(got.east) != east || got.summer != u.IsDST() {
				t.Fatalf("%s at %v: %+v, the zone says %d %v", tz, u, *got, east, u.IsDST())
			}
		}
	}
}

// Our own arithmetic gives the dates of the calendar, and no others.
func TestWallDates(t *testing.T) {
	for year := 0; year <= 10_000; year++ {
		if year > 9 && year < 9990 && (year < 1890 || year > 2110) && year%100 > 1 {
			continue
		}
		for month := 0; month <= 13; month++ {
			for day := 0; day <= 32; day++ {
				got, ok := wallDate(year, month, day)
				want := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				sound := year >= 1 && year <= 9999 && want.Year() == year && int(want.Month()) == month && want.Day() == day
				if ok != sound || ok && int64(got) != want.Unix() {
					t.Fatalf("%d-%d-%d is %d %v, the calendar says %d %v", year, month, day, got, ok, want.Unix(), sound)
				}
			}
		}
	}
}
