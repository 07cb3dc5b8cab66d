package logbook

import (
	"os"

	"stockade/internal/pyobj"
)

// SetTarget changes where the log goes: a path, STDOUT, STDERR, SYSOUT, SYSLOG,
// SYSTEMD-JOURNAL, with options in brackets. The error is the exception that a
// client sees; the book then goes on writing to where it did. A target of the
// same name as now changes nothing, not even its options.
func (b *Book) SetTarget(text string) error {
	b.settings.Lock()
	defer b.settings.Unlock()
	spec, err := parseTarget(text)
	if err != nil {
		return err
	}
	if spec.name == b.target {
		return nil
	}
	return b.change(spec)
}

// change opens a target and makes it the one. b.settings is held.
func (b *Book) change(spec targetSpec) error {
	if spec.kind() == "INHERITED" && b.target != "" {
		b.target = spec.name
		return nil
	}
	f, err := parseFormat(spec.formatText(), b.opts.PID)
	if err != nil {
		return err
	}
	s, err := b.open(spec)
	if err != nil {
		return err
	}
	first := b.target == ""
	b.replace(s, f)
	b.target, b.options = spec.name, spec.options
	if !first {
		b.Logf(Info, ServerLogger, "Start Fail2ban v%s", b.opts.Version)
		b.Logf(Info, ServerLogger, "Changed logging target to %s for Fail2ban v%s", spec.name, b.opts.Version)
	}
	return nil
}

// open opens what the target names.
func (b *Book) open(spec targetSpec) (sink, error) {
	switch spec.kind() {
	case "STDOUT", "SYSOUT":
		return stream{b.opts.Stdout}, nil
	case "STDERR", "INHERITED":
		return stream{b.opts.Stderr}, nil
	case "SYSLOG":
		return b.openSyslog(spec)
	case "SYSTEMD-JOURNAL":
		return &journal{datagrams{path: journalSocket}}, nil
	}
	f, err := openFile(spec.name)
	if err != nil {
		b.Logf(Error, ServerLogger, "Unable to log to %s", pyobj.Repr(spec.name))
		if b.target != "" {
			b.Logf(Info, ServerLogger, "Logging to previous target %s", pyobj.Repr(b.target))
		}
		return nil, errTarget()
	}
	return f, nil
}

func errTarget() error { return pyobj.Builtin("Exception", "Failed to change log target") }

func (b *Book) openSyslog(spec targetSpec) (sink, error) {
	facility := defaultFacility
	if name, ok := spec.options["facility"]; ok {
		if facility, ok = facilityOf(name); !ok {
			facility = defaultFacility
			b.Logf(Error, ServerLogger, "Unable to set facility %s, using 'DAEMON'", pyobj.Repr(name))
		}
	}
	path := b.socket
	if path == "auto" {
		path = "/dev/log"
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		b.Logf(Error, ServerLogger, "Syslog socket file: %s does not exists or is not a socket", path)
		return nil, errTarget()
	}
	return &syslog{datagrams: datagrams{path: path}, facility: facility}, nil
}

// replace writes what is pending to the old target and goes on with the new.
func (b *Book) replace(s sink, f *format) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	if b.sink != nil {
		b.sink.close()
	}
	b.sink, b.format = s, f
	for _, r := range b.early {
		if b.Enabled(r.Level) {
			b.add(r)
		}
	}
	b.early = nil
	b.drain()
}

// SetSyslogSocket changes the socket of the target SYSLOG; "auto" is /dev/log.
// If the log goes there now, it is opened anew.
func (b *Book) SetSyslogSocket(path string) error {
	b.settings.Lock()
	defer b.settings.Unlock()
	if path == b.socket {
		return nil
	}
	old := b.socket
	b.socket = path
	spec := targetSpec{name: b.target, options: b.options}
	if spec.kind() != "SYSLOG" {
		return nil
	}
	if err := b.change(spec); err != nil {
		b.socket = old
		return pyobj.Builtin("Exception", "Failed to change syslog socket")
	}
	return nil
}

// Flush does what log rotation asks for and says what it did: "rolled over"
// when the file was opened anew, else "flushed". The answer goes by the
// target's exact name, as clients know it.
func (b *Book) Flush() string {
	b.settings.Lock()
	defer b.settings.Unlock()
	b.mu.Lock()
	b.settle()
	isFile, err := false, error(nil)
	if b.sink != nil {
		isFile, err = b.sink.reopen()
	}
	b.mu.Unlock()
	switch {
	case err != nil:
		b.Logf(Error, ServerLogger, "Unable to reopen %s, go on with the old file: %v", b.target, err)
	case isFile:
		b.Logf(Info, ServerLogger, "rollover performed on %s", b.target)
	default:
		b.Logf(Info, ServerLogger, "flush performed on %s", b.target)
	}
	if isStream(b.target) {
		return "flushed"
	}
	return "rolled over"
}
