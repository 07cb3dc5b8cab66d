package netfilter

import (
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// statement compiles what is done with a packet.
func (c *compiler) statement(word string) {
	switch word {
	case "drop":
		c.verdict(expr.VerdictDrop, "")
	case "accept":
		c.verdict(expr.VerdictAccept, "")
	case "return":
		c.verdict(expr.VerdictReturn, "")
	case "continue":
		c.verdict(expr.VerdictContinue, "")
	case "jump":
		c.verdict(expr.VerdictJump, c.chainName())
	case "goto":
		c.verdict(expr.VerdictGoto, c.chainName())
	case "counter":
		c.add(&expr.Counter{})
	case "reject":
		c.reject()
	case "log":
		c.log()
	case "limit":
		c.limit()
	default:
		c.fail(word)
	}
}

func (c *compiler) verdict(kind expr.VerdictKind, chain string) {
	c.add(&expr.Verdict{Kind: kind, Chain: chain})
	c.ended = true
}

func (c *compiler) chainName() string {
	name := c.next()
	if !nftName.MatchString(name) {
		c.fail(name)
	}
	return name
}

// The answers that a reject may send, by nft's names.
var (
	rejectICMP = map[string]uint8{
		"net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3,
		"net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
	}
	rejectICMPv6 = map[string]uint8{
		"no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4,
		"policy-fail": 5, "reject-route": 6,
	}
	rejectICMPX = map[string]uint8{
		"no-route": unix.NFT_REJECT_ICMPX_NO_ROUTE, "port-unreachable": unix.NFT_REJECT_ICMPX_PORT_UNREACH,
		"host-unreachable": unix.NFT_REJECT_ICMPX_HOST_UNREACH, "admin-prohibited": unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
	}
)

// reject compiles `reject`, `reject with tcp reset`, `reject with icmp …`.
func (c *compiler) reject() {
	c.ended = true
	if !c.accept("with") {
		switch c.network {
		case unix.NFPROTO_IPV4:
			c.add(&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: rejectICMP["port-unreachable"]})
		case unix.NFPROTO_IPV6:
			c.add(&expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: rejectICMPv6["port-unreachable"]})
		default:
			c.add(&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH})
		}
		return
	}
	switch kind := c.next(); kind {
	case "tcp":
		if word := c.next(); word != "reset" {
			c.fail(word)
		}
		c.onlyTCP()
		c.add(&expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	case "icmp":
		c.rejectWith(kind, unix.NFPROTO_IPV4, unix.NFT_REJECT_ICMP_UNREACH, rejectICMP)
	case "icmpv6":
		c.rejectWith(kind, unix.NFPROTO_IPV6, unix.NFT_REJECT_ICMP_UNREACH, rejectICMPv6)
	case "icmpx":
		c.rejectWith(kind, c.network, unix.NFT_REJECT_ICMPX_UNREACH, rejectICMPX)
	default:
		c.fail(kind)
	}
}

func (c *compiler) rejectWith(kind string, network uint8, typ uint32, codes map[string]uint8) {
	c.accept("type")
	word := c.next()
	code, ok := codes[word]
	if !ok || c.network != network {
		c.fail("reject with " + kind + " " + word)
	}
	c.add(&expr.Reject{Type: typ, Code: code})
}

// onlyTCP puts the condition in front that a reset needs, where the rule has
// not got it.
func (c *compiler) onlyTCP() {
	switch c.transport {
	case protocols["tcp"]:
	case 0:
		for _, e := range c.exprs {
			if m, ok := e.(*expr.Meta); ok && m.Key == expr.MetaKeyL4PROTO {
				c.fail("a reset of several protocols")
			}
		}
		c.exprs = append([]expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, compare(protocols["tcp"]),
		}, c.exprs...)
	default:
		c.fail("a reset of what is not tcp")
	}
}

// logLevels are syslog's, by nft's names.
var logLevels = map[string]expr.LogLevel{
	"emerg": expr.LogLevelEmerg, "alert": expr.LogLevelAlert, "crit": expr.LogLevelCrit, "err": expr.LogLevelErr,
	"warn": expr.LogLevelWarning, "notice": expr.LogLevelNotice, "info": expr.LogLevelInfo, "debug": expr.LogLevelDebug,
}

// log compiles `log prefix "…" level info` and `log group 2`.
func (c *compiler) log() {
	l := &expr.Log{}
	for c.err == nil {
		switch {
		case c.accept("prefix"):
			l.Key |= 1 << unix.NFTA_LOG_PREFIX
			l.Data = []byte(strings.Trim(c.next(), `"`))
			if len(l.Data) == 0 || len(l.Data) > 127 || strings.ContainsAny(string(l.Data), "$\\") {
				c.fail("this log prefix")
			}
		case c.accept("level"):
			word := c.next()
			level, ok := logLevels[word]
			if !ok {
				c.fail("log level " + word)
			}
			l.Key |= 1 << unix.NFTA_LOG_LEVEL
			l.Level = level
		case c.accept("group"):
			n, err := strconv.ParseUint(c.next(), 10, 16)
			if err != nil {
				c.fail("this log group")
			}
			l.Key |= 1 << unix.NFTA_LOG_GROUP
			l.Group = uint16(n)
		default:
			c.add(l)
			return
		}
	}
}

// limitUnits are the times over which a rate counts.
var limitUnits = map[string]expr.LimitTime{
	"second": expr.LimitTimeSecond, "minute": expr.LimitTimeMinute, "hour": expr.LimitTimeHour,
	"day": expr.LimitTimeDay, "week": expr.LimitTimeWeek,
}

// limit compiles `limit rate over 10/minute burst 5 packets`.
func (c *compiler) limit() {
	if word := c.next(); word != "rate" {
		c.fail("limit " + word)
	}
	l := &expr.Limit{Type: expr.LimitTypePkts, Over: c.accept("over"), Burst: 5}
	word := c.next()
	rate, unit, _ := strings.Cut(word, "/")
	n, err := strconv.ParseUint(rate, 10, 32)
	known, ok := limitUnits[unit]
	if err != nil || !ok || n == 0 {
		c.fail("limit rate " + word)
	}
	l.Rate, l.Unit = n, known
	if c.accept("burst") {
		burst, err := strconv.ParseUint(c.next(), 10, 32)
		if err != nil || c.next() != "packets" {
			c.fail("this burst")
		}
		l.Burst = uint32(burst)
	}
	c.add(l)
}
