package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stockade/internal/testenv"
)

// plainJails are two jails without actions.
const plainJails = `[DEFAULT]
backend = polling
ignoreself = false
usedns = no
filter = plain
maxretry = 2
findtime = 1h
bantime = 2h
bantime.increment = true
action =
[one]
enabled = true
logpath = DIR/one.log
[two]
enabled = true
logpath = DIR/two.log
`

const plainFilter = "[Definition]\nfailregex = ^ failure from <HOST>(?: user <F-USER>\\S+</F-USER>)?$\nignoreregex =\n"

// plain is a place with two jails without actions.
func plain(t *testing.T, s subject) *instance {
	t.Helper()
	in := place(t, s, nil, plainJails)
	in.write(t, "etc/filter.d/plain.conf", plainFilter)
	in.write(t, "one.log", "")
	in.write(t, "two.log", "")
	return in
}

// attacks writes as many failures of the present as are told to a log.
func attacks(t *testing.T, in *instance, log, id string, n int) {
	t.Helper()
	in.append(t, log, strings.Repeat(time.Now().Format(time.DateTime)+" failure from "+id+"\n", n))
}

// sqlite is a session with the database in the shell.
func sqlite(in *instance, sql string) *exec.Cmd {
	return exec.Command("sqlite3", in.path("fail2ban.sqlite3"), ".timeout 5000", sql)
}

// banned gives what a jail holds, and for how long. The reference keeps the
// part of a second that the database rounds, so begin and end are left out.
func banned(t *testing.T, in *instance, jail string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(in.ask(t, "get", jail, "banip", "--with-time")), "\n")
	for i := range lines {
		lines[i] = anyTime.ReplaceAllString(lines[i], "TIME")
	}
	slices.Sort(lines)
	return lines
}

// TestBansGoFromOneServerToTheOther lets one server ban, and the other take
// over its database.
func TestBansGoFromOneServerToTheOther(t *testing.T) {
	testenv.Need(t, "sqlite3")
	pairs := [][2]subject{{reference(t), stockade(t)}, {stockade(t), reference(t)}}
	t.Run("both ways", func(t *testing.T) {
		for _, pair := range pairs {
			t.Run("from "+pair[0].name, func(t *testing.T) {
				t.Parallel()
				handOver(t, pair[0], pair[1])
			})
		}
	})
}

func handOver(t *testing.T, from, to subject) {
	giver := plain(t, from)
	giver.start(t)
	ask := func(args ...string) {
		if out, err := stockade(t).program("client", append([]string{"-c", giver.path("etc")}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	// Escalated: banned, lifted by its end, banned again for longer.
	ask("set", "one", "bantime", "3")
	attacks(t, giver, "one.log", "192.0.2.77", 2)
	eventually(t, "first ban is over", func() bool { return strings.Contains(giver.log(), "Unban 192.0.2.77") })
	ask("set", "one", "bantime", "7200")
	attacks(t, giver, "one.log", "192.0.2.77", 2)
	eventually(t, "the second is longer", func() bool { return strings.Contains(giver.log(), "Increase Ban 192.0.2.77") })
	ask("set", "one", "banip", "192.0.2.1", "2001:db8::1", "198.51.100.0/24", "2001:db8:1::/48", "not an address", "user=müller")
	ask("set", "two", "bantime", "-1")
	ask("set", "two", "banip", "192.0.2.9")
	eventually(t, "it is in the database", func() bool {
		return strings.Contains(query(t, giver, "SELECT bancount FROM bips WHERE ip='192.0.2.77'"), "2")
	})
	want := [][]string{banned(t, giver, "one"), banned(t, giver, "two")}
	giver.signal(t, syscall.SIGTERM)

	taker := plain(t, to)
	copyFile(t, giver.path("fail2ban.sqlite3"), taker.path("fail2ban.sqlite3"))
	taker.start(t)
	for i, jail := range []string{"one", "two"} {
		var got []string
		if !until(15*time.Second, func() bool { got = banned(t, taker, jail); return slices.Equal(got, want[i]) }) {
			t.Errorf("%s made in %s\n%s\n%s restored\n%s", from.name, jail, strings.Join(want[i], "\n"), to.name, strings.Join(got, "\n"))
		}
	}
	eventually(t, "restored in the log", func() bool { return strings.Contains(taker.log(), "Restore Ban 192.0.2.77") })
}

func sorted(text string) []string {
	words := strings.Fields(text)
	slices.Sort(words)
	return words
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(text))
}

// TestManyRowsAreRestored starts with 100,000 bans in the database.
func TestManyRowsAreRestored(t *testing.T) {
	testenv.Need(t, "sqlite3")
	in := plain(t, stockade(t))
	in.start(t)
	in.signal(t, syscall.SIGTERM)
	query(t, in, `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99999)
INSERT INTO bips SELECT '10.'||(i/65536)||'.'||(i/256%256)||'.'||(i%256), 'one', strftime('%s')-60, 7200, 1, '{"matches": [], "failures": 3}' FROM n`)
	begin := time.Now()
	in.start(t)
	if !until(20*time.Second, func() bool {
		return strings.Contains(in.ask(t, "status", "one", "short"), "Currently banned:\t100000\n")
	}) {
		t.Errorf("after 20 s: %s", in.ask(t, "status", "one", "short"))
	}
	t.Logf("100,000 rows restored %v after the start of the process", time.Since(begin).Round(time.Millisecond))
	if n := len(strings.Fields(in.ask(t, "get", "one", "banip"))); n != 100000 {
		t.Errorf("%d are listed", n)
	}
}

// TestSessionsOfTheGuide types what the guide tells people to: delete a row
// with sqlite3 and restart, then the whole reset.
func TestSessionsOfTheGuide(t *testing.T) {
	testenv.Need(t, "sqlite3")
	in := plain(t, stockade(t))
	in.start(t)
	in.ask(t, "set", "one", "banip", "192.0.2.1", "192.0.2.2")
	query(t, in, "DELETE FROM bips WHERE ip='192.0.2.1'")
	in.ask(t, "restart")
	in.adopt(t)
	eventually(t, "the other is back", func() bool { return in.ask(t, "get", "one", "banip") == "192.0.2.2\n" })

	in.ask(t, "stop")
	in.gone(t)
	for _, name := range []string{"fail2ban.log", "fail2ban.sqlite3"} {
		if _, err := os.Stat(in.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(in.path("fail2ban.log"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(in.path("fail2ban.sqlite3")); err != nil {
		t.Fatal(err)
	}
	// No server runs: this starts one.
	if out := in.ask(t, "restart"); !strings.Contains(out, "Server ready") {
		t.Errorf("restart printed %q", out)
	}
	in.adopt(t)
	if out := in.ask(t, "banned"); out != "[{'one': []}, {'two': []}]\n" {
		t.Errorf("after the reset: %s", out)
	}
	if !strings.Contains(in.log(), "New database created. Version '4'") {
		t.Errorf("the log says\n%s", in.log())
	}
}

// TestServerBansWithoutItsDatabase takes the database away in each way there
// is: bans go on, the log and status say so, and what was kept is written
// once that is possible.
func TestServerBansWithoutItsDatabase(t *testing.T) {
	testenv.Need(t, "sqlite3")
	t.Run("locked", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.start(t)
		lock := exec.Command("sqlite3", in.path("fail2ban.sqlite3"))
		session, err := lock.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(session, ".timeout 5000\nBEGIN EXCLUSIVE;")
		eventually(t, "locked", func() bool { return sqliteRefuses(in) })
		bansWithout(t, in, "is locked by another program")
		_ = session.Close()
		_ = lock.Wait()
		writtenLater(t, in)
	})
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		dir := smallDisk(t, in, "size=1m")
		in.start(t)
		filler := filepath.Join(dir, "filler")
		_ = os.WriteFile(filler, make([]byte, 1<<20), 0o600)
		// What is left inside the file is soon used up.
		for i := range 200 {
			if strings.Contains(in.log(), "cannot be written") {
				break
			}
			var ids []string
			for k := range 50 {
				ids = append(ids, fmt.Sprintf("10.0.%d.%d", i, k+1))
			}
			in.ask(t, append([]string{"set", "two", "banip"}, ids...)...)
		}
		bansWithout(t, in, "cannot grow, its disk is full")
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		writtenLater(t, in)
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		dir := smallDisk(t, in, "size=2m")
		in.start(t)
		in.signal(t, syscall.SIGTERM)
		remount(t, dir, "ro")
		in.start(t)
		bansWithout(t, in, "is read-only")
		remount(t, dir, "rw")
		writtenLater(t, in)
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.start(t)
		in.ask(t, "set", "one", "banip", "192.0.2.1")
		if err := os.Remove(in.path("fail2ban.sqlite3")); err != nil {
			t.Fatal(err)
		}
		in.ask(t, "set", "one", "banip", "192.0.2.2")
		writtenLater(t, in)
	})
	t.Run("corrupt and not to be moved", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		dir := smallDisk(t, in, "size=2m")
		in.write(t, "disk/fail2ban.sqlite3", strings.Repeat("this is no database\n", 500))
		remount(t, dir, "ro")
		in.start(t)
		bansWithout(t, in, "is damaged and cannot be repaired")
		remount(t, dir, "rw")
		writtenLater(t, in)
	})
	t.Run("damaged while it is in use", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.start(t)
		in.ask(t, "set", "one", "banip", "192.0.2.1")
		if err := os.WriteFile(in.path("fail2ban.sqlite3"), []byte(strings.Repeat("this is no database\n", 5000)), 0o600); err != nil {
			t.Fatal(err)
		}
		in.ask(t, "set", "one", "banip", "192.0.2.2")
		writtenLater(t, in)
	})
	t.Run("without a directory", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.append(t, "etc/fail2ban.local", "dbfile = "+in.path("not/there/fail2ban.sqlite3")+"\n")
		in.start(t)
		bansWithout(t, in, "cannot be made, its directory is missing")
		mkdir(t, in.path("not/there"))
		if err := os.Symlink("not/there/fail2ban.sqlite3", in.path("fail2ban.sqlite3")); err != nil {
			t.Fatal(err)
		}
		writtenLater(t, in)
	})
	t.Run("corrupt", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.write(t, "fail2ban.sqlite3", strings.Repeat("this is no database\n", 500))
		in.start(t)
		in.ask(t, "set", "one", "banip", "192.0.2.1")
		if got := query(t, in, "SELECT ip FROM bips"); got != "192.0.2.1\n" {
			t.Errorf("the new file holds %q", got)
		}
		if kept, _ := filepath.Glob(in.path("fail2ban.sqlite3.*")); len(kept) == 0 {
			t.Error("the corrupt file was not kept")
		}
	})
	t.Run("newer", func(t *testing.T) {
		t.Parallel()
		in := plain(t, stockade(t))
		in.start(t)
		in.signal(t, syscall.SIGTERM)
		query(t, in, "UPDATE fail2banDb SET version=99")
		in.start(t)
		bansWithout(t, in, "was written by a newer program")
		if !strings.Contains(in.log(), "Attempt to travel to future version of database") {
			t.Errorf("the log says\n%s", in.log())
		}
		if out := in.ask(t, "reload"); !strings.HasSuffix(out, "OK\n") {
			t.Errorf("reload printed %q", out)
		}
		if got := query(t, in, "SELECT version FROM fail2banDb"); got != "99\n" {
			t.Errorf("the version in the file is now %q", got)
		}
		if err := os.Rename(in.path("fail2ban.sqlite3"), in.path("newer.sqlite3")); err != nil {
			t.Fatal(err)
		}
		writtenLater(t, in)
	})
}

// smallDisk puts the database on a file system of its own.
func smallDisk(t *testing.T, in *instance, options string) string {
	t.Helper()
	testenv.Root(t)
	dir := in.path("disk")
	mkdir(t, dir)
	if err := unix.Mount("stockade", dir, "tmpfs", 0, options); err != nil {
		testenv.Skip(t, "no file system may be mounted here: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.Symlink("disk/fail2ban.sqlite3", in.path("fail2ban.sqlite3")); err != nil {
		t.Fatal(err)
	}
	in.append(t, "etc/fail2ban.local", "dbfile = "+in.path("disk/fail2ban.sqlite3")+"\n")
	return dir
}

// remount changes the file system itself, as the kernel does on a fault of its
// disk: the sandbox of a service has a view of its own of where it is mounted.
func remount(t *testing.T, dir, flag string) {
	t.Helper()
	fs, err := unix.Fspick(unix.AT_FDCWD, dir, unix.FSPICK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fs) }()
	if err := errors.Join(unix.FsconfigSetFlag(fs, flag), unix.FsconfigReconfigure(fs)); err != nil {
		t.Fatal(err)
	}
}

func sqliteRefuses(in *instance) bool {
	out, err := exec.Command("sqlite3", in.path("fail2ban.sqlite3"), "BEGIN IMMEDIATE; ROLLBACK;").CombinedOutput()
	return err != nil && strings.Contains(string(out), "locked")
}

// bansWithout bans by a command and by a log, and looks for complaints: in the
// log, and in our own status, which says in these words what is wrong. The old
// status has no place for it.
func bansWithout(t *testing.T, in *instance, words string) {
	t.Helper()
	if out := in.ask(t, "set", "one", "banip", "192.0.2.1"); out != "1\n" {
		t.Errorf("banip printed %q", out)
	}
	attacks(t, in, "one.log", "192.0.2.2", 2)
	eventually(t, "a ban by the log", func() bool { return strings.Contains(in.log(), "[one] Ban 192.0.2.2") })
	if got := sorted(in.ask(t, "get", "one", "banip")); !slices.Equal(got, []string{"192.0.2.1", "192.0.2.2"}) {
		t.Errorf("banned: %q", got)
	}
	eventually(t, "a complaint", func() bool {
		return strings.Contains(in.log(), "kept in memory")
	})
	out := ownStatus(in)
	for _, want := range []string{" " + words + ", since " + time.Now().Format(time.DateOnly), "Bans work as ever and are kept in memory ("} {
		if !strings.Contains(out, want) {
			t.Errorf("stockade status does not say %q:\n%s", want, out)
		}
	}
	if out := ownStatus(in, "--json"); !strings.Contains(out, `"databaseFault": {`) {
		t.Errorf("stockade status --json says nothing of the database:\n%s", out)
	}
}

// ownStatus is what our own program says.
func ownStatus(in *instance, options ...string) string {
	own := filepath.Join(filepath.Dir(in.program("client").Path), "stockade")
	out, _ := exec.Command(own, append([]string{"status", "--socket", in.path("socket")}, options...)...).CombinedOutput()
	return string(out)
}

// writtenLater waits until what was kept is in the file, and the status clear.
func writtenLater(t *testing.T, in *instance) {
	t.Helper()
	defer eventually(t, "the status says nothing any more", func() bool {
		out := ownStatus(in)
		return strings.Contains(out, "Jail: two") && !strings.Contains(out, "Database:") && !strings.Contains(out, "Degraded:")
	})
	eventually(t, "the bans are written", func() bool {
		out, err := sqlite(in, "SELECT ip FROM bips WHERE jail='one' ORDER BY ip").Output()
		return err == nil && string(out) == "192.0.2.1\n192.0.2.2\n"
	})
}
