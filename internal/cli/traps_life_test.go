package cli

import (
	"crypto/sha1"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// stateTraps are about the database and the log.
var stateTraps = []trap{
	{number: 22, name: "firstlinemd5 is a SHA-1", before: func(r trapped) { r.logs("failure from 192.0.2.1") }, do: func(r trapped) {
		await(r.T, "the first line", r.logged("Found 192.0.2.1"))
		r.says("stop", "Shutdown successful")
		first, _, _ := strings.Cut(r.read("one.log"), "\n")
		want := fmt.Sprintf("%x", sha1.Sum([]byte(first+"\n")))
		if got := r.sql("SELECT firstlinemd5 FROM logs WHERE jail = 'one'"); got != want {
			r.Errorf("%q, want %q", got, want)
		}
	}},
	{number: 23, name: "data is a blob", do: func(r trapped) {
		r.says("set one banip 192.0.2.1", "1")
		if got := r.sql("SELECT typeof(data), data, bantime, bancount FROM bips"); got != `blob|{"matches": [], "failures": 0}|600|1` {
			r.Error(got)
		}
	}},
	{number: 24, name: "longer bans of the database are cut", do: func(r trapped) {
		r.says("stop", "Shutdown successful")
		r.earlier("192.0.2.60", 3600, 86400)
		r.earlier("192.0.2.61", 60, 86400)
		r.says("start", "Server ready")
		await(r.T, "the restored ban", r.logged("Restore Ban 192.0.2.61"))
		r.says("get one banip --with-time", "192.0.2.61 \tTIME + 600 = TIME")
	}},
	{number: 25, name: "unban deletes rows of what is not banned", do: func(r trapped) {
		// Until then the jail may still read the bans of an earlier run.
		await(r.T, "the start", r.logged("Jail 'one' started"))
		r.earlier("192.0.2.61", 60, 600)
		r.says("unban 192.0.2.61", "0")
		if got := r.sql("SELECT count(*) FROM bips"); got != "0" {
			r.Errorf("%s rows", got)
		}
	}},
	{number: 26, name: "a stop repeals", do: func(r trapped) {
		r.says("set one banip 192.0.2.1", "1")
		r.says("stop", "Shutdown successful")
		if !r.logged("NOTICE  [one] Repeal Ban 192.0.2.1")() {
			r.Error(r.read("server.log"))
		}
	}},
	{number: 46, name: "users are stored", before: func(r trapped) {
		r.replace("filter.d/one.conf", "^ failure from <HOST>$", "^ <F-MLFID>s\\d+</F-MLFID> failure from <HOST> user <F-USER>\\S+</F-USER>$")
	}, do: func(r trapped) {
		r.logs("s1 failure from 192.0.2.1 user a", "s1 failure from 192.0.2.1 user a", "s1 failure from 192.0.2.1 user a")
		// The reference logs a ban before it stores it.
		await(r.T, "the row", func() bool { return r.sql("SELECT count(*) FROM bips") == "1" })
		if got := r.sql("SELECT data FROM bips"); !strings.Contains(got, `"users": "['a']"`) {
			r.Error(got)
		}
	}},
	{number: 47, name: "a float for the second offence", before: func(r trapped) {
		r.replace("jail.conf", "maxretry = 3", "maxretry = 2\nbantime.increment = true")
	}, do: func(r trapped) {
		r.says("stop", "Shutdown successful")
		r.earlier("192.0.2.1", 5000, 60)
		r.earlier("192.0.2.2", 5000, 60)
		r.sql("UPDATE bips SET bancount = 2 WHERE ip = '192.0.2.2'")
		r.says("start", "Server ready")
		r.logs("failure from 192.0.2.1", "failure from 192.0.2.2")
		await(r.T, "the second offence", r.logged("1 # -> 2.0, Ban"))
		await(r.T, "the third offence", r.logged("2 # -> 2, Ban"))
	}},
}

// lifeTraps are about starts, reloads and configurations.
var lifeTraps = []trap{
	{number: 15, name: "a reload undoes what was set", do: func(r trapped) {
		r.says("set loglevel WARNING", "Current logging level is 'WARNING'")
		r.says("reload", "OK")
		r.says("get loglevel", "Current logging level is 'INFO'")
	}},
	{number: 19, name: "restart --unban is a reload", do: func(r trapped) {
		pid := r.read("f.pid")
		r.says("restart --unban", "OK")
		if now := r.read("f.pid"); now != pid {
			r.Errorf("pid %s, was %s", now, pid)
		}
	}},
	{number: 20, differs: true, name: "a new action stays (there it vanishes)", do: func(r trapped) {
		r.replace("jail.conf", "action = act", "action = act\n         act[actname=second]")
		r.says("reload", "OK")
		r.says("get one actions", "The jail one has the following actions:\nact, second")
	}},
	{number: 21, name: "modes, and the end of the pid file", do: func(r trapped) {
		for name, mode := range map[string]os.FileMode{"f.sock": 0o700, "f.pid": 0o600} {
			if info, err := os.Stat(r.path(name)); err != nil || info.Mode().Perm() != mode {
				r.Errorf("%s: %v, %v", name, info, err)
			}
		}
		if !strings.HasSuffix(r.read("f.pid"), "\n") {
			r.Error("no newline")
		}
	}},
	{number: 29, name: "a stale socket needs -x", down: true, before: func(r trapped) { write(r.T, r.path("f.sock"), "") }, do: func(r trapped) {
		r.fails("start", "", "Fail2ban seems to be in unexpected state (not running but the socket exists)")
		r.says("-x start", "Server ready")
	}},
	{number: 30, differs: true, name: "a bad failregex costs itself (there it fails the start)", down: true, before: func(r trapped) {
		r.replace("filter.d/two.conf", "^ refused <HOST>$", "^ refused <HOST>$\n  (( <HOST>")
	}, do: func(r trapped) {
		if got := r.f("start"); got.stdout != "Server ready\n" {
			r.Errorf("%+v", got)
		}
		r.says("status", "Status\n|- Number of jail:\t2\n`- Jail list:\tone, two")
	}},
	{number: 31, name: "a broken filter does not fail a reload", do: func(r trapped) {
		broken.do(r.T, r.dir)
		got := r.f("-q reload")
		if got.stdout != "OK\n" || got.status != 0 || !strings.Contains(got.stderr, "Unable to read the filter 'nofilter'") ||
			!strings.Contains(got.stderr, "Errors in jail 'bad'. Skipping...") {
			r.Errorf("%+v", got)
		}
		if got := r.f("-t"); got.status != 255 {
			r.Errorf("%+v", got)
		}
	}},
	{number: 32, name: "where -t fails", down: true, before: func(r trapped) { broken.do(r.T, r.dir) }, do: func(r trapped) {
		r.fails("-t", "ERROR: test configuration failed\n", "")
	}},
	{number: 40, name: "reload of a jail that is not there", do: func(r trapped) {
		r.says("stop --all", "Jail stopped")
		r.fails("reload one", "Sorry but the jail 'one' does not exist\n", "")
		r.says("reload --if-exists one", "OK")
	}},
	{number: 41, differs: true, name: "a failing reload keeps the jails (there it removes them)", do: func(r trapped) {
		r.says("set one banip 192.0.2.1", "1")
		r.replace("filter.d/one.conf", "<HOST>", "(<HOST>")
		r.f("reload")
		r.says("status", "Status\n|- Number of jail:\t2\n`- Jail list:\tone, two")
		r.says("get one banip", "192.0.2.1")
	}},
	{number: 42, differs: true, name: "a removed option is gone (there it stays)", before: func(r trapped) {
		r.replace("jail.conf", "[one]", "[one]\nignorecommand = /bin/false")
	}, do: func(r trapped) {
		r.says("get one ignorecommand", "/bin/false")
		r.replace("jail.conf", "ignorecommand = /bin/false\n", "")
		r.says("reload", "OK")
		r.says("get one ignorecommand", "False")
	}},
	{number: 43, differs: true, name: "SIGHUP reloads in the foreground (there it kills)", down: true, do: func(r trapped) {
		f := startForeground(r.T)
		f.signal(r.T, syscall.SIGHUP)
		r.dir = f.dir
		await(r.T, "the reload", r.logged("Reload finished."))
		if got := f.client(r.T, "ping"); got.status != 0 {
			r.Errorf("%+v", got)
		}
	}},
	{number: 44, name: "the name of the process", down: true, do: func(r trapped) {
		r.says("--pname x start", "Server ready")
		comm, err := os.ReadFile("/proc/" + strings.TrimSpace(r.read("f.pid")) + "/comm")
		if err != nil || string(comm) != "fail2ban-server\n" {
			r.Errorf("%q, %v", comm, err)
		}
	}},
}
