// Package config turns a directory of Fail2ban configuration into the stream
// of commands that sets a server up.
//
// It owns the layering of files (conf, conf.d, local, includes, the embedded
// library under the user's directory), %()s interpolation, <tag> substitution
// and the meaning of jail, filter and action definitions. It promises the
// stream that Fail2ban 1.1.1 makes of the same tree, but for the differences
// listed in docs/compatibility.md, and that every value in it knows the file
// and line it was written on. It opens no socket and starts nothing.
package config

import (
	"io/fs"
	"strconv"
)

// Origin is the place a value was written at.
type Origin struct {
	File string
	// Line is 1-based; 0 means unknown or made up by the program.
	Line int
	// Library says that File belongs to the embedded library.
	Library bool
}

// IsZero tells whether the origin is unknown.
func (o Origin) IsZero() bool { return o.File == "" }

// String gives "file:line".
func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	if o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// Options say what is read and what the command line overrides.
type Options struct {
	// Dir is the base directory, "/etc/fail2ban" when empty.
	Dir string
	// Explicit says that the user named Dir, so that it must exist.
	Explicit bool
	// Library is the file system under Dir; nil means none.
	Library fs.FS
	// Enable are jails that count as enabled, whatever the files say.
	Enable []string
	// Socket, Pidfile, Loglevel, Logtarget and Syslogsocket replace the
	// values of fail2ban.conf when not empty.
	Socket, Pidfile, Loglevel, Logtarget, Syslogsocket string
}

// ServerOptions are the settings of fail2ban.conf that a client needs itself.
type ServerOptions struct {
	Socket, Pidfile, Loglevel, Logtarget, Syslogsocket string
	// Metrics is the address for Prometheus, empty for none. Fail2ban does not
	// know this option.
	Metrics string
}

// Purpose says what a stream is made for; it decides how missing log files
// are taken.
type Purpose int

// The purposes of a stream.
const (
	// Start is for a server: a log file that is missing is emitted as a
	// pending addlogpath, no error.
	Start Purpose = iota
	// Dump is for -d and --dp: missing log files are left out with a warning.
	Dump
	// Test is for -t: as Dump, but a jail without any log file is an error.
	Test
)
