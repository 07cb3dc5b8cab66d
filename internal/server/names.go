package server

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
)

// selfTTL is how long the machine's own addresses are taken for granted.
const selfTTL = 300 * time.Second

// fileEvery is how often a file of ignored addresses is looked at again, and
// fileRetry how long one that cannot be read is left alone.
const (
	fileEvery = time.Second
	fileRetry = 60 * time.Second
)

// names answers what jails ask about hosts and addresses, without waiting.
type names struct {
	clock    clock.Clock
	resolver *ignore.Resolver

	mu       sync.Mutex
	self     *ipaddr.Set
	selfTill time.Time
	asking   bool
	files    map[string]*listFile
}

// listFile is a file: entry of ignoreip.
type listFile struct {
	list    *ignore.List
	next    time.Time
	modTime time.Time
	size    int64
}

func newNames(c clock.Clock) *names {
	lookup := func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	return &names{clock: c, resolver: ignore.NewResolver(c, lookup), files: map[string]*listFile{}}
}

// own are the addresses of this machine: those of its interfaces at once, and
// what its names resolve to as soon as that is known.
func (n *names) own() *ipaddr.Set {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.self == nil || n.clock.Now().After(n.selfTill) && !n.asking {
		n.self = ignore.SelfSet(interfaceAddrs())
		n.selfTill = n.clock.Now().Add(selfTTL)
		n.asking = true
		go n.resolveSelf()
	}
	return n.self
}

func interfaceAddrs() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p.Addr())
		}
	}
	return all
}

// resolveSelf adds what the names of this machine resolve to.
func (n *names) resolveSelf() {
	hosts := []string{"localhost"}
	if h, err := os.Hostname(); err == nil {
		hosts = append(hosts, h)
	}
	all := interfaceAddrs()
	for _, h := range hosts {
		ctx, cancel := context.WithTimeout(context.Background(), ignore.AskTimeout)
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h)
		cancel()
		if err == nil {
			all = append(all, found...)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asking = false
	n.self = ignore.SelfSet(all)
}

// file gives a list of ignored addresses. Reading a local file of bounded size
// is quick enough to be done here.
func (n *names) file(path string) (list *ignore.List, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.clock.Now()
	f := n.files[path]
	if f != nil && now.Before(f.next) {
		return f.list, nil
	}
	if f == nil {
		f = &listFile{list: &ignore.List{}}
		n.files[path] = f
	}
	f.next = now.Add(fileEvery)
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Equal(f.modTime) && info.Size() == f.size {
		return f.list, nil
	}
	var text []byte
	if err == nil {
		text, err = readBounded(path)
	}
	if err != nil {
		f.next = now.Add(fileRetry)
		return f.list, err
	}
	f.list, f.modTime, f.size = ignore.ParseList(string(text)), info.ModTime(), info.Size()
	return f.list, nil
}

// hostName is the name of an address, "" if it has none.
func (n *names) hostName(ip string) string {
	ctx, cancel := context.WithTimeout(context.Background(), ignore.AskTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupAddr(ctx, ip)
	if err != nil || len(found) == 0 {
		return ""
	}
	return strings.TrimSuffix(found[0], ".")
}
