// Package whois asks the registries to whom an address belongs, over their own
// protocol.
//
// It owns the way from the first server to the one that knows, and a memory of
// answers. It promises: an answer comes within a time-out or not at all; it is
// bounded, valid UTF-8, and nothing in it is trusted (only the name of the next
// server is read); addresses that no registry gives out are not asked about; a
// network is asked about once a day, and a dead server is not asked again for
// each address.
package whois

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"stockade/internal/clock"
)

const (
	// Root knows which registry has an address.
	Root = "whois.iana.org"
	// port is where whois servers listen.
	port = "43"
	// Timeout is what all questions about one address may take together.
	Timeout = 10 * time.Second
	// maxHops bounds the way from server to server. Registries need three.
	maxHops = 4
	// maxAnswer bounds one answer. The longest that registries give for an
	// address is some 20 KiB.
	maxAnswer = 64 << 10
)

// ErrReserved says that an address belongs to nobody on the Internet.
var ErrReserved = errors.New("no registry gives this address out")

// Client asks. It may be used by several goroutines.
type Client struct {
	// root is the first server to ask, with its port.
	root string
	dial func(ctx context.Context, address string) (net.Conn, error)
	memory
}

// New makes a client that begins with the given server (HOST or HOST:PORT; ""
// is Root).
func New(clk clock.Clock, server string) *Client {
	if server == "" {
		server = Root
	}
	dialer := net.Dialer{Timeout: Timeout / 2}
	return &Client{
		root: withPort(server, port),
		dial: func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		},
		memory: newMemory(clk),
	}
}

func withPort(server, port string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), port)
}

// Lookup returns what the registry says of an address.
func (c *Client) Lookup(ctx context.Context, addr netip.Addr) (string, error) {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || reserved(addr) {
		return "", fmt.Errorf("ask whois about %s: %w", addr, ErrReserved)
	}
	return c.remembered(ctx, addr, func() (answer, error) {
		ctx, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		return c.follow(ctx, addr)
	})
}

// answer is what came of the way from server to server. It is partial where the
// last one did not answer.
type answer struct {
	text    string
	partial bool
}

// follow asks server after server until one names no other. What the last one
// that answered said is the result.
func (c *Client) follow(ctx context.Context, addr netip.Addr) (answer, error) {
	var got answer
	server := c.root
	asked := map[string]bool{}
	for range maxHops {
		asked[server] = true
		text, err := c.ask(ctx, server, question(server, addr))
		if err != nil {
			if got.text == "" {
				return got, err
			}
			return answer{got.text + fmt.Sprintf("\n(%v)\n", err), true}, nil
		}
		got.text = text
		next, ok := referral(text, c.rootPort())
		if !ok || asked[next] {
			break
		}
		server = next
	}
	return got, nil
}

func (c *Client) rootPort() string {
	_, p, _ := net.SplitHostPort(c.root)
	return p
}

// question is how a server wants to be asked about an address.
func question(server string, addr netip.Addr) string {
	host, _, _ := net.SplitHostPort(server)
	switch strings.ToLower(host) {
	case "whois.arin.net":
		// The address itself and not all that begins so, with details.
		return "n + " + addr.String()
	case "whois.nic.ad.jp":
		// In English.
		return addr.String() + "/e"
	}
	return addr.String()
}

// ask puts one question to one server.
func (c *Client) ask(ctx context.Context, server, question string) (string, error) {
	conn, err := c.dial(ctx, server)
	if err != nil {
		return "", fmt.Errorf("ask the whois server %s: %w", server, err)
	}
	defer func() { _ = conn.Close() }()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, question+"\r\n"); err != nil {
		return "", fmt.Errorf("ask the whois server %s: %w", server, err)
	}
	raw, err := io.ReadAll(io.LimitReader(conn, maxAnswer+1))
	if err != nil && len(raw) == 0 {
		return "", fmt.Errorf("read the answer of the whois server %s: %w", server, err)
	}
	if strings.TrimSpace(string(raw)) == "" {
		return "", fmt.Errorf("the whois server %s gave an empty answer", server)
	}
	return clean(raw), nil
}

// clean makes valid UTF-8 with plain line ends of an answer. Registries that
// do not write UTF-8 mostly write Latin 1.
func clean(raw []byte) string {
	cut := len(raw) > maxAnswer
	if cut {
		raw = raw[:maxAnswer]
		for i := 0; i < utf8.UTFMax && !utf8.Valid(raw); i++ {
			raw = raw[:len(raw)-1]
		}
	}
	text := string(raw)
	if !utf8.ValidString(text) {
		text, _ = charmap.ISO8859_1.NewDecoder().String(text)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if cut {
		text += "\n(the rest of a very long answer is left out)"
	}
	return strings.TrimRight(text, "\n") + "\n"
}
