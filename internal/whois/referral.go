package whois

import (
	"net"
	"net/netip"
	"strings"
)

// referral finds the server that an answer sends us to. It is text from the
// network: only a host name is taken, and only at the whois port or the one
// that we began with, so that no answer makes us talk to something else.
func referral(answer, ourPort string) (string, bool) {
	for line := range strings.Lines(answer) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "refer", "whois":
		case "referralserver":
			rest, isWhois := strings.CutPrefix(strings.ToLower(value), "whois://")
			if !isWhois {
				continue // rwhois and http are other protocols
			}
			value = strings.TrimSuffix(rest, "/")
		default:
			continue
		}
		if server, ok := serverName(value, ourPort); ok {
			return server, true
		}
	}
	return "", false
}

// serverName checks the name of a server and gives it its port.
func serverName(value, ourPort string) (string, bool) {
	host, p := strings.ToLower(value), port
	if h, given, err := net.SplitHostPort(host); err == nil {
		host, p = h, given
	}
	if p != port && p != ourPort || host == "" || len(host) > 253 {
		return "", false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(host, p), true
	}
	for _, r := range host {
		if r != '-' && r != '.' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return "", false
		}
	}
	if strings.HasPrefix(host, "-") || strings.HasPrefix(host, ".") {
		return "", false
	}
	return net.JoinHostPort(host, p), true
}

// notGivenOut are the ranges that registries have nobody for (RFC 6890 and
// what came after it).
var notGivenOut = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3",
		"::/8", "100::/64", "2001:db8::/32", "3fff::/20", "fc00::/7", "fe80::/10", "ff00::/8",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

func reserved(addr netip.Addr) bool {
	for _, p := range notGivenOut {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
