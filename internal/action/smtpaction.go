package action

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/mail"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// smtpKind is the only Python action that Fail2ban ships.
const smtpKind = "smtp.py"

// smtpParams are its arguments with their defaults.
var smtpParams = map[string]string{
	"host": "localhost", "ssl": "", "user": "", "password": "",
	"sendername": "Fail2Ban", "sender": "fail2ban", "dest": "root", "matches": "",
}

// smtpArguments reads the JSON object of arguments.
func smtpArguments(text string) (map[string]any, error) {
	given, err := parseArguments("__init__", text)
	if err != nil {
		return nil, err
	}
	args := map[string]any{}
	for name, value := range smtpParams {
		args[name] = value
	}
	for name, value := range given {
		if _, ok := smtpParams[name]; !ok {
			return nil, pyobj.Errorf("TypeError", "SMTPAction.__init__() got an unexpected keyword argument '%s'", name)
		}
		if value == nil {
			value = smtpParams[name]
		}
		args[name] = pyobj.Str(value)
	}
	return args, nil
}

// smtpAction is the stock action smtp.py without Python: mails through a mail
// server at start, stop and ban.
type smtpAction struct {
	plainForm
	postman
}

func newSMTPAction(p parts) native { return &smtpAction{postman: newPostman(p)} }

func (s *smtpAction) quit() { s.postman.quit() }

func (s *smtpAction) get(name string) string {
	v, _ := s.props.get(name)
	return pyobj.Str(v)
}

func (s *smtpAction) start(*[]logbook.Record) error {
	return s.send("started on", fmt.Sprintf("Hello,\n\nthe jail %s watches now.\n", s.env.Jail))
}

func (s *smtpAction) end(StopMode) error {
	return s.send("stopped on", fmt.Sprintf("Hello,\n\nthe jail %s no longer watches.\n", s.env.Jail))
}

func (s *smtpAction) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	for i, t := range tickets {
		if kind != Ban {
			continue
		}
		in := newInfo(s.env, t)
		err := s.send(fmt.Sprintf("banned %s from", in.shown("ip")), s.banText(in))
		switch {
		case err == nil:
		case mail.Temporary(err):
			results[i].later(err, 0)
		default:
			s.failed(kind, t, results[i], err)
		}
	}
}

// banText is the mail of one ban.
func (s *smtpAction) banText(in *info) string {
	text := fmt.Sprintf("Hello,\n\nthe jail %s has banned %s for %d seconds (failures: %d).\n", s.env.Jail, in.shown("ip"), s.bantime(), in.ticket.Failures)
	if which := s.get("matches"); slices.Contains([]string{"matches", "ipmatches", "ipjailmatches"}, which) {
		text += "\nMatched lines:\n\n" + in.shown(which) + "\n"
	}
	return text
}

func (s *smtpAction) bantime() int64 {
	if s.env.Bantime == nil {
		return 0
	}
	return s.env.Bantime()
}

// summary tells of bans for which there was no room in the queue.
func (s *smtpAction) summary(dropped int, r *Result) {
	text := fmt.Sprintf("Hello,\n\nthe jail %s banned faster than mails could be sent.\n%d bans have no mail of their own.\n", s.env.Jail, dropped)
	if err := s.send(fmt.Sprintf("%d more bans on", dropped), text); err != nil {
		if mail.Temporary(err) {
			r.later(err, 0)
			return
		}
		r.fail(s.name, s.fault("reporting", err))
	}
}

func (s *smtpAction) send(what, text string) error {
	host, err := os.Hostname() // without domain, as the stock action has it
	if err != nil {
		host = "localhost"
	}
	timeout, _ := s.props.timeout()
	ctx, cancel := context.WithTimeout(s.life, timeout)
	defer cancel()
	m := &mail.Message{
		FromName: s.get("sendername"), From: s.get("sender"), To: mail.Recipients(s.get("dest")),
		Subject: fmt.Sprintf("[Fail2Ban] %s: %s %s", s.env.Jail, what, host), Date: s.env.Clock.Now(), Host: fullHostname(),
		Text: text + "\nRegards,\nFail2Ban\n",
	}
	return s.server().Send(ctx, s.get("sender"), m.To, m.Bytes())
}

// server is what the parameters say: with ssl TLS by STARTTLS, whatever the
// certificate, and without it none, also where there is a password, as the
// stock action has it.
func (s *smtpAction) server() mail.Server {
	server := mail.Server{
		Addr: s.get("host"), User: s.get("user"), Password: s.get("password"),
		Security: mail.Clear, Unverified: true, Hello: fullHostname(),
	}
	if _, port, err := net.SplitHostPort(server.Addr); err == nil && port == "" {
		server.Addr = strings.TrimSuffix(server.Addr, ":")
	}
	if s.get("ssl") != "" {
		server.Security = mail.StartTLS
	}
	return server
}
