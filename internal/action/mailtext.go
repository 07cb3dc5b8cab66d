package action

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
	"stockade/internal/whois"
)

// The words of the mails are those of the library's action.d, so that a mail is
// the same whether this program or a shell writes it.

func (p *postman) greeting(format string, args ...any) string {
	return "Hello,\n\n" + fmt.Sprintf(format, args...)
}

func (p *postman) farewell() string { return "\n-- \nFail2Ban on " + fullHostname() + "\n" }

// count gives a parameter that is a number.
func (p *postman) count(name string, fallback int) int {
	n, err := strconv.Atoi(p.text(name, ""))
	if err != nil || n < 1 {
		return fallback
	}
	return n
}

// shown gives a dynamic tag as text.
func (in *info) shown(tag string) string {
	v, _ := in.value(tag)
	return pyobj.Str(v)
}

// banText is the mail of one ban.
func (m *mailer) banText(in *info) string {
	var b strings.Builder
	b.WriteString(m.greeting("the jail %s on %s has banned %s (failures: %d).\n", m.jail(), fullHostname(), in.shown("ip"), in.ticket.Failures))
	if m.kind.whois {
		b.WriteString("\nWhois:\n\n" + m.whois(in.ticket))
	}
	if m.kind.place {
		b.WriteString(m.placeText(in))
	}
	switch m.kind.matches {
	case "matches":
		b.WriteString("\nMatched lines:\n\n" + in.shown("matches") + "\n")
	case "ipmatches":
		b.WriteString("\nMatched lines of all jails (failures: " + in.shown("ipfailures") + "):\n\n" + in.shown("ipmatches") + "\n")
	case "ipjailmatches":
		b.WriteString("\nMatched lines of this jail (failures: " + in.shown("ipjailfailures") + "):\n\n" + in.shown("ipjailmatches") + "\n")
	}
	if m.kind.lines {
		b.WriteString(m.linesText(in))
	}
	return b.String()
}

// linesText quotes the log.
func (p *postman) linesText(in *info) string {
	ip, limit := in.shown("ip"), p.count("grepmax", 1000)
	lines, err := logLines(p.life, p.text("logpath", "/dev/null"), ip, limit)
	text := fmt.Sprintf("\nLog lines with %s (at most %d of a file):\n\n", ip, limit)
	for _, line := range lines {
		text += line + "\n"
	}
	if err != nil {
		text += "(" + err.Error() + ")\n"
	}
	return text
}

// registries are the clients of whois by the server at which they begin. What
// they remember is worth most when all jails share it.
var registries = struct {
	sync.Mutex
	clients map[string]*whois.Client
}{clients: map[string]*whois.Client{}}

func registry(server string) *whois.Client {
	registries.Lock()
	defer registries.Unlock()
	c := registries.clients[server]
	if c == nil {
		c = whois.New(clock.Real(), server)
		registries.clients[server] = c
	}
	return c
}

// whois is what the registry says of a ticket's address. A mail without it is
// better than none.
func (p *postman) whois(t *ticket.Ticket) string {
	addr, ok := asked(t.Address())
	if !ok {
		return "(" + t.Address().String() + " is no address)\n"
	}
	text, err := registry(p.text("whois_server", whois.Root)).Lookup(p.life, addr)
	switch {
	case errors.Is(err, whois.ErrReserved):
		return "(" + addr.String() + " belongs to nobody on the Internet)\n"
	case err != nil:
		return "(" + err.Error() + ")\n"
	}
	return text
}

// asked is the address to ask about: for a network, its first.
func asked(id ipaddr.ID) (netip.Addr, bool) {
	switch {
	case id.IsAddr():
		return id.Addr(), true
	case id.IsNet():
		return id.Prefix().Addr(), true
	}
	return netip.Addr{}, false
}

// placeText tells where an address is, as far as its registry knows, and which
// pages know more.
func (m *mailer) placeText(in *info) string {
	ip, answer := in.shown("ip"), m.whois(in.ticket)
	return "\nhttps://stat.ripe.net/app/" + ip + "\nhttps://www.abuseipdb.com/check/" + ip + "\nhttps://viz.greynoise.io/ip/" + ip +
		"\n\nCountry: " + registered(answer, "country") + "\nAS: " + registered(answer, "origin", "originas") +
		"\nHost name: " + in.shown("ip-host") + "\n"
}

// registered gives the last value of a field in an answer of whois.
func registered(answer string, names ...string) (value string) {
	for line := range strings.Lines(answer) {
		key, v, _ := strings.Cut(line, ":")
		for _, name := range names {
			if v = strings.TrimSpace(v); strings.EqualFold(strings.TrimSpace(key), name) && v != "" {
				value = v
			}
		}
	}
	return value
}
