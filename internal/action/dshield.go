package action

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"stockade/internal/mail"
	"stockade/internal/ticket"
	"stockade/internal/web"
)

// maxBuffer bounds the records that wait for a mail to DShield.
const maxBuffer = 4 << 20

// dshield collects a record of each ban in a file and mails them together, as
// the stock action does and with its files.
type dshield struct {
	plainForm
	postman
}

func newDShield(p parts) native {
	d := &dshield{postman: newPostman(p)}
	d.byMail = true
	return d
}

func (d *dshield) quit() { d.postman.quit() }

func (d *dshield) fits() (bool, string) {
	if d.text("mailargs", "") != "" {
		return false, "mailargs is for the program mail"
	}
	return d.carries()
}

// wants hears of unbans too, because a mail may be due by then.
func (d *dshield) wants(kind JobKind) bool { return kind == Unban }

func (d *dshield) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	// Jails share the files.
	lock := d.env.Locks.of(d.kind)
	lock.Lock()
	defer lock.Unlock()
	for i, t := range tickets {
		var err error
		if kind == Ban {
			err = d.note(t)
		} else {
			results[i].skipped()
		}
		if err == nil && d.due() {
			err = d.post()
		}
		if err != nil {
			d.failed(kind, t, results[i], err)
		}
	}
}

// end sends what is there.
func (d *dshield) end(StopMode) error {
	lock := d.env.Locks.of(d.kind)
	lock.Lock()
	defer lock.Unlock()
	if _, err := os.Stat(d.file("buffer")); err != nil {
		return nil
	}
	if err := d.post(); err != nil {
		return d.fault("stopping", err)
	}
	return nil
}

// file is one of those in which the action keeps its state.
func (d *dshield) file(what string) string {
	return d.text("tmpfile", "/var/run/fail2ban/tmp-dshield") + "." + what
}

// record is the line of one ban, its fields between tabs.
func (d *dshield) record(t *ticket.Ticket) string {
	fields := []string{
		t.Time.Local().Format("2006-01-02 15:04:05 -07:00"), d.text("userid", "0"), strconv.Itoa(t.Failures), t.Address().String(),
		d.text("srcport", "???"), d.address(), d.text("port", "???"), web.ProtocolNumber(d.text("protocol", "tcp")), d.text("tcpflags", ""),
	}
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(mail.OneLine(f), "\t", " ")
	}
	return strings.Join(fields, "\t") + "\n"
}

// address is this machine's, where the parameter asks a shell for it that of
// eth0 or of the first interface that has one.
func (d *dshield) address() string {
	text := d.text("myip", "")
	if !strings.ContainsAny(text, "`$") {
		return text
	}
	if one, err := net.InterfaceByName("eth0"); err == nil {
		if addrs, err := one.Addrs(); err == nil {
			if ip := firstGlobal(addrs); ip != "" {
				return ip
			}
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	return firstGlobal(addrs)
}

func firstGlobal(addrs []net.Addr) string {
	i := slices.IndexFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast()
	})
	if i < 0 {
		return ""
	}
	return addrs[i].(*net.IPNet).IP.String()
}

// note appends the record of a ban.
func (d *dshield) note(t *ticket.Ticket) error {
	f, err := os.OpenFile(d.file("buffer"), os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxBuffer {
		return fmt.Errorf("%s is full, since no mail could be sent", f.Name())
	}
	if info.Size() == 0 {
		if err := d.mark("first", t.Time); err != nil {
			return err
		}
	}
	_, err = f.WriteString(d.record(t))
	return err
}

// mark writes a time into a file.
func (d *dshield) mark(what string, at time.Time) error {
	f, err := os.OpenFile(d.file(what), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, at.Unix())
	return errors.Join(err, f.Close())
}

// since is how long ago a file was marked; very long where it was not.
func (d *dshield) since(what string) time.Duration {
	text, err := os.ReadFile(d.file(what))
	at, numberErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || numberErr != nil {
		at = 0
	}
	return d.env.Clock.Now().Sub(time.Unix(at, 0))
}

// number reads a parameter; what is no number counts as the default.
func (d *dshield) number(name string, fallback int) int {
	n, err := strconv.Atoi(d.text(name, ""))
	if err != nil {
		return fallback
	}
	return n
}

func (d *dshield) seconds(name string, fallback int) time.Duration {
	return time.Duration(d.number(name, fallback)) * time.Second
}

// due tells whether it is time for a mail.
func (d *dshield) due() bool {
	text, err := os.ReadFile(d.file("buffer"))
	if err != nil || len(text) == 0 {
		return false
	}
	enough := strings.Count(string(text), "\n") >= d.number("lines", 50)
	return enough && d.since("lastsent") > d.seconds("minreportinterval", 3600) ||
		d.since("first") > d.seconds("maxbufferage", 21600)
}

// post mails what was collected. Where that fails it stays, and goes with the
// next mail.
func (d *dshield) post() error {
	text, err := os.ReadFile(d.file("buffer"))
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("FORMAT DSHIELD USERID %s TZ %s Fail2Ban", d.text("userid", "0"), d.env.Clock.Now().Local().Format("-07:00"))
	m := d.message(subject, string(text))
	m.To = mail.Recipients(d.text("dest", "reports@dshield.org"))
	if err := d.deliver(m); err != nil {
		return err
	}
	for _, what := range []string{"buffer", "first"} {
		if err := os.Remove(d.file(what)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.mark("lastsent", d.env.Clock.Now())
}
