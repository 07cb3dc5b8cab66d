package doctor

import (
	"fmt"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/server"
	"stockade/internal/store"
)

// server looks at the server as a whole.
func (d *diagnosis) server() {
	for _, r := range d.Rivals {
		d.add(Error, "second-server", "", fmt.Sprintf("%s (process %d) runs beside this server; each undoes bans of the other", r.Program, r.PID),
			fmt.Sprintf("stop it: kill %d; then: fail2ban-client reload", r.PID))
	}
	h := d.Health
	switch {
	case h == nil && d.Other != "":
		d.add(Error, "other-server", "", "a Fail2ban "+d.Other+" answers on "+d.Socket+", not Stockade",
			"to change over: systemctl stop fail2ban; systemctl start stockade")
		return
	case h == nil:
		d.add(Error, "server-down", "", "no server answers on "+d.Socket+": "+d.Silence, "systemctl start stockade; if it does not stay: journalctl -u stockade")
		return
	}
	if len(h.Jails) == 0 {
		d.add(Error, "no-jails", "", "the server runs and watches nothing", "stockade detect --yes")
	}
	if h.PausedUntil != nil {
		d.add(Warning, "paused", "", "all enforcement is lifted until "+h.PausedUntil.Local().Format(time.DateTime), "stockade resume")
	}
	for _, p := range h.Problems {
		switch p.Cost {
		case server.LeftOut:
			d.add(Error, "jail-left-out", p.Jail, "the jail does not run: "+p.Why, "stockade check says what to write instead; then: stockade reload")
		case server.AsBefore:
			d.add(Warning, "jail-not-taken-over", p.Jail, "its new configuration is broken, the old one goes on: "+p.Why, "stockade check says what to write instead; then: stockade reload")
		}
	}
	d.serverLog()
	d.database()
}

// isFile tells whether a log target is a file.
func isFile(target string) bool { return strings.HasPrefix(target, "/") }

func (d *diagnosis) serverLog() {
	l := d.Health.Log
	file, looked := d.Files[l.Target]
	switch {
	case isFile(l.Target) && looked && file.Err != nil:
		d.add(Error, "log-target", "", "the server's own log "+l.Target+" cannot be used: "+file.Err.Error(),
			"make it writable, then: fail2ban-client flushlogs")
	case l.Lost > 0:
		d.add(Error, "log-target", "", fmt.Sprintf("the log target %s refuses records, %d are lost", l.Target, l.Lost),
			"make room or make it writable, then: fail2ban-client flushlogs")
	}
}

// databaseCures say what to do about a fault of the database.
var databaseCures = map[store.Kind]string{
	store.Locked:   "find who holds it: fuser -v FILE; all is written once that program is done",
	store.ReadOnly: "make the file and its directory writable for the server",
	store.Full:     "make room on its disk",
	store.Corrupt:  "stop the server, move the file away, start it: running bans are in memory and are written anew",
	store.Newer:    "move the file away, or go back to the program that wrote it",
	store.Missing:  "make its directory: mkdir -m 700 -p DIR",
	store.Broken:   "see the server's log for the cause",
}

func (d *diagnosis) database() {
	f := d.Health.DatabaseFault
	if f == nil {
		return
	}
	text := fmt.Sprintf("the database %s cannot be written (%s): %s; %d changes wait in memory", d.Health.Database, f.Kind, f.Error, f.Waiting)
	severity := Warning
	if f.Dropped > 0 {
		severity, text = Error, fmt.Sprintf("%s, %d were given up", text, f.Dropped)
	}
	d.add(severity, "database", "", text, strings.NewReplacer("FILE", d.Health.Database, "DIR", parent(d.Health.Database)).Replace(databaseCures[f.Kind]))
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

const (
	// fullShare and fullBytes are what is left of a disk on which soon nothing
	// can be written, littleShare what is little.
	fullShare, fullBytes = 0.005, 256 << 10
	littleShare          = 0.03
	// ahead is how far a file may be dated in the future: clocks of network file
	// systems differ a little.
	ahead = time.Minute
)

// epoch is before this program was written: a clock that says less is unset.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// machine looks at clock and disks.
func (d *diagnosis) machine() {
	if d.Now.Before(epoch) {
		d.add(Error, "clock", "", "the clock says "+d.Now.Format(time.DateTime)+": findtime and bantime mean nothing", "set it: timedatectl set-ntp true")
	}
	for _, disk := range d.Disks {
		d.disk(disk)
	}
}

func (d *diagnosis) disk(k Disk) {
	what := fmt.Sprintf("the disk of %s, with %s, ", k.Path, k.For)
	cure := "make room: df -h " + k.Path + "; du -x " + k.Path + " | sort -n | tail"
	switch {
	case k.Size == 0:
	case k.Free < fullBytes || float64(k.Free) < fullShare*float64(k.Size):
		d.add(Error, "disk-full", "", what+"is full", cure)
	case k.Inodes > 0 && k.FreeInodes == 0:
		d.add(Error, "disk-full", "", what+"has no inode left", "delete files: df -i "+k.Path)
	case float64(k.Free) < littleShare*float64(k.Size):
		d.add(Warning, "disk-nearly-full", "", fmt.Sprintf("%shas %d MiB left of %d", what, k.Free>>20, k.Size>>20), cure)
	}
}

// configuration passes on what costs a jail or a part of it.
func (d *diagnosis) configuration() {
	for _, f := range d.Config {
		if f.Severity < config.Error {
			continue
		}
		cure := f.Cure
		if cure == "" {
			cure = "stockade check says more"
		}
		text := f.Text
		if !f.Origin.IsZero() {
			text = f.Origin.String() + ": " + text
		}
		d.add(Error, "configuration", f.Jail, text, cure)
	}
}
