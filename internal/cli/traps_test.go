package cli

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// trapped is our server in a scratch directory with our client, in which one
// of the known traps of Fail2ban's behaviour is tried.
type trapped struct {
	*testing.T
	suite
	dir string
}

// f runs one line of the client.
func (r trapped) f(line string) outcome {
	r.Helper()
	words, err := shellWords(strings.ReplaceAll(line, "$D", r.dir))
	if err != nil {
		r.Fatal(err)
	}
	return r.run(r.T, r.dir, "", "client", append([]string{"-c", r.dir}, words...)...)
}

// says runs a line that has to print this and succeed.
func (r trapped) says(line, want string) {
	r.Helper()
	if got := r.f(line); got.stdout != want+"\n" || got.status != 0 {
		r.Errorf("%s\n got %+v\nwant %q", line, got, want)
	}
}

// fails runs a line that has to end with status 255.
func (r trapped) fails(line, stdout, stderr string) {
	r.Helper()
	if got := r.f(line); got.stdout != stdout || !strings.Contains(got.stderr, stderr) || got.status != 255 {
		r.Errorf("%s\n got %+v\nwant %q and %q", line, got, stdout, stderr)
	}
}

func (r trapped) path(name string) string { return filepath.Join(r.dir, name) }

func (r trapped) read(name string) string {
	r.Helper()
	data, err := os.ReadFile(r.path(name))
	if err != nil {
		r.Fatal(err)
	}
	return string(data)
}

// replace changes the text of a file.
func (r trapped) replace(name, from, to string) {
	r.Helper()
	text := r.read(name)
	if !strings.Contains(text, from) {
		r.Fatalf("%s has no %q", name, from)
	}
	write(r.T, r.path(name), strings.Replace(text, from, strings.ReplaceAll(to, "$D", r.dir), 1))
}

// sql queries the database, a line for each row and | between columns.
func (r trapped) sql(query string, args ...any) string {
	r.Helper()
	db, err := sql.Open("sqlite", r.path("db.sqlite3")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		r.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query, args...)
	if err != nil {
		r.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		r.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]sql.RawBytes, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			r.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = string(v)
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	if err := rows.Err(); err != nil {
		r.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// earlier stores a ban that was made so many seconds ago.
func (r trapped) earlier(ip string, ago, bantime int) {
	r.Helper()
	r.sql(`INSERT INTO bips(ip, jail, timeofban, bantime, bancount, data) VALUES(?, 'one', ?, ?, 1, '{"matches": [], "failures": 3}')`,
		ip, time.Now().Unix()-int64(ago), bantime)
}

// logs appends lines of now to the log of jail one.
func (r trapped) logs(lines ...string) {
	r.Helper()
	for _, l := range lines {
		appendTo(r.T, r.path("one.log"), time.Now().Format("2006-01-02 15:04:05")+" "+l+"\n")
	}
}

func (r trapped) logged(text string) func() bool {
	return func() bool { return strings.Contains(r.read("server.log"), text) }
}

// trap is a known trap, by its number in the specification of the control
// plane. What is to be done before the server starts is in before.
type trap struct {
	number int
	name   string
	before func(r trapped)
	// down leaves the server to the test.
	down bool
	// differs is a trap in which our result is another on purpose.
	differs bool
	do      func(r trapped)
}

// TestTraps are the 47 traps. In the long form the reference is tried as well,
// but where we differ on purpose.
func TestTraps(t *testing.T) {
	t.Parallel()
	suites := []suite{ours()}
	if testenv.Full() {
		suites = append(suites, theirs(t))
	}
	seen := map[int]bool{}
	for _, tt := range slices.Concat(answerTraps, stateTraps, lifeTraps) {
		seen[tt.number] = true
		for _, s := range suites {
			if tt.differs && s.name != suites[0].name {
				continue
			}
			t.Run(fmt.Sprintf("Trap%02d %s, %s", tt.number, tt.name, s.name), func(t *testing.T) {
				t.Parallel()
				tt.try(trapped{t, s, scratch(t)})
			})
		}
	}
	for n := 1; n <= 47; n++ {
		if !seen[n] {
			t.Errorf("trap %d is not tried", n)
		}
	}
}

func (tt trap) try(r trapped) {
	if tt.before != nil {
		tt.before(r)
	}
	if tt.down {
		r.Cleanup(func() { r.f("stop") })
	} else {
		r.startServer(r.T, r.dir)
	}
	tt.do(r)
}
