package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// failures are lines of failed logins that end now.
func failures(n int, ip string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s gate sshd[%d]: Failed password for root from %s port %d ssh2\n",
			time.Now().Format(time.Stamp), 1000+i, ip, 40000+i)
	}
	return b.String()
}

// TestLogThatAppearsLater starts without the log file.
func TestLogThatAppearsLater(t *testing.T) {
	netn := testenv.NewNetns(t)
	in := place(t, stockade(t), netn, `[sshd]
enabled = true
logpath = DIR/later/auth.log
action =
`)
	in.start(t)
	if !strings.Contains(in.log(), in.path("later/auth.log")) {
		t.Error("the log does not say what the jail waits for")
	}
	in.write(t, "later/auth.log", failures(5, "192.0.2.1"))
	eventually(t, "the ban from the new file", func() bool {
		return strings.Contains(in.log(), "[sshd] Ban 192.0.2.1")
	})
	if n := strings.Count(in.log(), "Found 192.0.2.1"); n != 5 {
		t.Errorf("5 lines were found as %d", n)
	}
}

// TestBrokenJailStopsNoOther gives one healthy jail four broken neighbours.
func TestBrokenJailStopsNoOther(t *testing.T) {
	netn := testenv.NewNetns(t)
	in := place(t, stockade(t), netn, `[DEFAULT]
enabled = true
action =
[a-nofilter]
filter = nosuchfilter
logpath = DIR/auth.log
[b-noaction]
filter = sshd
action = nosuchaction
logpath = DIR/auth.log
[c-badregex]
filter =
failregex = ^(broken <HOST>$
logpath = DIR/auth.log
[d-badtime]
filter = sshd
bantime = soon
logpath = DIR/auth.log
[recidive]
enabled = false
[sshd]
logpath = DIR/auth.log
`)
	in.write(t, "auth.log", "")
	in.start(t)
	eventually(t, "the healthy jail is up", func() bool {
		_, code := in.client("status", "sshd")
		return code == 0
	})
	in.append(t, "auth.log", failures(5, "192.0.2.1"))
	eventually(t, "the ban of the healthy jail", func() bool {
		return strings.Contains(in.log(), "[sshd] Ban 192.0.2.1")
	})
	if out := in.ask(t, "status"); !strings.Contains(out, "sshd") {
		t.Errorf("status is %q", out)
	}
}
