package datepattern

import "time"

// Clock tells the offset of a zone faster than time does. It is for one
// goroutine.
type Clock struct{ offsets offsets }

// NewClock gives the clock of a zone.
func NewClock(zone *time.Location) *Clock { return &Clock{offsets{zone: zone}} }

// Zone is the zone of the clock.
func (c *Clock) Zone() *time.Location { return c.offsets.zone }

// Wall gives what the clock on the wall shows at t, as a time in UTC.
func (c *Clock) Wall(t time.Time) time.Time {
	unix := t.Unix()
	return time.Unix(unix+int64(c.offsets.at(unix).east), int64(t.Nanosecond())).UTC()
}
