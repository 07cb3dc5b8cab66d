package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stockade/internal/action"
	"stockade/internal/config"
	"stockade/internal/event"
	"stockade/internal/server"
)

// runVerb is a server in the foreground for somebody who just wants to try it:
// everything it writes is in one directory, and it says what it does.
func (s *stockade) runVerb(args []string) int {
	options, rest, err := s.parse(args, "dir=", "conf=", "native=", "library=")
	if err != nil || len(rest) > 0 {
		return s.misuse("run", err)
	}
	dir := options["dir"]
	if dir == "" {
		dir = runDir
	}
	dir = absolute(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.complain("cannot make the directory %s: %v", dir, err)
		return wentWrong
	}
	c := s.server(dir, options)
	if err := begin(c.opts); err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	if refusal := refuse(c); refusal != "" {
		s.complain("%s", refusal)
		return wentWrong
	}
	result, ok := c.readConfiguration("", config.Start)
	if !ok {
		s.complain("this configuration cannot be used. To see why: stockade check%s", confHint(options["conf"]))
		return wentWrong
	}
	root := os.Geteuid() == 0
	result.Stream = adapt(result.Stream, dir, root)
	return s.watch(c, result, root)
}

func confHint(conf string) string {
	if conf == "" {
		return ""
	}
	return " --conf " + conf
}

// server is the setup of a server that keeps to one directory. Without a
// configuration of the user's it runs on the embedded library alone.
func (s *stockade) server(dir string, options values) *client {
	conf := options["conf"]
	c := newClient(s.env, true)
	c.opts = runOptions(dir, conf)
	c.opts.noNative = options["native"] == "never"
	c.opts.noLibrary = options["library"] == "none"
	c.given = *c.opts
	c.log = newLog(s.env, 1)
	return c
}

// runOptions are the places in the directory of a run.
func runOptions(dir, conf string) *options {
	explicit := conf != ""
	if !explicit {
		conf = filepath.Join(dir, "etc")
	}
	return &options{
		conf: conf, explicitConf: explicit, pname: "stockade",
		socket: filepath.Join(dir, socketName), pidfile: filepath.Join(dir, "fail2ban.pid"),
		loglevel: "INFO", logtarget: filepath.Join(dir, "fail2ban.log"), syslogsocket: "auto",
		foreground: true, force: true, verbosity: 1, timeout: defaultTimeout,
	}
}

// firstJails is the configuration of a directory that has none yet.
const firstJails = `# The jails that Stockade runs in this directory. Others are switched on in the
# same way. To see what is wrong: stockade check --conf and this directory.

[sshd]
enabled = true
`

// begin writes a first configuration, unless the user brought one.
func begin(o *options) error {
	if o.explicitConf {
		return nil
	}
	path := filepath.Join(o.conf, "jail.local")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(o.conf, 0o700); err != nil {
		return fmt.Errorf("cannot make a place for the configuration: %w", err)
	}
	if err := os.WriteFile(path, []byte(firstJails), 0o600); err != nil {
		return fmt.Errorf("cannot write a first configuration: %w", err)
	}
	return nil
}

// refuse says why no server may be started: because another one is at work.
func refuse(c *client) string {
	for _, socket := range []string{c.opts.socket, defaultSocket} {
		version, err := serverVersion(socket, quickPing*10)
		if err != nil {
			continue
		}
		name := "a Fail2ban (version " + version + ")"
		if strings.HasPrefix(version, "Stockade ") {
			name = version
		}
		return fmt.Sprintf("%s is at work already, on %s. Two of them would undo each other's bans.\n"+
			"Stop that one first: fail2ban-client -s %s stop", name, socket, socket)
	}
	return ""
}

// adapt makes a stream fit the directory: the database goes there, and without
// root there are no actions.
func adapt(stream config.Stream, dir string, root bool) config.Stream {
	var out config.Stream
	for _, command := range stream {
		w := command.Words
		if len(w) == 3 && w[0] == "set" && w[1] == "dbfile" {
			command.Words = []any{"set", "dbfile", filepath.Join(dir, "fail2ban.sqlite3")}
		}
		if !root && len(w) > 2 && (w[2] == "addaction" || w[2] == "action") {
			continue
		}
		out = append(out, command)
	}
	return out
}

// watch serves, and says in plain lines what happens.
func (s *stockade) watch(c *client, result *config.Result, root bool) int {
	d := &daemonProcess{client: c}
	if err := d.open(); err != nil {
		s.complain("cannot start: %v", err)
		return wentWrong
	}
	defer d.book.Close()
	if err := d.listen(c.opts.socket, true); err != nil {
		d.server.Shutdown(action.Lift)
		d.farewell()
		s.complain("cannot start: %v", err)
		return wentWrong
	}
	if _, err := d.configure(result); err != nil {
		d.server.Shutdown(action.Lift)
		d.end()
		s.complain("cannot start: %v", err)
		return wentWrong
	}
	s.introduce(d, result, root)
	if len(result.Good) > 0 && len(d.server.Jails()) == 0 {
		d.server.Shutdown(action.Lift)
		d.end()
		s.complain("%v", errNoJail)
		return wentWrong
	}
	ctx, cancel := context.WithCancel(context.Background())
	go s.narrate(ctx, d.server.Events())
	d.wait()
	cancel()
	d.end()
	s.printf("Stopped.\n")
	return 0
}

// introduce says what is watched and what can be done about it.
func (s *stockade) introduce(d *daemonProcess, result *config.Result, root bool) {
	c := d.client
	s.printf("Stockade %s is watching.\n", Version)
	for _, name := range result.Good {
		// What only the server can judge, as a time or a regex, may have cost the jail.
		if _, err := d.server.Jail(name); err == nil {
			s.printf("  jail %s: %s\n", name, sources(result.Stream, name))
		}
	}
	for _, p := range d.server.Problems() {
		if p.Cost == server.Degraded {
			s.printf("  jail %s runs without a part of its configuration: %s\n", p.Jail, printable(p.Why))
		} else {
			s.printf("  jail %s is left out: %s\n", p.Jail, printable(p.Why))
		}
	}
	if len(d.server.Problems()) > 0 {
		s.printf("  To see what to write instead: stockade check %s\n", c.opts.conf)
	}
	if len(result.Good) == 0 {
		s.printf("  no jail is switched on\n")
	}
	if !root {
		s.printf("You are not root: it decides whom to ban, but it enforces nothing.\n")
	}
	s.printf("Jails:  %s\nSocket: %s\nLog:    %s\n", filepath.Join(c.opts.conf, "jail.local"), c.opts.socket, c.opts.logtarget)
	s.printf("See the bans:  stockade status --socket %s\nLift a ban:    stockade unban ADDRESS --socket %s\nStop:          Ctrl-C\n",
		c.opts.socket, c.opts.socket)
}

// sources names what a jail reads, as far as the stream tells.
func sources(stream config.Stream, jail string) string {
	var files, waiting []string
	journal := false
	for _, command := range stream {
		w := command.Words
		if len(w) < 4 || w[0] != "set" || w[1] != jail {
			continue
		}
		switch w[2] {
		case "addlogpath":
			path, _ := w[3].(string)
			if command.Pending {
				waiting = append(waiting, path)
			} else {
				files = append(files, path)
			}
		case "addjournalmatch":
			journal = true
		}
	}
	switch {
	case len(files) > 0:
		return "reads " + strings.Join(files, ", ")
	case len(waiting) > 0 && journal:
		return "waits for " + strings.Join(waiting, ", ") + " or the journal"
	case len(waiting) > 0:
		return "waits for " + strings.Join(waiting, ", ")
	case journal:
		return "reads the journal"
	}
	return "has nothing to read yet"
}

// narrate prints bans and their ends as they happen.
func (s *stockade) narrate(ctx context.Context, events *event.Stream) {
	reader := events.Subscribe(ctx, events.Last())
	buf := make([]event.Event, 64)
	for {
		n, _, err := reader.Next(buf)
		if err != nil {
			return
		}
		for _, e := range buf[:n] {
			if text := narration(e); text != "" {
				s.printf("%s  %s\n", e.Time.Local().Format(time.TimeOnly), text)
			}
		}
	}
}

func narration(e event.Event) string {
	until := " for good"
	if !e.Until.IsZero() {
		until = " until " + e.Until.Local().Format(time.DateTime)
	}
	switch e.Kind {
	case event.Ban:
		return "banned " + printable(e.ID) + " in " + e.Jail + until
	case event.Restore:
		return "banned again " + printable(e.ID) + " in " + e.Jail + until
	case event.Unban:
		return "lifted the ban of " + printable(e.ID) + " in " + e.Jail
	}
	return ""
}
