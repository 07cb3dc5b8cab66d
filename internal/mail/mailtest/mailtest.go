// Package mailtest stands in for the world that mails go to: a mail server
// that keeps what it gets, and a way to take messages apart.
package mailtest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say how a Sink behaves.
type Options struct {
	// TLS offers STARTTLS, with a certificate that nobody trusts.
	TLS bool
	// Login, "user:password", is what AUTH wants; empty offers no AUTH.
	Login string
	// Methods are the AUTH methods on offer; "" is PLAIN LOGIN.
	Methods string
	// Reply gives the answer to a command, "" for the usual one. The command
	// "." is the end of a message.
	Reply func(command string) string
	// Listener is where to listen; nil is a free port of the loopback address.
	Listener net.Listener
}

// Received is one message as it came.
type Received struct {
	Hello, From string
	To          []string
	Raw         []byte
	TLS, Authed bool
}

// Sink is a mail server.
type Sink struct {
	Addr string

	opt      Options
	mu       sync.Mutex
	messages []Received
	more     chan struct{}
}

// NewSink starts a mail server that ends with the test.
func NewSink(tb testing.TB, opt Options) *Sink {
	tb.Helper()
	l := opt.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() { _ = l.Close() })
	s := &Sink{Addr: l.Addr().String(), opt: opt, more: make(chan struct{}, 1)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go (&session{sink: s, conn: conn}).serve()
		}
	}()
	return s
}

// Messages are those that came so far.
func (s *Sink) Messages() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.messages...)
}

// Wait waits until there are n messages, or fails the test.
func (s *Sink) Wait(tb testing.TB, n int) []Received {
	tb.Helper()
	deadline := time.After(30 * time.Second)
	for {
		if got := s.Messages(); len(got) >= n {
			return got
		}
		select {
		case <-s.more:
		case <-deadline:
			tb.Fatalf("%d mails came, not %d", len(s.Messages()), n)
		}
	}
}

func (s *Sink) keep(m Received) {
	s.mu.Lock()
	s.messages = append(s.messages, m)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

type session struct {
	sink *Sink
	conn net.Conn
	r    *bufio.Reader
	m    Received
	tls  bool
	auth bool
}

func (s *session) say(text string) { _, _ = fmt.Fprintf(s.conn, "%s\r\n", text) }

func (s *session) serve() {
	defer func() { _ = s.conn.Close() }()
	s.r = bufio.NewReader(s.conn)
	s.say("220 sink")
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if reply := s.sink.opt.Reply; reply != nil {
			if text := reply(line); text != "" {
				s.say(text)
				continue
			}
		}
		if !s.command(line) {
			return
		}
	}
}

func (s *session) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		s.m.Hello = rest
		s.extensions()
	case "STARTTLS":
		s.say("220 go on")
		s.conn = tls.Server(s.conn, certificate())
		s.r, s.tls = bufio.NewReader(s.conn), true
	case "AUTH":
		s.login(rest)
	case "MAIL":
		s.m.From = bracketed(rest)
		s.say("250 ok")
	case "RCPT":
		s.m.To = append(s.m.To, bracketed(rest))
		s.say("250 ok")
	case "DATA":
		return s.data()
	case "QUIT":
		s.say("221 bye")
		return false
	default:
		s.say("250 ok")
	}
	return true
}

func bracketed(text string) string {
	_, text, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, ">")
	return text
}

func (s *session) extensions() {
	lines := []string{"sink", "8BITMIME"}
	if s.sink.opt.TLS && !s.tls {
		lines = append(lines, "STARTTLS")
	}
	if s.sink.opt.Login != "" {
		methods := s.sink.opt.Methods
		if methods == "" {
			methods = "PLAIN LOGIN"
		}
		lines = append(lines, "AUTH "+methods)
	}
	for i, line := range lines {
		dash := "-"
		if i == len(lines)-1 {
			dash = " "
		}
		s.say("250" + dash + line)
	}
}

func (s *session) login(rest string) {
	method, first, _ := strings.Cut(rest, " ")
	given := ""
	if method == "PLAIN" {
		raw, _ := base64.StdEncoding.DecodeString(first)
		parts := strings.Split(string(raw), "\x00")
		given = strings.Join(parts[1:], ":")
	} else {
		var parts []string
		for _, prompt := range []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"} {
			s.say("334 " + prompt)
			line, _ := s.r.ReadString('\n')
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
			parts = append(parts, string(raw))
		}
		given = strings.Join(parts, ":")
	}
	if s.auth = given == s.sink.opt.Login; !s.auth {
		s.say("535 no")
		return
	}
	s.say("235 ok")
}

func (s *session) data() bool {
	s.say("354 go on")
	raw, err := io.ReadAll(textproto.NewReader(s.r).DotReader())
	if err != nil {
		return false
	}
	if reply := s.sink.opt.Reply; reply != nil {
		if text := reply("."); text != "" {
			s.say(text)
			return true
		}
	}
	s.m.Raw, s.m.TLS, s.m.Authed = raw, s.tls, s.auth
	s.sink.keep(s.m)
	s.m = Received{Hello: s.m.Hello}
	s.say("250 ok")
	return true
}

// certificate is one that no client trusts.
var certificate = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// Opened is a message taken apart and decoded.
type Opened struct {
	Header mail.Header
	// Subject is decoded.
	Subject string
	// Text is the text, or the first part; Parts are the others by file name.
	Text  string
	Parts map[string]string
}

// Open takes a message apart, or fails the test.
func Open(tb testing.TB, raw []byte) Opened {
	tb.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		tb.Fatalf("%v in\n%s", err, raw)
	}
	o := Opened{Header: m.Header, Parts: map[string]string{}}
	if o.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		tb.Fatal(err)
	}
	typ, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if !strings.HasPrefix(typ, "multipart/") {
		o.Text = decode(tb, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return o
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for first := true; ; first = false {
		p, err := r.NextRawPart()
		if err != nil {
			return o
		}
		text := decode(tb, p.Header.Get("Content-Transfer-Encoding"), p)
		if first {
			o.Text = text
		} else {
			o.Parts[p.FileName()] = text
		}
	}
}

func decode(tb testing.TB, encoding string, r io.Reader) string {
	tb.Helper()
	if encoding == "quoted-printable" {
		r = quotedprintable.NewReader(r)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
