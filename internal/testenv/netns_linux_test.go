package testenv

import (
	"net"
	"testing"
)

func TestPairReachesEachOther(t *testing.T) {
	server, client := Pair(t)
	for _, addr := range []string{server.Addr4, server.Addr6} {
		var listener net.Listener
		server.Do(t, func() {
			var err error
			listener, err = net.Listen("tcp", net.JoinHostPort(addr, "0"))
			if err != nil {
				t.Errorf("listen: %v", err)
			}
		})
		if t.Failed() {
			return
		}
		client.Do(t, func() {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Errorf("dial %s: %v", addr, err)
				return
			}
			_ = conn.Close()
		})
		_ = listener.Close()
	}
}
