// Package filtertest runs the reference's own filter objects in one lasting
// Python process, so that tests can compare line by line. It is test support
// and promises only that what it returns is what the reference answered.
package filtertest

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"stockade/internal/testenv"
)

//go:embed driver.py
var script string

// Driver is the Python process.
type Driver struct {
	*testenv.Dialogue
	tb testing.TB
	// Dir is the folder of the unpacked reference.
	Dir string
	ids int
}

// Start runs the reference of the given folder in a zone (a TZ value), or
// skips the test where there is none.
func Start(tb testing.TB, zone string) *Driver {
	tb.Helper()
	testenv.Need(tb, "python3")
	return StartIn(tb, testenv.Reference(tb), zone)
}

// StartIn is Start with the reference's folder.
func StartIn(tb testing.TB, dir, zone string) *Driver {
	tb.Helper()
	cmd := testenv.PythonCommand(tb, "-W", "ignore", "-c", script)
	cmd.Env = append(testenv.ProgramEnv(dir), "TZ="+zone, "PYTHONHASHSEED=0")
	return &Driver{Dialogue: testenv.Talk(tb, cmd), tb: tb, Dir: dir}
}

// Spec is how a filter is set up.
type Spec struct {
	Prefregex   string   `json:"prefregex,omitempty"`
	Failregex   []string `json:"failregex"`
	Ignoreregex []string `json:"ignoreregex"`
	MaxLines    int      `json:"maxlines,omitempty"`
	DatePattern string   `json:"datepattern,omitempty"`
	UseDNS      string   `json:"usedns,omitempty"`
	LogTimezone *string  `json:"logtimezone,omitempty"`
	Encoding    string   `json:"encoding,omitempty"`
	FindTime    int      `json:"findtime,omitempty"`
	Age         bool     `json:"age,omitempty"`
	All         bool     `json:"all,omitempty"`
	Raw         bool     `json:"raw,omitempty"`
	Operation   *bool    `json:"operation,omitempty"`
}

// Line is one line to process, with the time it happens at. Date makes it a
// line whose time is given.
type Line struct {
	Text []byte
	Now  float64
	Date string
	Time float64
}

// MarshalJSON writes the line as the script reads it.
func (l Line) MarshalJSON() ([]byte, error) {
	m := map[string]any{"b": base64.StdEncoding.EncodeToString(l.Text), "now": number(l.Now)}
	if l.Date != "" {
		m["date"], m["time"] = l.Date, number(l.Time)
	}
	return json.Marshal(m)
}

// number writes whole seconds as an integer, as the reference's clock is set in
// its own tests.
func number(f float64) any {
	if f == float64(int64(f)) {
		return int64(f)
	}
	return f
}

// Row is one result of a line.
type Row struct {
	Index   int
	ID      *string
	Family  string
	Time    *float64
	Data    [][2]any
	Matches [][]string
	Pending bool
}

// UnmarshalJSON reads the row as the script writes it.
func (r *Row) UnmarshalJSON(b []byte) error {
	var family *string
	parts := []any{&r.Index, &r.ID, &family, &r.Time, &r.Data, &r.Matches, &r.Pending}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if family != nil {
		r.Family = *family
	}
	return nil
}

// Result is what came of one line.
type Result struct {
	Rows    []Row
	Error   string
	Text    string
	Records [][2]any
}

// Make sets a filter up and returns its number.
func (d *Driver) Make(s Spec) int {
	d.tb.Helper()
	d.ids++
	d.call(merge(s, map[string]any{"op": "make", "id": d.ids}), nil)
	return d.ids
}

// TryMake is Make for a set-up that may be refused; the error is its text.
func (d *Driver) TryMake(s Spec) (id int, refused string) {
	d.tb.Helper()
	d.ids++
	var reply struct{ Error, Text string }
	d.roundTrip(merge(s, map[string]any{"op": "make", "id": d.ids}), &reply)
	if reply.Error != "" {
		return 0, reply.Error + ": " + reply.Text
	}
	return d.ids, ""
}

// Drop forgets a filter.
func (d *Driver) Drop(id int) { d.call(map[string]any{"op": "drop", "id": id}, nil) }

// Read reads a filter definition with the reference's own reader.
func (d *Driver) Read(configDir, name string, opts map[string]string) Spec {
	d.tb.Helper()
	var s Spec
	d.call(map[string]any{"op": "read", "dir": configDir, "name": name, "opts": opts}, &s)
	return s
}

// Run processes lines with a filter.
func (d *Driver) Run(id int, lines []Line) []Result { return d.run(id, lines, false) }

// RunRecords is Run with the warnings and errors that are logged.
func (d *Driver) RunRecords(id int, lines []Line) []Result { return d.run(id, lines, true) }

func (d *Driver) run(id int, lines []Line, records bool) []Result {
	d.tb.Helper()
	var reply struct{ Lines []Result }
	d.call(map[string]any{"op": "run", "id": id, "lines": lines, "records": records}, &reply)
	if len(reply.Lines) != len(lines) {
		d.tb.Fatalf("%d results for %d lines", len(reply.Lines), len(lines))
	}
	return reply.Lines
}

// IPs gives for every text its canonical form, family and whether it is a
// single address, or one element with an error.
func (d *Driver) IPs(texts []string) [][]any {
	var reply struct{ Ips [][]any }
	d.call(map[string]any{"op": "ips", "texts": texts}, &reply)
	return reply.Ips
}

// Expand gives a failregex with its tags expanded, or the reason why not.
func (d *Driver) Expand(regex, usedns string) (expanded, refused string) {
	var reply struct{ Regex, Error, Text string }
	d.roundTrip(map[string]any{"op": "expand", "regex": regex, "usedns": usedns}, &reply)
	return reply.Regex, reply.Text
}

// Dates gives the names and hits of a filter's date templates.
func (d *Driver) Dates(id int) map[string]int {
	var reply struct{ Dates [][2]any }
	d.call(map[string]any{"op": "dates", "id": id}, &reply)
	out := map[string]int{}
	for _, t := range reply.Dates {
		if name, ok := t[0].(string); ok {
			out[name] += int(t[1].(float64))
		}
	}
	return out
}

// Zone changes the process zone.
func (d *Driver) Zone(tz string) { d.call(map[string]any{"op": "zone", "zone": tz}, nil) }

func (d *Driver) call(req, reply any) {
	d.tb.Helper()
	var failed struct{ Error, Text string }
	raw := d.roundTrip(req, &failed)
	if failed.Error != "" {
		d.tb.Fatalf("reference: %s: %s", failed.Error, failed.Text)
	}
	if reply != nil {
		if err := json.Unmarshal(raw, reply); err != nil {
			d.tb.Fatalf("reference's reply: %v", err)
		}
	}
}

func (d *Driver) roundTrip(req, reply any) []byte {
	d.tb.Helper()
	b, err := json.Marshal(req)
	if err != nil {
		d.tb.Fatal(err)
	}
	go func() {
		d.In.Write(append(b, '\n'))
	}()
	raw, err := d.Out.ReadBytes('\n')
	if err != nil {
		d.tb.Fatalf("reference ended: %v", err)
	}
	if err := json.Unmarshal(raw, reply); err != nil {
		d.tb.Fatalf("reference's reply: %v: %.200s", err, raw)
	}
	return raw
}

func merge(s Spec, more map[string]any) map[string]any {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("spec as JSON: %v", err))
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		panic(fmt.Sprintf("spec as JSON: %v", err))
	}
	for k, v := range more {
		m[k] = v
	}
	return m
}
