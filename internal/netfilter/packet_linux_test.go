package netfilter

import (
	"net"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

func TestPacketsOfBannedAddressesAreStopped(t *testing.T) {
	server, client := testenv.Pair(t)
	client.AddAddr(t, "10.77.0.3/24")
	ping := func(from, to string) bool { return pings(t, client, from, to) }
	f := open(t, server).NewFence(mustSpec(t, "allports", "protocol", "all", "blocktype", "drop"))
	if !ping(client.Addr4, server.Addr4) || !ping(client.Addr6, server.Addr6) {
		t.Fatal("no way to the server")
	}
	apply(t, f, bans(soon(), client.Addr4, client.Addr6))
	if ping(client.Addr4, server.Addr4) || ping(client.Addr6, server.Addr6) {
		t.Error("a banned address gets an answer")
	}
	if !ping("10.77.0.3", server.Addr4) {
		t.Error("another address gets none")
	}
	apply(t, f, lifts(client.Addr4, client.Addr6), bans(soon(), "10.77.0.0/31", "fd77::/64"))
	if !ping(client.Addr4, server.Addr4) || ping(client.Addr6, server.Addr6) {
		t.Error("a network of others bans, or the own one does not")
	}
}

// pings tells whether an address answers to an echo request.
func pings(t *testing.T, client *testenv.Netns, from, to string) (ok bool) {
	t.Helper()
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if strings.Contains(to, ":") {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	message := []byte{request, 0, 0, 0, 0x12, 0x34, 0, 1}
	// The checksum of this message; for IPv6 the kernel fills it in.
	sum := ^(uint16(request)<<8 + 0x1234 + 1)
	message[2], message[3] = byte(sum>>8), byte(sum)
	client.Do(t, func() {
		conn, err := net.DialIP(network, &net.IPAddr{IP: net.ParseIP(from)}, &net.IPAddr{IP: net.ParseIP(to)})
		if err != nil {
			t.Errorf("open a raw socket: %v", err)
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write(message); err != nil {
			return
		}
		for b := make([]byte, 100); ; {
			n, _, err := conn.ReadFromIP(b)
			if err != nil {
				return
			}
			if n > 0 && b[0] == reply {
				ok = true
				return
			}
		}
	})
	return ok
}

// answers tells whether a server in the namespace answers on a port: by TCP a
// connection, by UDP a datagram.
func answers(t *testing.T, client *testenv.Netns, network, from, to string) (ok bool) {
	t.Helper()
	client.Do(t, func() {
		dialer := net.Dialer{Timeout: time.Second}
		if network == "tcp" {
			dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
		} else {
			dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		}
		conn, err := dialer.Dial(network, to)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write([]byte("x")); err != nil {
			return
		}
		_, err = conn.Read(make([]byte, 1))
		ok = err == nil
	})
	return ok
}

// echo serves TCP and UDP on a port of an address.
func echo(t *testing.T, server *testenv.Netns, address string) {
	t.Helper()
	server.Do(t, func() {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		packets, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _, _ = listener.Close(), packets.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte("x"))
				_ = conn.Close()
			}
		}()
		go func() {
			b := make([]byte, 1)
			for {
				n, from, err := packets.ReadFrom(b)
				if err != nil {
					return
				}
				_, _ = packets.WriteTo(b[:n], from)
			}
		}()
	})
}

func TestOnlyTheNamedPortsAreClosed(t *testing.T) {
	server, client := testenv.Pair(t)
	client.AddAddr(t, "10.77.0.3/24")
	for _, port := range []string{"4022", "4080"} {
		echo(t, server, net.JoinHostPort(server.Addr4, port))
		echo(t, server, net.JoinHostPort(server.Addr6, port))
	}
	f := open(t, server).NewFence(mustSpec(t, "multiport", "port", "4000:4022", "protocol", "tcp,udp"))
	apply(t, f, bans(soon(), client.Addr4, client.Addr6))
	for _, network := range []string{"tcp", "udp"} {
		for _, c := range []struct {
			from, to, port string
			want           bool
		}{
			{client.Addr4, server.Addr4, "4022", false},
			{client.Addr4, server.Addr4, "4080", true},
			{"10.77.0.3", server.Addr4, "4022", true},
			{client.Addr6, server.Addr6, "4022", false},
			{client.Addr6, server.Addr6, "4080", true},
		} {
			if got := answers(t, client, network, c.from, net.JoinHostPort(c.to, c.port)); got != c.want {
				t.Errorf("%s from %s to port %s of %s: an answer is %v", network, c.from, c.port, c.to, got)
			}
		}
	}
}
