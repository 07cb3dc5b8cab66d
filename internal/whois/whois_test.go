package whois

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stockade/internal/clock"
)

// registry is a whois server that answers with a function.
type registry struct {
	address string
	asked   atomic.Int32
	last    atomic.Value
}

func newRegistry(t *testing.T, answer func(question string) string) *registry {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &registry{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				line, err := bufio.NewReader(conn).ReadString('\n')
				if err != nil {
					return
				}
				r.asked.Add(1)
				r.last.Store(line)
				_, _ = conn.Write([]byte(answer(strings.TrimSpace(line))))
			}()
		}
	}()
	return r
}

// says is a registry with one answer.
func says(t *testing.T, answer string) *registry {
	return newRegistry(t, func(string) string { return answer })
}

// client makes a client whose root is a registry; the others are found by name.
func client(t *testing.T, clk clock.Clock, root *registry, others map[string]*registry) *Client {
	t.Helper()
	c := New(clk, root.address)
	c.dial = func(ctx context.Context, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if r, ok := others[host]; ok {
			address = r.address
		} else if address != root.address {
			return nil, errors.New("nobody there")
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return c
}

func lookup(t *testing.T, c *Client, addr string) string {
	t.Helper()
	text, err := c.Lookup(t.Context(), netip.MustParseAddr(addr))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReferralsLeadToTheRegistryThatKnows(t *testing.T) {
	root := says(t, "refer:        whois.arin.net\r\n\r\ninetnum: 8.0.0.0 - 8.255.255.255\r\n")
	arin := says(t, "NetRange: 8.8.8.0 - 8.8.8.255\nReferralServer: whois://whois.ripe.net\n")
	ripe := says(t, "inetnum: 8.8.8.0 - 8.8.8.255\nnetname: HERE\n")
	c := client(t, clock.Real(), root, map[string]*registry{"whois.arin.net": arin, "whois.ripe.net": ripe})
	if got := lookup(t, c, "8.8.8.8"); got != "inetnum: 8.8.8.0 - 8.8.8.255\nnetname: HERE\n" {
		t.Errorf("%q", got)
	}
	if got := arin.last.Load(); got != "n + 8.8.8.8\r\n" {
		t.Errorf("ARIN was asked %q", got)
	}
	if got := ripe.last.Load(); got != "8.8.8.8\r\n" {
		t.Errorf("RIPE was asked %q", got)
	}
}

func TestReferralsThatLeadInACircleEnd(t *testing.T) {
	root := says(t, "refer: a.example\n")
	a := says(t, "refer: b.example\nname: a\n")
	b := says(t, "whois: a.example\nname: b\n")
	c := client(t, clock.Real(), root, map[string]*registry{"a.example": a, "b.example": b})
	if got := lookup(t, c, "8.8.8.8"); !strings.Contains(got, "name: b") {
		t.Errorf("%q", got)
	}
	if a.asked.Load() != 1 || b.asked.Load() != 1 {
		t.Errorf("a was asked %d times, b %d times", a.asked.Load(), b.asked.Load())
	}
}

func TestAnswerBeforeADeadServerIsKeptShortly(t *testing.T) {
	clk := clock.NewManual(time.Unix(1e9, 0))
	root := says(t, "refer: gone.example\ninetnum: 8.0.0.0/8\n")
	c := client(t, clk, root, nil)
	if got := lookup(t, c, "8.8.8.8"); !strings.Contains(got, "refer: gone.example") || !strings.Contains(got, "(ask the whois server gone.example:43: nobody there)") {
		t.Errorf("%q", got)
	}
	lookup(t, c, "8.8.8.8")
	lookup(t, c, "8.8.8.9")
	clk.Advance(2 * keepFailure)
	lookup(t, c, "8.8.8.8")
	if n := root.asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

func TestReferralNamesOnlyAWhoisServer(t *testing.T) {
	for line, want := range map[string]string{
		"refer: whois.ripe.net":                            "whois.ripe.net:43",
		"whois:   WHOIS.apnic.net ":                        "whois.apnic.net:43",
		"ReferralServer: whois://whois.ripe.net/":          "whois.ripe.net:43",
		"ReferralServer: whois://whois.ripe.net:43":        "whois.ripe.net:43",
		"refer: 127.0.0.1:4343":                            "127.0.0.1:4343",
		"ReferralServer: rwhois://rwhois.example.com:4321": "",
		"ReferralServer: whois://localhost:22":             "",
		"refer: a b":                                       "",
		"refer: $(id)":                                     "",
		"refer: -h":                                        "",
		"refer:":                                           "",
		"remarks: whois: x.y":                              "",
	} {
		if got, _ := referral("% comment\n"+line+"\n", "4343"); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestReservedAddressesAreNotAsked(t *testing.T) {
	root := says(t, "x\n")
	c := client(t, clock.Real(), root, nil)
	for _, addr := range []string{"127.0.0.1", "10.1.2.3", "192.168.1.1", "192.0.2.1", "100.64.0.1", "255.255.255.255", "::1", "fe80::1", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"} {
		if _, err := c.Lookup(t.Context(), netip.MustParseAddr(addr)); !errors.Is(err, ErrReserved) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if n := root.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestANetworkIsAskedAboutOnceADay(t *testing.T) {
	clk := clock.NewManual(time.Unix(1e9, 0))
	root := newRegistry(t, func(q string) string {
		if strings.Contains(q, ":") {
			return "inet6num: 2a00::/12\ninet6num: 2a01:4f8::/32\n"
		}
		return "inetnum: 8.0.0.0 - 8.255.255.255\n\ninetnum: 8.8.8.0 - 8.8.8.255\n"
	})
	c := client(t, clk, root, nil)
	for _, step := range []struct {
		addr string
		want int32
	}{
		{"8.8.8.8", 1},
		{"8.8.8.9", 1},
		{"8.8.9.1", 2},
		{"2a01:4f8::1", 3},
		{"2a01:4f8:1::1", 3},
		{"2a02::1", 4},
	} {
		lookup(t, c, step.addr)
		if n := root.asked.Load(); n != step.want {
			t.Errorf("%s: asked %d times, want %d", step.addr, n, step.want)
		}
	}
	clk.Advance(25 * time.Hour)
	lookup(t, c, "8.8.8.8")
	if n := root.asked.Load(); n != 5 {
		t.Errorf("a day later: asked %d times", n)
	}
}

func TestDeadServerIsNotAskedForEachAddress(t *testing.T) {
	clk := clock.NewManual(time.Unix(1e9, 0))
	tries := 0
	c := New(clk, "")
	c.dial = func(_ context.Context, address string) (net.Conn, error) {
		tries++
		if address != "whois.iana.org:43" {
			t.Error(address)
		}
		return nil, errors.New("no route")
	}
	for range 5 {
		if _, err := c.Lookup(t.Context(), netip.MustParseAddr("8.8.8.8")); err == nil || !strings.Contains(err.Error(), "no route") {
			t.Error(err)
		}
	}
	if tries != 1 {
		t.Errorf("%d tries", tries)
	}
	clk.Advance(keepFailure + time.Second)
	_, _ = c.Lookup(t.Context(), netip.MustParseAddr("8.8.8.8"))
	if tries != 2 {
		t.Errorf("%d tries after a minute", tries)
	}
}

func TestSilentServerEndsWithItsTime(t *testing.T) {
	hang := make(chan struct{})
	root := newRegistry(t, func(string) string { <-hang; return "" })
	defer close(hang)
	c := client(t, clock.Real(), root, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Lookup(ctx, netip.MustParseAddr("8.8.8.8")); err == nil {
		t.Error("an answer from a silent server")
	}
}

func TestAnswersAreBoundedAndValid(t *testing.T) {
	for name, sent := range map[string]string{
		"long":    strings.Repeat("é", maxAnswer),
		"latin 1": "name: M\xfcller\r\nx\ry\r\n",
		"empty":   "\r\n",
	} {
		root := says(t, sent)
		text, err := client(t, clock.Real(), root, nil).Lookup(t.Context(), netip.MustParseAddr("8.8.8.8"))
		switch name {
		case "long":
			if err != nil || len(text) > maxAnswer+100 || !strings.HasSuffix(text, "left out)\n") || strings.Contains(text, "Ã") {
				t.Errorf("%s: %d bytes, %v", name, len(text), err)
			}
		case "latin 1":
			if text != "name: Müller\nx\ny\n" {
				t.Errorf("%s: %q", name, text)
			}
		case "empty":
			if err == nil {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("refer: whois.ripe.net\ninetnum: 1.0.0.0 - 1.255.255.255\n"))
	f.Add([]byte("NetRange: 1.0.0.0 - 0.0.0.0\nReferralServer: whois://[::1]:43/\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := clean(raw)
		if server, ok := referral(text, "4343"); ok && strings.ContainsAny(server, " \t\r\n/@") {
			t.Errorf("%q", server)
		}
		addr := netip.MustParseAddr("1.2.3.4")
		if first, last := about(text, addr); first.Compare(addr) > 0 || last.Compare(addr) < 0 {
			t.Errorf("%s - %s does not hold %s", first, last, addr)
		}
	})
}
