package cli

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestNameIsAskedForOnce(t *testing.T) {
	asked := map[string]int{}
	resolve := asking(func(_ context.Context, host string) ([]netip.Addr, error) {
		asked[host]++
		if host == "known.example" {
			return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
		}
		return nil, errors.New("no such host")
	})
	for range 3 {
		if ids := resolve("known.example"); len(ids) != 1 || ids[0].String() != "192.0.2.7" {
			t.Fatalf("known.example: %v", ids)
		}
		if ids := resolve("unknown.example"); len(ids) != 0 {
			t.Fatalf("unknown.example: %v", ids)
		}
	}
	if asked["known.example"] != 1 || asked["unknown.example"] != 1 {
		t.Errorf("asked %v", asked)
	}
}
