package datepattern

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines without zone files too
)

// LoadZone returns the zone that a TZ value names: Area/City from embedded
// data, a POSIX string such as CET-1CEST,M3.5.0,M10.5.0/3, or, when empty, the
// machine's own.
func LoadZone(tz string) (*time.Location, error) {
	tz = strings.TrimPrefix(tz, ":")
	if tz == "" {
		return time.Local, nil
	}
	if loc, err := time.LoadLocation(tz); err == nil {
		return loc, nil
	}
	if !posixZone.MatchString(tz) {
		return nil, fmt.Errorf("load zone %q: neither the name of a zone nor a POSIX zone", tz)
	}
	loc, err := time.LoadLocationFromTZData(tz, zoneFile(tz))
	if err != nil {
		return nil, fmt.Errorf("load zone %q: %w", tz, err)
	}
	return loc, nil
}

var posixZone = func() *regexp.Regexp {
	const (
		name = `(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)`
		hms  = `[+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2})?)?`
		rule = `,(?:J\d{1,3}|\d{1,3}|M\d{1,2}\.[1-5]\.[0-6])(?:/` + hms + `)?`
	)
	return regexp.MustCompile(`^` + name + hms + `(?:` + name + `(?:` + hms + `)?(?:` + rule + rule + `)?)?$`)
}()

// zoneFile writes a zone file whose only content is the rule in its footer,
// which Go then follows at all times after the first transition. That one is
// put before all history.
func zoneFile(rule string) []byte {
	header := func(version byte, transitions uint32) []byte {
		h := append([]byte("TZif"), version)
		h = append(h, make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, transitions, 1, 4} {
			h = binary.BigEndian.AppendUint32(h, n)
		}
		return h
	}
	zone := []byte{0, 0, 0, 0, 0, 0, 'U', 'T', 'C', 0}
	const longAgo = -1 << 40 // some 35,000 years back
	data := header('2', 0)
	data = append(data, zone...)
	data = append(data, header('2', 1)...)
	var when int64 = longAgo
	data = binary.BigEndian.AppendUint64(data, uint64(when))
	data = append(data, 0) // of the only zone
	data = append(data, zone...)
	return append(data, "\n"+rule+"\n"...)
}

// localClock turns times on the wall into times as the C library's mktime
// does, which decides what becomes of hours that occur twice or not at all.
type localClock struct {
	offsets offsets
	// east is the offset that was found last. The library begins its search
	// with it, so that an hour that occurs twice is taken for the one of the
	// half of the year before.
	east int64
}

// maxProbes bounds the search for a time; the library gives up then as well.
const maxProbes = 6

// unix finds the time at which the clock on the wall shows w. Where no time
// does, it is the one that an hour of summer time makes of it.
func (c *localClock) unix(w wall) (int64, bool) {
	t := int64(w) - c.east
	t1, t2 := t, t
	wasSummer := false
	for range maxProbes {
		here := c.offsets.at(t)
		next := int64(w) - int64(here.east)
		if next == t {
			c.east = int64(here.east)
			return t, true
		}
		if t == t1 && t != t2 && (here.summer || !wasSummer) {
			c.east = int64(w) - t
			return t, true
		}
		t1, t2, t, wasSummer = t2, t, next, here.summer
	}
	return 0, false
}
