package action

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// hostnameTTL is how long the full host name is remembered.
const hostnameTTL = 5 * time.Minute

// hostnameTimeout keeps a dead name server from delaying a command.
const hostnameTimeout = 2 * time.Second

var hostname struct {
	sync.Mutex
	name string
	till time.Time
}

// fullHostname is the machine's name with its domain, as far as it is known.
func fullHostname() string {
	hostname.Lock()
	defer hostname.Unlock()
	if time.Now().Before(hostname.till) {
		return hostname.name
	}
	short, err := os.Hostname()
	if err != nil {
		return ""
	}
	name := short
	if !strings.Contains(short, ".") {
		ctx, cancel := context.WithTimeout(context.Background(), hostnameTimeout)
		defer cancel()
		if cname, err := net.DefaultResolver.LookupCNAME(ctx, short); err == nil && strings.HasPrefix(cname, short) {
			name = strings.TrimSuffix(cname, ".")
		}
	}
	hostname.name, hostname.till = name, time.Now().Add(hostnameTTL)
	return name
}
