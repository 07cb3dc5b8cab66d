package cli

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/trial"
)

// regexMain is fail2ban-regex.
func regexMain(env Env) int { return trial.Regex(env.Args, trialEnv(env)) }

func trialEnv(env Env) trial.Env {
	t := trial.Env{
		Program: env.Name, Stdout: env.Stdout, Stderr: env.Stderr,
		Library: env.Library, Samples: env.Samples, Now: time.Now, Resolve: asking(lookup),
	}
	if f, ok := env.Stdout.(*os.File); ok {
		info, err := f.Stat()
		t.Terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// asking gives the addresses of host names and waits for them. Each name is
// asked for once, an unknown one too: a log may hold it on every line.
func asking(lookup ignore.LookupFunc) func(host string) []ipaddr.ID {
	names := ignore.NewResolver(clock.Real(), lookup)
	return func(host string) []ipaddr.ID {
		settled := make(chan struct{})
		ids, known := names.Name(host, func() { close(settled) })
		if !known {
			<-settled
			ids, _ = names.Name(host, nil)
		}
		return ids
	}
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
