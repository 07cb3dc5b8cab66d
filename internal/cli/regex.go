package cli

import (
	"context"
	"net"
	"os"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/trial"
)

// lookupTime bounds how long fail2ban-regex waits for the address of a name.
const lookupTime = 10 * time.Second

// regexMain is fail2ban-regex.
func regexMain(env Env) int { return trial.Regex(env.Args, trialEnv(env)) }

func trialEnv(env Env) trial.Env {
	t := trial.Env{
		Program: env.Name, Stdout: env.Stdout, Stderr: env.Stderr,
		Library: env.Library, Samples: env.Samples, Now: time.Now, Resolve: resolve,
	}
	if f, ok := env.Stdout.(*os.File); ok {
		info, err := f.Stat()
		t.Terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// resolve looks a host name up.
func resolve(name string) []ipaddr.ID {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil
	}
	ids := make([]ipaddr.ID, len(found))
	for i, a := range found {
		ids[i] = ipaddr.FromAddr(a.Unmap())
	}
	return ids
}
