package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
)

// Security says how a connection to a mail server is protected.
type Security int

// The ways of protection.
const (
	// Offered takes TLS where the server has it. A password goes over nothing
	// else, except to this machine itself.
	Offered Security = iota
	// StartTLS insists on it, with a valid certificate.
	StartTLS
	// Implicit is TLS from the first byte, as on port 465.
	Implicit
	// Clear is none at all.
	Clear
)

// ParseSecurity reads the word of a configuration.
func ParseSecurity(word string) (Security, error) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "", "auto":
		return Offered, nil
	case "starttls", "yes", "true", "1":
		return StartTLS, nil
	case "tls", "ssl", "smtps":
		return Implicit, nil
	case "no", "none", "off", "false", "0":
		return Clear, nil
	}
	return 0, fmt.Errorf("%q is not one of auto, starttls, tls, no", word)
}

// Server is a mail server to hand messages to.
type Server struct {
	// Addr is HOST or HOST:PORT; the port is 25, or 465 with Implicit.
	Addr           string
	User, Password string
	Security       Security
	// Unverified accepts any certificate.
	Unverified bool
	// Hello is the name that we give ourselves.
	Hello string
}

// errClear refuses to show a password to everybody on the way.
var errClear = errors.New("it offers no TLS, and a password is not sent in the clear")

// Send hands a message over. The error says whether trying again may help.
func (s Server) Send(ctx context.Context, sender string, to []string, raw []byte) error {
	if err := s.send(ctx, sender, to, raw); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &Error{fmt.Sprintf("hand a mail to the server %s", s.Addr), err}
	}
	return nil
}

func (s Server) send(ctx context.Context, sender string, to []string, raw []byte) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if err := s.greet(c); err != nil {
		return err
	}
	if err := c.Mail(sender); err != nil {
		return fmt.Errorf("sender %s: %w", sender, err)
	}
	var refused []error
	for _, one := range to {
		if err := c.Rcpt(one); err != nil {
			refused = append(refused, fmt.Errorf("recipient %s: %w", one, err))
		}
	}
	if len(refused) == len(to) {
		return errors.Join(append(refused, errNobody(to))...)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	// The message is on its way; a bad farewell changes nothing.
	_ = c.Quit()
	if len(refused) > 0 {
		return &partial{errors.Join(refused...)}
	}
	return nil
}

func errNobody(to []string) error {
	if len(to) == 0 {
		return errors.New("it has no recipient")
	}
	return nil
}

// partial is an error of a message that some have got: to send it again would
// be to send it twice.
type partial struct{ error }

func (p *partial) Unwrap() error { return p.error }

func (s Server) host() string {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return strings.Trim(s.Addr, "[]")
	}
	return host
}

func (s Server) connect(ctx context.Context) (*smtp.Client, error) {
	address := s.Addr
	if _, _, err := net.SplitHostPort(address); err != nil {
		port := "25"
		if s.Security == Implicit {
			port = "465"
		}
		address = net.JoinHostPort(s.host(), port)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if s.Security == Implicit {
		conn = tls.Client(conn, s.tlsConfig(true))
	}
	c, err := smtp.NewClient(conn, s.host())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// tlsConfig checks certificates where something is to be kept from others: TLS
// that was asked for, or a password.
func (s Server) tlsConfig(wanted bool) *tls.Config {
	return &tls.Config{ServerName: s.host(), InsecureSkipVerify: s.Unverified || !wanted && s.User == ""}
}

// greet says hello, protects the connection, and logs in.
func (s Server) greet(c *smtp.Client) error {
	hello := hostOnly(s.Hello)
	if err := c.Hello(hello); err != nil {
		return err
	}
	if s.Security == Offered || s.Security == StartTLS {
		offered, _ := c.Extension("STARTTLS")
		if !offered && s.Security == StartTLS {
			return errors.New("it does not offer STARTTLS")
		}
		if offered {
			if err := c.StartTLS(s.tlsConfig(s.Security == StartTLS)); err != nil {
				return fmt.Errorf("protect the connection: %w", err)
			}
		}
	}
	if s.User == "" || s.Password == "" {
		return nil
	}
	if _, protected := c.TLSConnectionState(); !protected && s.Security != Clear && !loopback(s.host()) {
		return errClear
	}
	_, methods := c.Extension("AUTH")
	if err := c.Auth(&login{user: s.User, password: s.Password, methods: strings.Fields(methods)}); err != nil {
		return fmt.Errorf("log in as %s: %w", s.User, err)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// login is AUTH PLAIN, or AUTH LOGIN with servers that know no other. Whether
// the connection is fit for a password was decided before.
type login struct {
	user, password string
	methods        []string
	step           int
}

// Start begins the exchange.
func (l *login) Start(*smtp.ServerInfo) (string, []byte, error) {
	for _, m := range l.methods {
		if strings.EqualFold(m, "PLAIN") {
			l.step = -1
			return "PLAIN", []byte("\x00" + l.user + "\x00" + l.password), nil
		}
	}
	for _, m := range l.methods {
		if strings.EqualFold(m, "LOGIN") {
			return "LOGIN", nil, nil
		}
	}
	return "", nil, fmt.Errorf("it offers neither PLAIN nor LOGIN but %q", l.methods)
}

// Next answers the server's questions: for the user, then for the password.
func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("it asks for more than a name and a password")
}

// Error is a message that was not handed over.
type Error struct {
	what string
	err  error
}

func (e *Error) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.err }

// Temporary tells whether the same may succeed later: a server that does not
// answer or says so, but not one that refuses.
func Temporary(err error) bool {
	var some *partial
	if errors.As(err, &some) || errors.Is(err, errClear) {
		return false
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code < 500
	}
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &certificate)
}
