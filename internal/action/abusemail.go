package action

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/mail"
	"stockade/internal/ticket"
)

// abuseMail is the native form of complain and xarf-login-attack, which write
// to the abuse contact of an address's network.
type abuseMail struct {
	plainForm
	postman
	// lookup asks the DNS for a text record.
	lookup func(ctx context.Context, name string) ([]string, error)
}

func newAbuseMail(p parts) native {
	a := &abuseMail{postman: newPostman(p), lookup: net.DefaultResolver.LookupTXT}
	// Both name their own command; complain's is the program mail.
	a.byMail = p.kind == "complain"
	return a
}

func (a *abuseMail) quit() { a.postman.quit() }

// xarf tells the two apart.
func (a *abuseMail) xarf() bool { return a.kind == "xarf-login-attack" }

func (a *abuseMail) fits() (bool, string) {
	for name, stock := range stockPieces {
		if v, ok := a.props.get(name); ok && !a.xarf() && fmt.Sprint(v) != stock {
			return false, name + " is a text for the shell"
		}
	}
	if strings.ContainsAny(a.text("message", ""), "$`") {
		return false, "message is a text for the shell"
	}
	if a.text("smtp", "") != "" {
		return a.carries()
	}
	if _, ok := a.argv(nil, ""); !ok {
		return false, "mailcmd or mailargs is a text for the shell"
	}
	return true, ""
}

// argv is the program and its arguments for a mail.
func (a *abuseMail) argv(to []string, subject string) ([]string, bool) {
	command, args := "mail -E 'set escape' -s", ""
	if a.xarf() {
		command, args = "/usr/sbin/sendmail", `-f "<sender>"`
	}
	argv, ok := plainWords(a.text("mailcmd", command))
	if !ok {
		return nil, false
	}
	if !a.xarf() {
		argv = append(argv, subject)
	}
	if text := a.text("mailargs", args); text != "" {
		more, ok := plainWords(text)
		if !ok {
			return nil, false
		}
		argv = append(argv, more...)
	}
	return append(argv, to...), true
}

func (a *abuseMail) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	for i, t := range tickets {
		if kind != Ban {
			continue
		}
		err := a.report(t, results[i])
		switch {
		case err == nil:
		case mail.Temporary(err):
			results[i].later(err, 0)
		default:
			a.failed(kind, t, results[i], err)
		}
	}
}

// report finds the contact and writes to it.
func (a *abuseMail) report(t *ticket.Ticket, r *Result) error {
	in := newInfo(a.env, t)
	contacts, err := a.contacts(in)
	if err != nil {
		return err
	}
	if len(contacts) == 0 {
		r.log(logbook.Info, logActions, fmt.Sprintf("[%s] action '%s': no abuse contact is known for %s", a.env.Jail, a.name, t.Address()))
		r.skipped()
		return nil
	}
	m := a.write(in, contacts)
	if a.text("smtp", "") != "" {
		return a.deliver(m)
	}
	argv, _ := a.argv(contacts, mail.OneLine(m.Subject))
	timeout, _ := a.props.timeout()
	ctx, cancel := context.WithTimeout(a.life, timeout)
	defer cancel()
	raw := m.Bytes()
	if a.byMail {
		raw = withoutOrders(m.Text)
	}
	return mail.Program{Argv: argv}.Send(ctx, a.sender(), contacts, raw)
}

func (a *abuseMail) sender() string {
	if a.xarf() {
		return a.text("sender", "fail2ban@<fq-hostname>")
	}
	return a.postman.sender()
}

// maxContacts bounds to how many addresses an answer of the DNS sends a mail.
const maxContacts = 5

// contacts asks the DNS who wants to hear of abuse by an address.
func (a *abuseMail) contacts(in *info) ([]string, error) {
	if _, ok := asked(in.ticket.Address()); !ok {
		return nil, nil
	}
	name := replaceTags(a.text("addr_resolver", "<ip-rev>abuse-contacts.abusix.org"), func(tag string) (string, bool) {
		v, ok := in.value(tag)
		return fmt.Sprint(v), ok
	})
	timeout, _ := a.props.timeout()
	ctx, cancel := context.WithTimeout(a.life, timeout)
	defer cancel()
	records, err := a.lookup(ctx, name)
	if missing := (*net.DNSError)(nil); errors.As(err, &missing) && missing.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask the DNS for the abuse contact: %w", err)
	}
	var contacts []string
	for _, record := range records {
		for _, c := range mail.Recipients(record) {
			if addressLike(c) && !slices.Contains(contacts, c) && len(contacts) < maxContacts {
				contacts = append(contacts, c)
			}
		}
	}
	return contacts, nil
}

// addressLike tells whether an answer of a stranger can be a mail address: it
// becomes a program's argument.
func addressLike(text string) bool {
	at := strings.LastIndexByte(text, '@')
	return at > 0 && at < len(text)-1 && len(text) <= 254 && text[0] != '-' && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '@' && r != '.' && r != '_' && r != '+' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// introduction is what a person is told; "\n" in the parameter ends a line.
func (a *abuseMail) introduction(in *info, what string) string {
	own := `Hello,\n\nfrom the address <ip> of your network somebody tried to ` + what + ` <fq-hostname>.\n` +
		`The lines below are from its log.\n\nThis mail was sent by a program to the abuse contact of the network, as found\n` +
		`at abusix.com. If you are the wrong one, please have the entry corrected there.`
	text := strings.ReplaceAll(a.text("message", own), `\n`, "\n")
	return replaceTags(text, func(tag string) (string, bool) {
		if v, ok := in.value(tag); ok {
			return fmt.Sprint(v), true
		}
		return builtin(tag)
	}) + "\n"
}

func (a *abuseMail) zoneNote() string {
	return "Times are those of the zone " + a.env.Clock.Now().Format("-0700 (MST)") + ".\n"
}

func (a *abuseMail) write(in *info, contacts []string) *mail.Message {
	if a.xarf() {
		return a.writeXARF(in, contacts)
	}
	m := a.message("Abuse from "+in.shown("ip"), a.introduction(in, "get into")+"\n"+a.zoneNote()+a.linesText(in))
	m.To = contacts
	return m
}

// writeXARF writes a report in the X-ARF format, version 0.2.
func (a *abuseMail) writeXARF(in *info, contacts []string) *mail.Message {
	m := a.message("", a.introduction(in, "log in at"))
	date := m.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700")
	m.Subject = "abuse report about " + in.shown("ip") + " - " + date
	m.FromName, m.From, m.To = "", a.sender(), contacts
	m.More = []mail.Header{{Name: "X-XARF", Value: "PLAIN"}}
	var b strings.Builder
	b.WriteString("---\n")
	for _, field := range [][2]string{
		{"Reported-From", a.sender()},
		{"Category", "abuse"},
		{"Report-ID", fmt.Sprintf("%d@%s", m.Date.UnixNano(), fullHostname())},
		{"Report-Type", "login-attack"},
		{"Service", a.text("service", "unspecified")},
		{"Version", "0.2"},
		{"User-Agent", "Fail2Ban"},
		{"Date", date},
		{"Source-Type", "ip-address"},
		{"Source", in.shown("ip")},
		{"Port", a.text("port", "0")},
		{"Schema-URL", "http://www.x-arf.org/schema/abuse_login-attack_0.1.2.json"},
		{"Attachment", "text/plain"},
		{"Occurrences", fmt.Sprint(in.ticket.Failures)},
		{"TLP", a.text("tlp", "green")},
	} {
		b.WriteString(field[0] + ": " + mail.OneLine(field[1]) + "\n")
	}
	lines := strings.Split(in.shown("ipmatches"), "\n")
	lines = lines[:min(len(lines), a.count("loglines", 9000))]
	m.Parts = []mail.Part{
		{Name: "report.txt", Type: "text/plain", Text: b.String()},
		{Name: "logfile.log", Type: "text/plain", Text: a.zoneNote() + "\n" + strings.Join(lines, "\n") + "\n"},
	}
	return m
}
