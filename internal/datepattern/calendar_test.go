package datepattern

import (
	"errors"
	"testing"
	"time"

	"stockade/internal/pyre"
)

// reading is what a line says about the time: seconds since 1970, or why not.
func reading(tb testing.TB, d *Detector, line string) (float64, string) {
	tb.Helper()
	hit, ok := match(tb, d, line)
	if !ok {
		return 0, "no date"
	}
	stamp, ok, err := d.Time([]byte(line), hit)
	switch {
	case err != nil:
		return 0, "exception"
	case !ok:
		return 0, "unreadable"
	}
	return stamp.Seconds(), ""
}

func TestTimesOfDates(t *testing.T) {
	const now = 1124013600 // 2005-08-14 10:00:00
	for _, test := range []struct {
		pattern, line string
		want          float64
		fails         string
	}{
		{"%Y-%m-%d %H:%M:%S", "2005-08-14 10:00:00", now, ""},
		{"%Y-%m-%d %H:%M:%S", "2005-02-30 10:00:00", 0, "unreadable"},
		{"%Y-%m-%d %H:%M:%S", "2005-08-14 10:00:60", 0, "unreadable"},
		{"%Y-%m-%d", "0000-01-02", 0, "unreadable"},
		{"%Y-%m-%d", "9999-12-31", 253402214400, ""},
		{"%y-%m-%d", "99-01-02", 4070995200, ""},
		{"%y-%m-%d", "05-08-14", now - 36000, ""},
		{"%Y", "2005", now - 36000, ""},
		{"%Y-%m", "2005-08", 0, "exception"},
		{"%b", "Aug", 0, "exception"},
		{"%d", "14", 0, "exception"},
		{"%H:%M:%S", "10:00:00", now, ""},
		{"%H:%M:%S", "10:00:01", now + 1 - 86400, ""},
		{"%b %d %H:%M:%S", "Aug 15 10:00:00", now + 86400, ""},
		{"%b %d %H:%M:%S", "Aug 15 10:00:01", 1092564001, ""},
		{"%b %d %H:%M:%S", "Feb 29 10:00:00", 0, "unreadable"},
		{"%B %d %H:%M", "august 14 10:00", now, ""},
		{"%I:%M %p", "12:30 am", 1123979400, ""},
		{"%I:%M %p", "12:30 pm", 1123936200, ""},
		{"%I:%M %p", "1:30 PM", 1123939800, ""},
		{"%I:%M", "12:30", 1123979400, ""},
		{"%p", "pm", now - 36000, ""},
		{"%H %I %p", "10 3 pm", 1123945200, ""},
		{"%Y %j", "2005 226", now - 36000, ""},
		{"%Y %j %H", "2005 366 10", 1136109600, ""},
		{"%Y %U %w", "2005 33 0", now - 36000, ""},
		{"%Y %W %a", "2005 33 Sun", 1124582400, ""},
		{"%Y %U %w", "2005 00 1", 1104105600, ""},
		{"%Y %W", "2005 33", now - 36000, ""},
		{"%G %V %u", "2005 33 3", now - 36000, ""},
		{"%Y-%m-%d %H:%M:%S %z", "2005-08-14 10:00:00 +02:00", now - 7200, ""},
		{"%Y-%m-%d %H:%M:%S %z", "2005-08-14 10:00:00 UTC", now, ""},
		{"%Y-%m-%d %H:%M:%S %Z", "2005-08-14 10:00:00 CEST", now - 7200, ""},
		{"%Y-%m-%d %H:%M:%S %Z", "2005-08-14 10:00:00 IST", 0, "exception"},
		{"%Y-%m-%d %H:%M:%S %Exz", "2005-08-14 10:00:00 CEST+0130", now - 12600, ""},
		{"%Y-%m-%d %H:%M:%S %ExZ", "2005-08-14 10:00:00 J", 0, "exception"},
		{"%b %d %H:%M:%S %Z", "aug 14 10:00:00 cest", 0, "unreadable"},
		{`(?P<Y>\w+)/%m/%d`, "abc/8/14", 0, "unreadable"},
		{`(?P<H>\d+)h`, "99999999999h", 0, "exception"},
		{"%Y-%m-%d %H", "٢٠٠٥-08-14 1٠", now, ""},
		{"EPOCH", "1124013590.125", 1124013590.125, ""},
		{"LEPOCH", "1124013590", 1124013590, ""},
		{"LEPOCH", "1124013590125", 1124013590.125, ""},
		{"LEPOCH", "1124013590125678", 1124013590.125678, ""},
		{"LEPOCH", "1124013590125.678", 1124013590.125678, ""},
		{"TAI64N", "@4000000042ff14a080000000", 1124013216, ""},
		{`(\w)(\w){EPOCH}`, "1x1124013590", 0, "exception"},
		{"{NONE}", "x", now - 36000, ""},
	} {
		got, why := reading(t, detector(t, test.pattern), test.line)
		if got != test.want || why != test.fails {
			t.Errorf("%s in %q: %f %s, want %f %s", test.pattern, test.line, got, why, test.want, test.fails)
		}
	}
}

func TestLogTimezone(t *testing.T) {
	for _, test := range []struct {
		zone, pattern, line string
		want                float64
	}{
		{"UTC+0500", "%Y-%m-%d %H:%M:%S", "2005-08-14 10:00:00", 1123995600},
		{"", "%Y-%m-%d %H:%M:%S", "2005-08-14 10:00:00", 1124013600},
		{"CET", "%Y-%m-%d %H:%M:%S", "2005-08-14 10:00:00", 1124010000},
		{"UTC+0500", "%Y-%m-%d %H:%M:%S %z", "2005-08-14 10:00:00 Z", 1124013600},
		{"UTC+0500", "EPOCH", "1124013590.125", 1124013590.125},
		{"UTC+0500", "%H:%M:%S", "10:00:01", 1123995601},
		{"UTC-0500", "%H:%M:%S", "10:00:01", 1123945201},
		{"UTC-0500", "%b %d %H:%M:%S", "Aug 15 05:00:01", 1092564001},
	} {
		d := detector(t, test.pattern)
		if err := d.SetDefaultZone(test.zone); err != nil {
			t.Fatal(err)
		}
		if got, why := reading(t, d, test.line); got != test.want || why != "" {
			t.Errorf("%s with %s in %q: %f %s, want %f", test.pattern, test.zone, test.line, got, why, test.want)
		}
	}
}

func TestOffsets(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "UTC": 0, "Z": 0, "UTC+0200": 120, "UTC+02:00": 120, "UTC+02": 120, "+05:30": 330, "-0530": -330,
		"CET": 60, "A": 60, "GMT-0100": -60, "UTC+1900": 1140, "UTC+0260": 180, "NST-0030": -240, "+00": 0, "UTC+05٣0": 330,
	} {
		if got, err := ParseOffset(text); got != want*60 || err != nil {
			t.Errorf("%q is %d %v, want %d", text, got, err, want*60)
		}
	}
	for _, text := range []string{"utc", "UTC+2", "+5", "Europe/Berlin", "UTC+2000", "+", "ChST", "UTC ", " UTC", "UTC+0530x", "٠٣"} {
		_, err := ParseOffset(text)
		if want := "Unknown or unsupported time zone: '" + text + "'"; err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	var unknown *UnknownZoneError
	if _, err := ParseOffset("XYZ"); !errors.As(err, &unknown) || unknown.Name != "XYZ" || err.Error() != "'XYZ'" {
		t.Errorf("an unknown zone: %v", err)
	}
}

func TestZoneTableIsWhole(t *testing.T) {
	if len(zoneTable) != 221 {
		t.Errorf("%d zones", len(zoneTable))
	}
	for name := range zoneTable {
		if len(name) == 2 || len(name) > 5 {
			continue // two letters never get as far as the table
		}
		if _, err := ParseOffset(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A time is read from the line alone, also after the detector went on.
func TestTimeOfAnOlderHit(t *testing.T) {
	d := detector(t)
	first := []byte("Aug 14 09:58:07 host x")
	hit, _ := match(t, d, string(first))
	for i := range 20 {
		line := at.Add(-time.Duration(i)*time.Hour).Format("2006-01-02 15:04:05") + " x"
		if _, why := reading(t, d, line); why != "" {
			t.Fatalf("%q: %s", line, why)
		}
	}
	stamp, ok, err := d.Time(first, hit)
	if !ok || err != nil || stamp.Unix() != 1124013487 {
		t.Errorf("read again: %v %v %v", stamp, ok, err)
	}
}

func TestBudgetEndsTheSearch(t *testing.T) {
	d := detector(t, `^(?:\w+\s?)*x%Y`)
	line := []byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")
	budget := pyre.Budget{Left: 50}
	if _, ok, err := d.Match(pyre.NewMachine(), line, &budget); ok || !errors.Is(err, pyre.ErrBudget) {
		t.Errorf("found %v, error %v", ok, err)
	}
}
