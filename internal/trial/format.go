package trial

import (
	"fmt"
	"strings"
	"time"
	"unique"

	"stockade/internal/action"
	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// output prints the failures of a line, or with -i the line that led to none,
// as -o asks.
func (t *regexTrial) output(fails []filter.Failure, info filter.Info) {
	if t.o.set["-i"] {
		if len(fails) > 0 {
			return
		}
		// The reference makes an empty failure of such a line.
		fails = []filter.Failure{{
			ID: ipaddr.Raw(""), Time: info.Time, HasTime: info.HasTime,
			Data:    filter.Data{{Group: unique.Make("fid")}},
			Matches: []ticket.Match{{After: t.filter.LineText(), Joined: true}},
		}}
	}
	for i := range fails {
		t.print(&fails[i])
	}
}

// print prints one failure.
func (t *regexTrial) print(x *filter.Failure) {
	switch format := t.o.out; {
	case format == "id" || format == "fid":
		fmt.Fprintln(t.out, x.ID)
	case format == "ip":
		ip := x.Data.Find("ip")
		if ip == nil || ip.Text == "" {
			fmt.Fprintln(t.out, x.ID)
			return
		}
		fmt.Fprintln(t.out, ip.Text)
	case format == "msg":
		for _, m := range x.Matches {
			fmt.Fprintln(t.out, m.Text())
		}
	case format == "row":
		fmt.Fprintf(t.out, "[%s,\t%s,\t%s],\n", pyobj.Repr(x.ID.String()), timeText(x), dictText(x.Data))
	case !strings.Contains(format, "<"):
		t.printField(x, format)
	default:
		t.printTemplate(x, format)
	}
}

func (t *regexTrial) printField(x *filter.Failure, name string) {
	if e := x.Data.Find(name); e != nil {
		fmt.Fprintln(t.out, pyobj.Str(e.Value()))
		return
	}
	fmt.Fprintln(t.out, "None")
}

// printTemplate replaces the tags of actions. A message of several lines
// repeats the row for each of them.
func (t *regexTrial) printTemplate(x *filter.Failure, format string) {
	tk := &ticket.Ticket{ID: x.ID, Time: x.Time, First: x.Time, Matches: x.Matches, Fields: x.Fields(), IntegerTime: x.IntegerTime}
	if !x.HasTime {
		tk.Time = t.env.now()
	}
	rows := []string{""}
	if strings.Contains(format, "<msg>") {
		rows = rows[:0]
		for _, m := range x.Matches {
			rows = append(rows, m.Text())
		}
	}
	for _, msg := range rows {
		parts := strings.Split(format, "<msg>")
		for i := range parts {
			parts[i] = action.ExpandTicket(parts[i], tk)
		}
		fmt.Fprintln(t.out, strings.Join(parts, msg))
	}
}

// timeText is the time of a failure as Python prints it.
func timeText(x *filter.Failure) string {
	switch {
	case !x.HasTime:
		return "None"
	case x.IntegerTime:
		return fmt.Sprint(x.Time.Unix())
	}
	return pyobj.Float(float64(x.Time.UnixMicro()) / float64(time.Second/time.Microsecond))
}
