package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// python runs a script with the reference's database class at hand as "db",
// opened on path, and helpers to add bans.
func python(t *testing.T, path, script string) string {
	t.Helper()
	const head = `
import sys, time, json
from fail2ban.server.database import Fail2BanDb
from fail2ban.server.ticket import BanTicket
class Jail:
    def __init__(self, name):
        self.name = name
        self.actions = type("A", (), {"getBanTime": lambda s: 600})()
db = Fail2BanDb(sys.argv[1])
db.maxMatches = 10
def ban(jail, ip, at, bantime, count, matches, failures, **data):
    tk = BanTicket(ip, at, matches); tk.setAttempt(failures); tk.setBanTime(bantime); tk.setBanCount(count)
    for k, v in data.items(): tk.setData(k, v)
    db.addBan(jail, tk)
`
	return testenv.Output(t, testenv.ReferenceCommand(t, "-c", head+script, path), "")
}

// sample are bans of all kinds, as a Go batch and as Python calls.
func sample(now time.Time) ([]Ban, string) {
	at := time.Unix(now.Unix()-101, 500_000_000) // a half, rounded to the even second by both
	mk := func(jail, id string, bantime int64, count, failures int, matches []ticket.Match, fields ticket.Fields) Ban {
		return Ban{jail, ticket.Ticket{ID: ipaddr.Parse(id), Time: at, Bantime: bantime, BanCount: count, Failures: failures, Matches: matches, Fields: fields}}
	}
	line := ticket.Match{After: "é line \x01\t\"quoted\" \u2028", Joined: true}
	bans := []Ban{
		mk("a", "192.0.2.1", 600, 1, 2, []ticket.Match{{Before: "", Date: "D", After: " opened"}, line}, ticket.Fields{{Name: "user", Value: "x"}, {Name: "users", Value: []string{"root"}}}),
		mk("a", "2001:db8::1", -1, 3, 0, nil, nil),
		mk("a", "198.51.100.0/24", 1200, 1, 5, []ticket.Match{line}, ticket.Fields{{Name: "fid", Value: "x y"}}),
		mk("b", "192.0.2.1", 700, 1, 1, nil, nil),
		mk("a", "raw id é", 600, 1, 1, nil, nil),
	}
	script := fmt.Sprintf(`
a, b = Jail("a"), Jail("b")
db.addJail(a); db.addJail(b)
at = %d.%d
line = "é line \x01\t\"quoted\" \u2028"
ban(a, "192.0.2.1", at, 600, 1, [("", "D", " opened"), line], 2, user="x", users={"root"})
ban(a, "2001:db8::1", at, -1, 3, [], 0)
ban(a, "198.51.100.0/24", at, 1200, 1, [line], 5, fid="x y")
ban(b, "192.0.2.1", at, 700, 1, [], 1)
ban(a, "raw id é", at, 600, 1, [], 1)
db.close()
`, at.Unix(), at.Nanosecond()/100_000_000)
	return bans, script
}

const rowsOf = `SELECT jail, ip, timeofban, bantime, bancount, typeof(data), CAST(data AS TEXT) FROM %s ORDER BY jail, ip`

func TestRowsEqualTheReferencesByteForByte(t *testing.T) {
	dir := t.TempDir()
	theirs, ours := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
	bans, script := sample(time.Now())
	python(t, theirs, script)
	s := openTest(t, ours, Options{})
	commit(t, s, Batch{Bans: bans})
	for _, table := range []string{"bips", "bans"} {
		text := fmt.Sprintf(rowsOf, table)
		if diff := cmp.Diff(query(t, theirs, text), query(t, ours, text)); diff != "" {
			t.Errorf("%s (-reference +ours):\n%s", table, diff)
		}
	}
	schema := `SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'stockade%' AND name NOT LIKE 'sqlite_%' ORDER BY name`
	if diff := cmp.Diff(query(t, theirs, schema), query(t, ours, schema)); diff != "" {
		t.Errorf("schema (-reference +ours):\n%s", diff)
	}
	for _, table := range []string{"jails", "logs", "bans", "bips", "fail2banDb"} {
		text := `SELECT name, upper(type), "notnull", dflt_value, pk FROM pragma_table_info('` + table + `')`
		if diff := cmp.Diff(query(t, theirs, text), query(t, ours, text)); diff != "" {
			t.Errorf("columns of %s (-reference +ours):\n%s", table, diff)
		}
		text = `SELECT origin, "unique", (SELECT group_concat(name) FROM pragma_index_info(l.name)) FROM pragma_index_list('` + table + `') l ORDER BY 1, 2, 3`
		if diff := cmp.Diff(query(t, theirs, text), query(t, ours, text)); diff != "" {
			t.Errorf("indices of %s (-reference +ours):\n%s", table, diff)
		}
	}
}

// shown is how restored bans are compared.
func shown(bans []ticket.Ticket) string {
	var b strings.Builder
	for _, x := range bans {
		fmt.Fprintf(&b, "%s %d %d %d %d", x.ID, x.Time.Unix(), x.Bantime, x.BanCount, x.Failures)
		for _, m := range x.Matches {
			fmt.Fprintf(&b, " %q", m.Text())
		}
		fmt.Fprintln(&b, " user", x.Fields.Text("user"), "users", x.Fields.Text("users"))
	}
	return b.String()
}

func TestBansOfTheReferenceAreRestored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	now := time.Now()
	bans, script := sample(now)
	python(t, path, script)
	theirs := openTest(t, path, Options{})
	ours := openTest(t, memoryPath, Options{})
	commit(t, ours, Batch{Bans: bans})
	opts := RestoreOptions{Now: now, Bantime: 600, Increment: true, MaxMatches: -1}
	for _, jail := range []string{"a", "b"} {
		a, errA := theirs.CurrentBans(jail, opts)
		b, errB := ours.CurrentBans(jail, opts)
		if errA != nil || errB != nil || len(a) == 0 {
			t.Fatalf("%d bans, %v, %v", len(a), errA, errB)
		}
		if diff := cmp.Diff(shown(b), shown(a)); diff != "" {
			t.Errorf("jail %s (-ours +from the reference's file):\n%s", jail, diff)
		}
	}
}

func TestReferenceRestoresOurBans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	now := time.Now()
	bans, _ := sample(now)
	s := openTest(t, path, Options{})
	commit(t, s, Batch{Bans: bans})
	if err := s.SaveFailures("a", []ticket.Ticket{{ID: ipaddr.Parse("192.0.2.9"), Time: now, First: now}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := python(t, path, `
a = Jail("a")
db.addJail(a)
for tk in db.getCurrentBans(jail=a, forbantime=None, fromtime=time.time(), correctBanTime=None):
    print(tk.getID(), tk.getTime(), tk.getBanTime(), tk.getBanCount(), tk.getAttempt(), len(tk.getMatches()))
db.purge()
`)
	at := roundSeconds(bans[0].Ticket.Time)
	want := fmt.Sprintf("192.0.2.1 %[1]d 600 1 2 2\n198.51.100.0/24 %[1]d 1200 1 5 1\n2001:db8::1 %[1]d -1 3 0 0\nraw id é %[1]d 600 1 1 0\n", at)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +reference):\n%s", diff)
	}
	again := openTest(t, path, Options{})
	if failures, err := again.LoadFailures("a"); len(failures) != 1 || err != nil {
		t.Errorf("our failures after the reference used the file: %v %v", failures, err)
	}
}

func TestCurrentBansAgreeWithTheReferenceOnRandomRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	now := time.Unix(1_800_000_000, 0)
	s := openTest(t, path, Options{})
	var b Batch
	n := 0
	for _, age := range []int{-200, -1, 0, 1, 99, 100, 101, 599, 600, 601, 5000, 90000} {
		for _, bantime := range []int64{-2, -1, 1, 100, 600, 601, 7200, 86400} {
			b.Bans = append(b.Bans, ban("a", fmt.Sprintf("10.0.%d.%d", n/200, n%200), now.Add(-time.Duration(age)*time.Second), bantime))
			n++
		}
	}
	commit(t, s, b)
	for _, c := range []struct {
		call string
		opts RestoreOptions
	}{
		{"forbantime=600, correctBanTime=True", RestoreOptions{Bantime: 600}},
		{"forbantime=100, correctBanTime=True", RestoreOptions{Bantime: 100}},
		{"forbantime=-1, correctBanTime=True", RestoreOptions{Bantime: -1}},
	} {
		out := python(t, path, fmt.Sprintf(`
jail = Jail("a")
jail.getMaxBanTime = jail.actions.getBanTime = lambda: %[3]d
for tk in db.getCurrentBans(jail=jail, fromtime=%[1]d, %[2]s):
    bt = tk.getBanTime(%[3]d)
    if bt != -1 and tk.getTime() + bt <= %[1]d: continue
    print(tk.getID(), bt)
`, now.Unix(), c.call, c.opts.Bantime))
		c.opts.Now = now
		bans, err := s.CurrentBans("a", c.opts)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, x := range bans {
			fmt.Fprintln(&got, x.ID, x.Bantime)
		}
		if diff := cmp.Diff(out, got.String()); diff != "" {
			t.Errorf("%s (-reference +ours):\n%s", c.call, diff)
		}
	}
}

func TestOlderSchemasAreUpgradedAfterABackup(t *testing.T) {
	common := []string{
		`CREATE TABLE fail2banDb(version INTEGER)`,
		`CREATE TABLE jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1)`,
		`INSERT INTO jails VALUES('j', 1)`,
	}
	v1 := append(common[:3:3],
		`INSERT INTO fail2banDb VALUES(1)`,
		`CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0, FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE, UNIQUE(jail, path))`,
		`INSERT INTO logs VALUES('j', '/p', 'h', 5)`,
		`CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, data JSON, FOREIGN KEY(jail) REFERENCES jails(name))`,
		`CREATE INDEX bans_jail_ip ON bans(jail, ip)`,
		`INSERT INTO bans VALUES('j', '1.1.1.1', 5, '{}'), ('j', '1.1.1.1', 7, '{"matches":["x"]}')`)
	v2 := append(common[:3:3],
		`INSERT INTO fail2banDb VALUES(2)`, createLogs, `INSERT INTO logs VALUES('j', '/p', 'h', 5)`, v1[6], v1[7], v1[8])
	v3 := append(common[:3:3],
		`INSERT INTO fail2banDb VALUES(3)`, createLogs, `INSERT INTO logs VALUES('j', '/p', 'h', 5)`, createBans,
		`INSERT INTO bans VALUES('j', '1.1.1.1', 5, -2, 1, '{}'), ('j', '1.1.1.1', 7, -2, 1, '{"matches":["x"]}')`)
	for i, statements := range [][]string{v1, v2, v3} {
		version := i + 1
		t.Run(fmt.Sprintf("from %d", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.sqlite3")
			execAll(t, path, statements...)
			s, log, err := Open(context.Background(), path, Options{Now: func() time.Time { return base }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			aside := path + ".20270115-080000"
			want := fmt.Sprintf("INFO Connected to fail2ban persistent database '%[1]s'\nINFO Upgrade database: %[2]s from version '%[3]d'\n"+
				"INFO   Database backup created: %[2]s\nWARNING Database updated from '%[3]d' to '4'", path, aside, version)
			if got := strings.Join(texts(log), "\n"); got != want {
				t.Errorf("log:\n%s\nwant\n%s", got, want)
			}
			for text, want := range map[string]string{
				`SELECT * FROM bips`:             `1.1.1.1|j|7|-2|1|{"matches":["x"]}`,
				`SELECT * FROM bans`:             "j|1.1.1.1|5|-2|1|{}\n" + `j|1.1.1.1|7|-2|1|{"matches":["x"]}`,
				`SELECT * FROM logs`:             "j|/p|h|5",
				`SELECT version FROM fail2banDb`: "4",
			} {
				if got := query(t, path, text); got != want {
					t.Errorf("%s: %s", text, got)
				}
			}
			if got := query(t, aside, `SELECT version FROM fail2banDb`); got != fmt.Sprint(version) {
				t.Errorf("version of the backup: %s", got)
			}
			bans, err := s.CurrentBans("j", RestoreOptions{Now: time.Unix(100, 0), Bantime: 600, MaxMatches: -1})
			if err != nil || len(bans) != 1 || bans[0].Bantime != 600 || bans[0].Matches[0].Text() != "x" {
				t.Errorf("restored: %v %v", bans, err)
			}
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	execAll(t, path, `CREATE TABLE fail2banDb(version INTEGER)`, `INSERT INTO fail2banDb VALUES(5)`)
	before, _ := os.ReadFile(path)
	_, _, err := Open(context.Background(), path, Options{})
	if err == nil || !strings.Contains(err.Error(), ErrFuture.Error()) {
		t.Errorf("error: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the file was changed")
	}
}
