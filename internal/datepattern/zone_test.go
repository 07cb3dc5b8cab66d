package datepattern

import (
	"testing"
	"time"
)

func TestLoadZone(t *testing.T) {
	const summer, winter = 1124013600, 1135000000 // August and December 2005
	for _, test := range []struct {
		tz             string
		summer, winter int // minutes east
	}{
		{"UTC", 0, 0},
		{"Europe/Berlin", 120, 60},
		{":Europe/Berlin", 120, 60},
		{"CET-01CEST-02,M3.5.0,M10.5.0", 120, 60},
		{"CET-1CEST", 120, 60},
		{"<+0330>-3:30", 210, 210},
		{"EST5EDT,M3.2.0/2,M11.1.0/2", -240, -300},
		{"NZST-12NZDT,M9.5.0,M4.1.0/3", 720, 780},
		{"UTC0", 0, 0},
		{"XYZ-5:45:30", 345, 345},
		{"AAA-1BBB-3,J60/0,J300", 180, 60},
	} {
		zone, err := LoadZone(test.tz)
		if err != nil {
			t.Errorf("%s: %v", test.tz, err)
			continue
		}
		for unix, want := range map[int64]int{summer: test.summer, winter: test.winter} {
			if _, east := time.Unix(unix, 0).In(zone).Zone(); east/60 != want {
				t.Errorf("%s at %d: %d minutes east, want %d", test.tz, unix, east/60, want)
			}
		}
	}
	for _, tz := range []string{"Nowhere/City", "CET", "AB1", "CET-1CEST,M3.5.0", "CET-1CEST,M3.9.0,M10.5.0", "../etc/passwd", "x y"} {
		if zone, err := LoadZone(tz); err == nil && tz != "CET" {
			t.Errorf("%q is taken for %v", tz, zone)
		}
	}
	if zone, err := LoadZone(""); zone != time.Local || err != nil {
		t.Errorf("the machine's zone: %v %v", zone, err)
	}
}

// Hours that do not exist or occur twice, as mktime of the C library has them.
func TestLocalClock(t *testing.T) {
	for _, test := range []struct {
		tz, before, local string
		want              string
	}{
		{"Europe/Berlin", "2005-03-01 00:00:00", "2005-03-27 02:30:00", "2005-03-27 01:30:00"},
		{"Europe/Berlin", "2005-08-01 00:00:00", "2005-03-27 02:30:00", "2005-03-27 01:30:00"},
		{"Europe/Berlin", "2005-08-01 00:00:00", "2005-10-30 02:30:00", "2005-10-30 00:30:00"},
		{"Europe/Berlin", "2005-12-01 00:00:00", "2005-10-30 02:30:00", "2005-10-30 01:30:00"},
		{"CET-01CEST-02,M3.5.0,M10.5.0", "2005-08-01 00:00:00", "2005-08-14 12:00:00", "2005-08-14 10:00:00"},
		{"America/New_York", "2005-01-01 00:00:00", "2005-08-14 06:00:00", "2005-08-14 10:00:00"},
	} {
		zone, err := LoadZone(test.tz)
		if err != nil {
			t.Fatal(err)
		}
		c := localClock{offsets: offsets{zone: zone}}
		for _, local := range []string{test.before, test.local} {
			w, err := time.Parse(time.DateTime, local)
			if err != nil {
				t.Fatal(err)
			}
			unix, ok := c.unix(wall(w.Unix()))
			got := time.Unix(unix, 0).UTC().Format(time.DateTime)
			if local == test.local && (got != test.want || !ok) {
				t.Errorf("%s in %s is %s %v, want %s", local, test.tz, got, ok, test.want)
			}
		}
	}
}
