package server

import (
	"testing"

	"stockade/internal/clock"
	"stockade/internal/ipaddr"
)

// Fail2ban 1.0.2 knew only what the host's names resolve to.
func TestTrap27EveryAddressOfAnInterfaceIsOwn(t *testing.T) {
	own := newNames(clock.Real()).own()
	addrs := interfaceAddrs()
	if len(addrs) == 0 {
		t.Fatal("this machine has no address, not even on its loopback interface")
	}
	for _, a := range addrs {
		if id := ipaddr.FromAddr(a.WithZone("")); !own.Contains(id) {
			t.Errorf("%s is an address of this machine and not taken for one", id)
		}
	}
	if own.Contains(ipaddr.Parse("192.0.2.1")) {
		t.Error("an address of elsewhere is taken for our own")
	}
}
