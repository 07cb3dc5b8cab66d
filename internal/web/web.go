// Package web tells services on the Internet what was banned: it makes the
// requests of the stock reporters, of Cloudflare and of webhooks, sends them
// and judges the answers.
//
// It promises that text from log lines stays inside the field it was put into
// (JSON, form, query or header), that keys appear in no error, that an answer
// is read up to a bound, and that nothing is sent where the certificate is not
// the service's, unless that was asked for. It keeps no queue: an Error says whether and when the same
// request is worth another attempt.
package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// maxAnswer is how much of an answer is read; none that matters is longer.
	maxAnswer = 1 << 20
	// maxQuote is how much of an answer an error quotes.
	maxQuote = 200
	// maxHeaders bounds the headers of an answer.
	maxHeaders = 64 << 10
	// connectTimeout is how long a connection may take to come about.
	connectTimeout = 15 * time.Second
	// maxIdle is how many unused connections to a service are kept.
	maxIdle = 4
	// idleTimeout is how long an unused connection is kept.
	idleTimeout = 90 * time.Second
)

// Call is one request.
type Call struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	// Secrets are values that may not appear in an error.
	Secrets []string
	// Judge looks at the answer where the status does not say all; nil for
	// the status alone. It returns nil for success.
	Judge func(Answer) error
}

// Answer is what a service said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Error is why a request was no success.
type Error struct {
	// Text says it without address and keys.
	Text string
	// Status is that of the answer, 0 if none came.
	Status int
	// Temporary says that the same request may succeed later, not before
	// After is over where that is not 0.
	Temporary bool
	After     time.Duration
}

func (e *Error) Error() string { return e.Text }

// ErrNotNeeded is what a Judge returns where the service knows already what it
// was told.
var ErrNotNeeded = errors.New("the service knows it already")

// Options are what a Client is made with.
type Options struct {
	// CAFile holds further certificates to be trusted; "" for the system's.
	CAFile string
	// Unverified sends to whoever answers, as some appliances want it.
	Unverified bool
	// Timeout bounds one request with its answer.
	Timeout time.Duration
	// Agent is what User-Agent says where a request does not.
	Agent string
	// Dial opens connections; nil for the network's own way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock for dates in Retry-After; nil for the real one.
	Now func() time.Time
}

// Client sends requests. It is for any number of goroutines.
type Client struct {
	http  *http.Client
	agent string
	now   func() time.Time
}

// NewClient makes a client.
func NewClient(opt Options) (*Client, error) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaders,
		ForceAttemptHTTP2:      true,
	}
	transport.TLSClientConfig.InsecureSkipVerify = opt.Unverified
	if opt.CAFile != "" {
		text, err := os.ReadFile(opt.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read the certificates to trust: %s holds none", opt.CAFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if opt.Dial != nil {
		transport.DialContext = opt.Dial
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Client{
		http: &http.Client{
			Transport: transport, Timeout: opt.Timeout,
			// A redirection would carry the keys to where nobody sent them.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		agent: opt.Agent, now: opt.Now,
	}, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do sends a request. The error is an *Error, or ErrNotNeeded.
func (c *Client) Do(ctx context.Context, call Call) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, call.Method, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return Answer{}, &Error{Text: "the address of the service is not valid"}
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.agent)
	}
	host := req.URL.Host
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, &Error{Text: call.hide(host + ": " + bare(err).Error()), Temporary: true}
	}
	defer resp.Body.Close()
	answer := Answer{Status: resp.StatusCode, Header: resp.Header}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer, &Error{Text: call.hide(host + ": read the answer: " + bare(err).Error()), Temporary: true}
	}
	return answer, c.judge(host, &call, answer)
}

// bare takes the address out of an error: it may hold a key.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) judge(host string, call *Call, a Answer) error {
	if call.Judge != nil {
		err := call.Judge(a)
		if err == nil || errors.Is(err, ErrNotNeeded) {
			return err
		}
		if a.Status/100 == 2 {
			return &Error{Text: call.hide(host + ": " + err.Error()), Status: a.Status}
		}
	}
	if a.Status/100 == 2 {
		return nil
	}
	e := &Error{Text: fmt.Sprintf("%s answered %d %s", host, a.Status, http.StatusText(a.Status)), Status: a.Status}
	if text := quote(a.Body); text != "" {
		e.Text += ": " + text
	}
	e.Text = call.hide(e.Text)
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusTooEarly:
		e.Temporary = true
	default:
		e.Temporary = a.Status >= 500
	}
	if e.Temporary {
		e.After = retryAfter(a.Header.Get("Retry-After"), c.now())
	}
	return e
}

// hide replaces the secrets of a call in a text.
func (c *Call) hide(text string) string {
	for _, s := range c.Secrets {
		if s == "" {
			continue
		}
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return text
}

// quote is the beginning of an answer in one line, without control characters.
func quote(body []byte) string {
	text := strings.ToValidUTF8(string(body[:min(len(body), 4*maxQuote)]), "?")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(text) > maxQuote {
		text = strings.ToValidUTF8(text[:maxQuote], "") + "…"
	}
	return text
}

// retryAfter reads the header, 0 where it says nothing.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// Secret gives the value of a key: the text itself, or what stands in a file
// ("file:/path") or in the environment ("env:NAME").
func Secret(text string) (string, error) {
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read the key: %w", err)
		}
		defer f.Close()
		key, err := io.ReadAll(io.LimitReader(f, 64<<10))
		if err != nil {
			return "", fmt.Errorf("read the key: %w", err)
		}
		return strings.TrimSpace(string(key)), nil
	}
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		key, set := os.LookupEnv(name)
		if !set {
			return "", fmt.Errorf("read the key: the environment has no %s", name)
		}
		return key, nil
	}
	return text, nil
}
