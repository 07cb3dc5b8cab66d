package netfilter

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// echoOn answers on every connection with what it gets.
func echoOn(t *testing.T, ns *testenv.Netns, addr string) {
	t.Helper()
	var l net.Listener
	ns.Do(t, func() {
		var err error
		if l, err = net.Listen("tcp", addr); err != nil {
			t.Error(err)
		}
	})
	if l == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				b := make([]byte, 100)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					_, _ = c.Write(b[:n])
				}
			}()
		}
	}()
}

// dialFrom opens a connection from one of the namespace's addresses.
func dialFrom(t *testing.T, ns *testenv.Netns, from, to string) (c net.Conn, err error) {
	t.Helper()
	ns.Do(t, func() {
		d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err = d.Dial("tcp", to)
	})
	if c != nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// talk sends a word and reads it back.
func talk(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	b := make([]byte, 4)
	_, err := c.Read(b)
	return err
}

// container joins a third namespace to the server, which sends it what comes
// for its port 8080, as container engines do.
func container(t *testing.T, server *testenv.Netns) *testenv.Netns {
	t.Helper()
	inner := testenv.NewNetns(t)
	server.Run(t, "ip", "link", "add", "veth1", "type", "veth", "peer", "name", "veth0", "netns", inner.Name)
	server.Run(t, "ip", "addr", "add", "172.17.0.1/24", "dev", "veth1")
	server.Run(t, "ip", "link", "set", "veth1", "up")
	inner.AddAddr(t, "172.17.0.2/24")
	inner.Run(t, "ip", "link", "set", "veth0", "up")
	inner.Run(t, "ip", "route", "add", "default", "via", "172.17.0.1")
	server.Run(t, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	server.Run(t, "nft", "add table ip nat; add chain ip nat pre { type nat hook prerouting priority dstnat; };"+
		"add rule ip nat pre tcp dport 8080 dnat to 172.17.0.2:80;"+
		"add table ip through; add chain ip through f { type filter hook forward priority filter; };"+
		"add rule ip through f ct state established accept; add rule ip through f accept")
	return inner
}

func fenceIn(t *testing.T, ns *testenv.Netns, params map[string]string) (*Conn, *Fence) {
	t.Helper()
	conn, err := Open(Options{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	spec, err := ParseSpec("multiport", func(name string, _ ipaddr.Family) (string, bool) {
		v, ok := params[name]
		return v, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn, conn.NewFence(spec)
}

func TestForwardedTrafficOfABannedAddressIsStoppedBeforeItsDestinationIsRewritten(t *testing.T) {
	server, client := testenv.Pair(t)
	testenv.Need(t, "nft")
	client.AddAddr(t, "10.77.0.3/24")
	echoOn(t, container(t, server), "172.17.0.2:80")
	conn, fence := fenceIn(t, server, map[string]string{
		"name": "j", "port": "8080", "chain_hook": "prerouting", "chain_priority": "-1", "blocktype": "reject with tcp reset",
	})
	const outside = "10.77.0.1:8080"
	bad, err := dialFrom(t, client, "10.77.0.2", outside)
	if err != nil {
		t.Fatal(err)
	}
	good, err := dialFrom(t, client, "10.77.0.3", outside)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{bad, good} {
		if err := talk(c); err != nil {
			t.Fatal(err)
		}
	}
	id := ipaddr.Parse("10.77.0.2")
	if err := errors.Join(fence.Apply([]Op{{ID: id}})...); err != nil {
		t.Fatal(err)
	}
	if rules := server.Run(t, "nft", "list", "chain", "inet", "f2b-table", "f2b-chain"); !strings.Contains(rules, "hook prerouting priority dstnat - 10;") {
		t.Errorf("the chain is at the wrong place:\n%s", rules)
	}
	cut, err := conn.Cut([]ipaddr.ID{id}, Ties{Flows: true, Sockets: true})
	if err != nil || cut.Flows != 1 {
		t.Errorf("cut %+v, %v", cut, err)
	}
	if err := talk(bad); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the open connection of the banned address: %v", err)
	}
	if _, err := dialFrom(t, client, "10.77.0.2", outside); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection of the banned address: %v", err)
	}
	if err := talk(good); err != nil {
		t.Errorf("the open connection of another address: %v", err)
	}
	if c, err := dialFrom(t, client, "10.77.0.3", outside); err != nil || talk(c) != nil {
		t.Errorf("a new connection of another address: %v", err)
	}
}

func TestEstablishedConnectionsOfBannedAddressesAreCut(t *testing.T) {
	server, client := testenv.Pair(t)
	client.AddAddr(t, "10.77.0.3/24")
	client.AddAddr(t, "fd77::3/64")
	conn, _ := fenceIn(t, server, map[string]string{"name": "j"})
	// One socket for both families, as most daemons have it.
	echoOn(t, server, "[::]:7000")
	for _, c := range []struct{ bad, good, to, ban string }{
		{"10.77.0.2", "10.77.0.3", "10.77.0.1:7000", "10.77.0.2"},
		{"fd77::2", "fd77::3", "[fd77::1]:7000", "fd77::2"},
		{"10.77.0.2", "fd77::3", "10.77.0.1:7000", "10.77.0.0/30"},
	} {
		to := c.to
		bad, err := dialFrom(t, client, c.bad, to)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(c.good, ":") {
			to = "[fd77::1]:7000"
		}
		good, err := dialFrom(t, client, c.good, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(talk(bad), talk(good)); err != nil {
			t.Fatal(err)
		}
		cut, err := conn.Cut([]ipaddr.ID{ipaddr.Parse(c.ban)}, Ties{Sockets: true})
		if err != nil || cut.Sockets < 1 {
			t.Errorf("ban of %s: cut %+v, %v", c.ban, cut, err)
		}
		if err := talk(bad); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ban of %s: the connection goes on: %v", c.ban, err)
		}
		if err := talk(good); err != nil {
			t.Errorf("ban of %s: another's connection: %v", c.ban, err)
		}
	}
	if cut, err := conn.Cut([]ipaddr.ID{ipaddr.Parse("192.0.2.1")}, Ties{Flows: true, Sockets: true}); err != nil || cut != (Severed{}) {
		t.Errorf("nothing to cut: %+v, %v", cut, err)
	}
}
