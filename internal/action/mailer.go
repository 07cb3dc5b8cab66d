package action

import (
	"fmt"
	"sync/atomic"

	"stockade/internal/logbook"
	"stockade/internal/mail"
	"stockade/internal/ticket"
)

// mailKind is what tells the mail actions apart.
type mailKind struct {
	// whois, place, lines: what the mail of a ban holds besides.
	whois, place, lines bool
	// matches is the tag of the matched lines that it holds.
	matches string
	// buffered puts several bans into one mail.
	buffered bool
}

// mailKinds are the stock mail actions.
var mailKinds = map[string]mailKind{
	"mail":             {},
	"mail-whois":       {whois: true},
	"mail-whois-lines": {whois: true, lines: true},
	"mail-buffered":    {buffered: true},

	"sendmail":                     {},
	"sendmail-whois":               {whois: true},
	"sendmail-whois-lines":         {whois: true, lines: true},
	"sendmail-whois-matches":       {whois: true, matches: "matches"},
	"sendmail-whois-ipmatches":     {whois: true, matches: "ipmatches"},
	"sendmail-whois-ipjailmatches": {whois: true, matches: "ipjailmatches"},
	"sendmail-geoip-lines":         {place: true, lines: true},
	"sendmail-buffered":            {buffered: true},
}

// mailer is the native form of the mail actions: it writes the mails itself and
// hands them over without a shell.
type mailer struct {
	plainForm
	postman
	kind mailKind
	// pending are the bans that wait for a mail of several.
	pending []string
	waiting atomic.Int64
}

func newMailer(p parts) native {
	return &mailer{postman: newPostman(p), kind: mailKinds[p.kind]}
}

func (m *mailer) quit() { m.postman.quit() }

func (m *mailer) held() int { return int(m.waiting.Load()) }

// stockPieces are parameters of which only the stock text has a native form.
var stockPieces = map[string]string{"greplimit": "tail -n <grepmax>", "grepopts": "-m <grepmax>"}

func (m *mailer) fits() (bool, string) {
	for name, stock := range stockPieces {
		if v, ok := m.props.get(name); ok && m.kind.lines && fmt.Sprint(v) != stock && fmt.Sprint(v) != "<known/"+name+">" {
			return false, name + " is a text for the shell"
		}
	}
	return m.carries()
}

func (m *mailer) start(*[]logbook.Record) error {
	text := m.greeting("the jail %s on %s watches now.\n", m.jail(), fullHostname())
	if m.kind.buffered {
		text += fmt.Sprintf("Bans are told of %d at a time.\n", m.count("lines", 5))
	}
	if err := m.send("started on", text); err != nil {
		return m.fault("starting", err)
	}
	return nil
}

// end sends what waits, and a farewell.
func (m *mailer) end(StopMode) error {
	var err error
	if len(m.pending) > 0 {
		err = m.sendSeveral(m.pending)
		m.pending = nil
		m.waiting.Store(0)
	}
	if e := m.send("stopped on", m.greeting("the jail %s on %s no longer watches.\n", m.jail(), fullHostname())); e != nil {
		err = e
	}
	if err != nil {
		return m.fault("stopping", err)
	}
	return nil
}

func (m *mailer) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	for i, t := range tickets {
		if kind != Ban {
			continue
		}
		err := m.ban(t)
		switch {
		case err == nil:
		case mail.Temporary(err):
			results[i].later(err, 0)
		default:
			m.failed(kind, t, results[i], err)
		}
	}
}

func (m *mailer) ban(t *ticket.Ticket) error {
	in := newInfo(m.env, t)
	if !m.kind.buffered {
		subject := fmt.Sprintf("banned %s from", t.Address())
		return m.send(subject, m.banText(in))
	}
	// A ban that cannot be told now comes again, so it is not kept yet.
	entry := fmt.Sprintf("%s: %s (%d failures)", m.env.Clock.Now().Format("Mon Jan _2 15:04:05 MST 2006"), t.Address(), t.Failures)
	all := append(m.pending[:len(m.pending):len(m.pending)], mail.OneLine(entry))
	if len(all) >= m.count("lines", 5) {
		if err := m.sendSeveral(all); err != nil {
			return err
		}
		all = nil
	}
	m.pending = all
	m.waiting.Store(int64(len(all)))
	return nil
}

func (m *mailer) sendSeveral(entries []string) error {
	text := m.greeting("the jail %s on %s has banned:\n\n", m.jail(), fullHostname())
	for _, e := range entries {
		text += e + "\n"
	}
	word := "summary from"
	if m.byMail {
		word = "Summary from" // as these actions always wrote it
	}
	return m.send(word, text)
}

// summary tells of bans for which there was no room in the queue.
func (m *mailer) summary(dropped int, r *Result) {
	text := m.greeting("the jail %s on %s banned faster than mails could be sent.\n%d bans have no mail of their own; they stand in the log of the server.\n",
		m.jail(), fullHostname(), dropped)
	if err := m.send(fmt.Sprintf("%d more bans on", dropped), text); err != nil {
		if mail.Temporary(err) {
			r.later(err, 0)
			return
		}
		r.fail(m.name, m.fault("reporting", err))
	}
}

// send sends a mail: its subject is the jail, what happened, and this machine.
func (m *mailer) send(what, text string) error {
	return m.deliver(m.message(fmt.Sprintf("[Fail2Ban] %s: %s %s", m.jail(), what, fullHostname()), text+m.farewell()))
}
