package jail

import (
	"math"
	"strconv"
	"strings"
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
	year   = 365 * day
)

// hourSlack is how many seconds short of a full minute the reference still
// calls it one where it shows hours.
const hourSlack = 5

// duration prints seconds as the observer's log lines do: at most three units,
// the last one rounded half to even, or cut where hours lead.
func duration(s int64) string {
	if s < 0 {
		return "-" + duration(-s)
	}
	switch {
	case s >= year:
		return units(roundTo(s, day), year, week, day)
	case s >= week:
		return units(roundTo(s, hour), week, day, hour)
	case s >= day:
		return units(roundTo(s, minute), day, hour, minute)
	case s >= hour-hourSlack:
		return units((s+hourSlack)/minute*minute, hour, minute)
	case s >= minute:
		return units(s, minute, 1)
	case s == 0:
		return "0"
	}
	return units(s, 1)
}

func roundTo(s, unit int64) int64 {
	return int64(math.RoundToEven(float64(s)/float64(unit))) * unit
}

var unitNames = map[int64]string{year: "y", week: "w", day: "d", hour: "h", minute: "m", 1: "s"}

func units(s int64, sizes ...int64) string {
	var parts []string
	for _, size := range sizes {
		if n := s / size; n > 0 {
			parts = append(parts, strconv.FormatInt(n, 10)+unitNames[size])
			s %= size
		}
	}
	return strings.Join(parts, " ")
}
