package acceptance

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// TestEscalationCountsOverAllJails bans an address in two jails, one after
// the other, in both servers: the logs agree.
func TestEscalationCountsOverAllJails(t *testing.T) {
	const more = "bantime.overalljails = true\nbantime.factor = 2\nbantime.multipliers = 1 3 5\nbantime.maxtime = 9h\n"
	subjects := []subject{reference(t), stockade(t)}
	said := make([]string, len(subjects))
	t.Run("run", func(t *testing.T) {
		for i, s := range subjects {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				in := plain(t, s)
				in.write(t, "etc/jail.local", strings.Replace(plainJails, "bantime = 2h\n", "bantime = 3\n"+more, 1))
				in.start(t)
				attacks(t, in, "one.log", "192.0.2.7", 2)
				says(t, in, "[one] Ban 192.0.2.7")
				// The ban is over, its row stays.
				says(t, in, "[one] Unban 192.0.2.7")
				attacks(t, in, "two.log", "192.0.2.7", 2)
				says(t, in, "[two] Increase Ban 192.0.2.7")
				// The database knows whole seconds: a failure in that of a ban
				// counts as read again.
				second := time.Now().Unix()
				until(2*time.Second, func() bool { return time.Now().Unix() > second })
				// One failure of a known address counts for two.
				attacks(t, in, "one.log", "192.0.2.7", 1)
				says(t, in, "[one] Increase Ban 192.0.2.7")
				said[i] = escalations(in)
			})
		}
	})
	if !t.Failed() && said[0] != said[1] {
		t.Errorf("the reference logs\n%s\nwe log\n%s", said[0], said[1])
	}
}

func says(t *testing.T, in *instance, what string) {
	t.Helper()
	eventually(t, "the log says "+what, func() bool { return strings.Contains(in.log(), what) })
}

var escalationLine = regexp.MustCompile(`(?:NOTICE|INFO) +(\[\w+\] (?:IP |Increase|Ban|Found).*)`)

// escalations are the lines about bans and how they grow, without times, the
// lines of each jail in their order.
func escalations(in *instance) string {
	var b strings.Builder
	for _, jail := range []string{"[one]", "[two]"} {
		for _, m := range escalationLine.FindAllStringSubmatch(in.log(), -1) {
			if strings.HasPrefix(m[1], jail) {
				b.WriteString(anyTime.ReplaceAllString(m[1], "TIME") + "\n")
			}
		}
	}
	return b.String()
}

// TestRecidiveReadsOurOwnLog is the guide's setup: who is banned often enough
// by the other jails is banned for weeks by recidive.
func TestRecidiveReadsOurOwnLog(t *testing.T) {
	testenv.Root(t)
	in := place(t, stockade(t), nil, plainJails+`[recidive]
enabled = true
filter = recidive
logpath = DIR/fail2ban.log
bantime = 9w
findtime = 3d
maxretry = 3
bantime.increment = false
`)
	in.write(t, "etc/filter.d/plain.conf", plainFilter)
	in.write(t, "one.log", "")
	in.write(t, "two.log", "")
	in.write(t, "fail2ban.log", "")
	in.start(t)
	for n := range 3 {
		in.ask(t, "set", "one", "banip", "192.0.2.7")
		in.ask(t, "set", "one", "unbanip", "192.0.2.7")
		eventually(t, "recidive has seen it", func() bool { return strings.Count(in.log(), "[recidive] Found 192.0.2.7") > n })
	}
	eventually(t, "recidive bans", func() bool { return strings.Contains(in.log(), "[recidive] Ban 192.0.2.7") })
	if out := in.ask(t, "get", "recidive", "banip", "--with-time"); !strings.Contains(out, " + 5443200 = ") {
		t.Errorf("nine weeks are %q", out)
	}
	if n := strings.Count(in.log(), "[recidive] Found"); n != 3 {
		t.Errorf("recidive found %d bans: it reads its own", n)
	}
}
