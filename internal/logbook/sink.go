package logbook

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// sink is where formatted records go.
type sink interface {
	// write takes records that each end with a newline; ends says where.
	write(data []byte, group []entry) error
	// reopen opens a file anew by its name; false for all that is no file.
	reopen() (bool, error)
	close() error
}

// entry is one record of a group.
type entry struct {
	// end is where its text ends in the data, without the newline.
	start, end int
	level      Level
	logger     string
}

// stream is standard output or error.
type stream struct{ w io.Writer }

func (s stream) write(data []byte, _ []entry) error { _, err := s.w.Write(data); return err }
func (s stream) reopen() (bool, error)              { return false, nil }
func (s stream) close() error                       { return nil }

// file appends to a file by its absolute name.
type file struct {
	path string
	f    *os.File
}

func openFile(path string) (*file, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find log file %s: %w", path, err)
	}
	f, err := openAppend(abs)
	if err != nil {
		return nil, err
	}
	return &file{path: abs, f: f}, nil
}

// openAppend opens for its owner only, as everything that the server writes.
func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

func (s *file) write(data []byte, _ []entry) error { _, err := s.f.Write(data); return err }
func (s *file) close() error                       { return s.f.Close() }

func (s *file) reopen() (bool, error) {
	f, err := openAppend(s.path)
	if err != nil {
		return true, err
	}
	old := s.f
	s.f = f
	return true, old.Close()
}

// facilities are syslog's, by name.
var facilities = map[string]int{
	"KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SECURITY": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7,
	"UUCP": 8, "CRON": 9, "AUTHPRIV": 10, "FTP": 11, "NTP": 12, "CONSOLE": 14, "SOLCRON": 15,
	"LOCAL0": 16, "LOCAL1": 17, "LOCAL2": 18, "LOCAL3": 19, "LOCAL4": 20, "LOCAL5": 21, "LOCAL6": 22, "LOCAL7": 23,
}

const defaultFacility = 3

// datagrams is a unix socket that takes one message a record; it is connected
// anew when the other side was restarted.
type datagrams struct {
	path string
	mu   sync.Mutex
	conn net.Conn
}

func (d *datagrams) connect() error {
	if d.conn != nil {
		return nil
	}
	for _, network := range []string{"unixgram", "unix"} {
		conn, err := net.Dial(network, d.path)
		if err == nil {
			d.conn = conn
			return nil
		}
		if !errors.Is(err, syscall.EPROTOTYPE) {
			return err
		}
	}
	return fmt.Errorf("connect to %s: %w", d.path, syscall.EPROTOTYPE)
}

// send sends one message, trying a second connection if the first is dead.
func (d *datagrams) send(message []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	for range 2 {
		if err = d.connect(); err != nil {
			return err
		}
		if _, err = d.conn.Write(message); err == nil || errors.Is(err, syscall.EMSGSIZE) {
			return err
		}
		d.conn.Close()
		d.conn = nil
	}
	return err
}

func (d *datagrams) reopen() (bool, error) { return false, nil }

func (d *datagrams) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return nil
	}
	err := d.conn.Close()
	d.conn = nil
	return err
}

// syslog sends records to a syslog daemon.
type syslog struct {
	datagrams
	facility int
}

func (s *syslog) write(data []byte, group []entry) error {
	var first error
	var message []byte
	for _, e := range group {
		message = fmt.Appendf(message[:0], "<%d>", s.facility*8+syslogPriority(e.level))
		message = append(append(message, data[e.start:e.end]...), 0)
		if err := s.send(message); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// syslogPriority is 4 for levels without a name of their own in syslog.
func syslogPriority(l Level) int {
	switch l {
	case Critical:
		return 2
	case Error:
		return 3
	case Notice:
		return 5
	case Info:
		return 6
	case Debug:
		return 7
	}
	return 4
}

// journalSocket is where systemd's journal listens.
const journalSocket = "/run/systemd/journal/socket"

// maxJournalText keeps a message below what a datagram may hold.
const maxJournalText = 128 << 10

// journal sends records in the native protocol of systemd's journal. Where
// none listens they are dropped, as the reference does.
type journal struct{ datagrams }

func (j *journal) write(data []byte, group []entry) error {
	for _, e := range group {
		var b bytes.Buffer
		text := data[e.start:e.end]
		text = text[:min(len(text), maxJournalText)]
		journalField(&b, "MESSAGE", text)
		journalField(&b, "PRIORITY", fmt.Append(nil, journalPriority(e.level)))
		journalField(&b, "SYSLOG_IDENTIFIER", []byte("fail2ban"))
		journalField(&b, "LOGGER", []byte(e.logger))
		if err := j.send(b.Bytes()); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
	}
	return nil
}

// journalPriority: the recidive filter asks for priority 5 of a NOTICE.
func journalPriority(l Level) int {
	switch {
	case l >= Critical:
		return 2
	case l >= Error:
		return 3
	case l >= Warning:
		return 4
	case l >= Notice:
		return 5
	case l >= Msg:
		return 6
	}
	return 7
}

// journalField writes a field; one with newlines has its length before it.
func journalField(b *bytes.Buffer, name string, value []byte) {
	b.WriteString(name)
	if bytes.IndexByte(value, '\n') < 0 {
		b.WriteByte('=')
	} else {
		b.WriteByte('\n')
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
	}
	b.Write(value)
	b.WriteByte('\n')
}

// facilityOf finds a facility by name, in any case, with or without LOG_.
func facilityOf(name string) (int, bool) {
	f, ok := facilities[strings.TrimPrefix(strings.ToUpper(name), "LOG_")]
	return f, ok
}
