package trial

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/pyobj"
)

// check compares what a line led to with what is expected; the result is empty
// where they agree.
func (e expectation) check(fails []filter.Failure, zone *time.Location) string {
	var real []*filter.Failure
	for i := range fails {
		if x := &fails[i]; !x.NoFail && !x.Pending {
			real = append(real, x)
		}
	}
	want, _ := e["match"].(bool)
	switch {
	case len(real) == 0 && want:
		return "no failure was found"
	case len(real) > 0 && !want:
		return fmt.Sprintf("failregex %d found %s, but nothing is expected", real[0].Index+1, real[0].ID)
	case len(real) > 1:
		return fmt.Sprintf("%d failures were found", len(real))
	case len(real) == 0:
		return ""
	}
	var wrong []string
	for _, key := range sortedKeys(e) {
		if why := e.checkKey(key, real[0], zone); why != "" {
			wrong = append(wrong, why)
		}
	}
	return strings.Join(wrong, "; ")
}

func sortedKeys(e expectation) []string {
	keys := make([]string, 0, len(e))
	for k := range e {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// checkKey compares one property of a failure.
func (e expectation) checkKey(key string, x *filter.Failure, zone *time.Location) string {
	want := e[key]
	switch key {
	case "match", "desc", "constraint":
		return ""
	case "time":
		return checkTime(want, x, zone)
	case "host":
		return checkHost(want, x)
	case "attempts":
		return differs(key, fmt.Sprint(len(x.Matches)), fmt.Sprint(want))
	case "users":
		return checkUsers(want, x)
	}
	var got any
	if f := x.Data.Find(key); f != nil {
		got = f.Value()
	}
	return differs(key, pyobj.Repr(got), pyobj.Repr(want))
}

func differs(key, got, want string) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%s is %s, expected %s", key, got, want)
}

func checkTime(want any, x *filter.Failure, zone *time.Location) string {
	text, ok := want.(string)
	if !ok {
		return ""
	}
	at, err := time.ParseInLocation("2006-1-2T15:4:5.999999", text, zone)
	if err != nil {
		return fmt.Sprintf("time %q cannot be read", text)
	}
	if !x.HasTime || !x.Time.Equal(at) {
		return fmt.Sprintf("time is %s, expected %s", x.Time.In(zone).Format("2006-01-02T15:04:05.999999"), text)
	}
	return ""
}

func checkHost(want any, x *filter.Failure) string {
	text, ok := want.(string)
	if !ok {
		return differs("host", "set", pyobj.Repr(want))
	}
	if h := x.Data.Find("host"); h != nil && !h.Null {
		return differs("host", h.Text, text)
	}
	if ipaddr.Parse(text) == ipaddr.Parse(x.ID.String()) {
		return ""
	}
	return differs("host", x.ID.String(), text)
}

func checkUsers(want any, x *filter.Failure) string {
	var names []string
	list, _ := want.([]any)
	for _, n := range list {
		names = append(names, fmt.Sprint(n))
	}
	var got []string
	if u := x.Data.Find("users"); u != nil {
		got, _ = u.Other.([]string)
		got = slices.Clone(got)
	}
	sort.Strings(names)
	sort.Strings(got)
	return differs("users", fmt.Sprintf("%q", got), fmt.Sprintf("%q", names))
}
