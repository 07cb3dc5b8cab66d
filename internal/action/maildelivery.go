package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"stockade/internal/mail"
)

// The default commands of the two families of mail actions.
const (
	sendmailCommand = `/usr/sbin/sendmail -f "<sender>" "<dest>"`
	mailCommand     = `mail -E 'set escape' -s`
)

// postman knows from the parameters of an action whom its mails come from, whom
// they go to, and which way.
type postman struct {
	parts
	// byMail says that the action is one of those that use the program mail.
	byMail bool
	// life ends with quit.
	life context.Context
	kill context.CancelFunc
}

func newPostman(p parts) postman {
	life, kill := context.WithCancel(context.Background())
	return postman{parts: p, byMail: strings.HasPrefix(p.kind, "mail"), life: life, kill: kill}
}

// quit ends what is under way.
func (p *postman) quit() { p.kill() }

// text gives a parameter; fallback where there is none.
func (p *postman) text(name, fallback string) string {
	if v, ok, err := p.param(name, ""); ok && err == nil {
		return strings.TrimSpace(v)
	}
	v, err := expand(fallback, p.props.lookup(""))
	if err != nil {
		return fallback
	}
	return v
}

func (p *postman) jail() string { return p.text("name", p.env.Jail) }

func (p *postman) dest() string { return p.text("dest", "root") }

func (p *postman) sender() string {
	if p.byMail {
		return p.text("sender", "root@<fq-hostname>")
	}
	return p.text("sender", "fail2ban")
}

// command is the program with its arguments that mails go to.
func (p *postman) command() ([]string, bool) {
	text := p.text("mailcmd", sendmailCommand)
	if p.byMail {
		text = p.text("mailcmd", mailCommand)
	}
	return plainWords(text)
}

// carries tells whether mails can be handed over without a shell.
func (p *postman) carries() (bool, string) {
	if p.text("smtp", "") != "" {
		if _, err := mail.ParseSecurity(p.text("smtp_tls", "")); err != nil {
			return false, "smtp_tls: " + err.Error()
		}
		return true, ""
	}
	if _, ok := p.command(); !ok {
		return false, "mailcmd is a text for the shell"
	}
	return true, ""
}

// deliver hands a message over. The error tells (mail.Temporary) whether to
// try again.
func (p *postman) deliver(m *mail.Message) error {
	err := p.handOver(m)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (without a mail server on this machine, name another by the parameter smtp)", err)
	}
	return err
}

func (p *postman) handOver(m *mail.Message) error {
	timeout, _ := p.props.timeout()
	ctx, cancel := context.WithTimeout(p.life, timeout)
	defer cancel()
	if server := p.text("smtp", ""); server != "" {
		security, err := mail.ParseSecurity(p.text("smtp_tls", ""))
		if err != nil {
			return err
		}
		return mail.Server{
			Addr: server, User: p.text("smtp_user", ""), Password: p.text("smtp_password", ""), Security: security,
			Unverified: p.text("smtp_verify", "yes") == "no", Hello: fullHostname(),
		}.Send(ctx, p.sender(), m.To, m.Bytes())
	}
	argv, ok := p.command()
	if !ok {
		return fmt.Errorf("mailcmd is a text for the shell: %s", p.text("mailcmd", ""))
	}
	if !p.byMail {
		return mail.Program{Argv: argv}.Send(ctx, p.sender(), m.To, m.Bytes())
	}
	if _, err := exec.LookPath(argv[0]); err != nil && p.text("mailcmd", mailCommand) == mailCommand {
		// No program mail, but perhaps the one that it would use.
		return mail.Program{Argv: append([]string{"/usr/sbin/sendmail", "-f", p.sender()}, m.To...)}.Send(ctx, p.sender(), m.To, m.Bytes())
	}
	argv = append(append(argv, mail.OneLine(m.Subject)), m.To...)
	return mail.Program{Argv: argv}.Send(ctx, p.sender(), m.To, withoutOrders(m.Text))
}

// withoutOrders makes the input of the program mail: some of these programs
// take a line that begins with a tilde for an order, even to run a command.
func withoutOrders(text string) []byte {
	text = mail.Clean(text)
	if strings.HasPrefix(text, "~") {
		text = " " + text
	}
	return []byte(strings.ReplaceAll(text, "\n~", "\n ~"))
}

// message is an empty mail of the action with its head.
func (p *postman) message(subject, text string) *mail.Message {
	return &mail.Message{
		FromName: p.text("sendername", "Fail2Ban"), From: p.sender(), To: mail.Recipients(p.dest()),
		Subject: subject, Date: p.env.Clock.Now(), Host: fullHostname(), Text: text,
	}
}
