package acceptance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
	"stockade/library"
)

// reloadable is our server with one jail and an action that writes down what
// it is told, configured by the unmodified Python client.
type reloadable struct {
	*testing.T
	*instance
	reference string
}

const reloadJail = `[one]
enabled = true
backend = polling
filter = plain
usedns = no
ignoreself = false
logpath = DIR/one.log
findtime = 1h
bantime = 2h
maxretry = %d
%s
`

func newReloadable(t *testing.T) reloadable {
	t.Helper()
	in := place(t, stockade(t), nil, "")
	if err := os.CopyFS(in.path("etc"), library.Files()); err != nil {
		t.Fatal(err)
	}
	in.write(t, "etc/filter.d/plain.conf", plainFilter)
	for _, name := range []string{"rec", "second"} {
		in.write(t, "etc/action.d/"+name+".conf", `[Definition]
actionstart = echo `+name+` start >> DIR/told
actionstop = echo `+name+` stop >> DIR/told
actionban = echo `+name+` ban <ip> <word> >> DIR/told
actionunban = echo `+name+` unban <ip> <word> >> DIR/told
[Init]
word = old
`)
	}
	in.write(t, "one.log", "")
	r := reloadable{t, in, testenv.Reference(t)}
	r.configure(3, "action = rec")
	in.start(t)
	return r
}

func (r reloadable) configure(maxretry int, more string) {
	r.write(r.T, "etc/jail.local", fmt.Sprintf(reloadJail, maxretry, more))
}

// python runs the reference's client against our server.
func (r reloadable) python(args ...string) (string, int) {
	cmd := testenv.Program(r.reference, "client", append([]string{"-c", r.path("etc")}, args...)...)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

func (r reloadable) reload() {
	r.Helper()
	if out, code := r.python("reload"); code != 0 || !strings.Contains(out, "OK\n") {
		r.Fatalf("reload: exit %d\n%s", code, out)
	}
}

// told is what the actions were told since the last call, in order.
func (r reloadable) told() []string {
	r.Helper()
	text, err := os.ReadFile(r.path("told"))
	if err != nil && !os.IsNotExist(err) {
		r.Fatal(err)
	}
	_ = os.Remove(r.path("told"))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func (r reloadable) wantTold(when string, want ...string) {
	r.Helper()
	if got := r.told(); !slices.Equal(got, want) {
		r.Errorf("%s the actions were told\n  %s\nwant\n  %s", when, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestReloadByThePythonClientChangesWhatChanged walks through reloads, each
// with one change.
func TestReloadByThePythonClientChangesWhatChanged(t *testing.T) {
	r := newReloadable(t)
	r.ask(t, "set", "one", "banip", "192.0.2.1")
	attacks(t, r.instance, "one.log", "192.0.2.2", 2)
	eventually(t, "two failures", func() bool { return strings.Count(r.log(), "Found 192.0.2.2") == 2 })
	r.wantTold("at first", "rec start", "rec ban 192.0.2.1 old")
	read := strings.Count(r.log(), "Added logfile")

	r.reload()
	if got := r.told(); !slices.Equal(got, []string{""}) {
		t.Errorf("a reload without a change told the actions %q", got)
	}
	if n := strings.Count(r.log(), "Added logfile"); n != read {
		t.Error("the log was opened anew")
	}
	status := r.ask(t, "status", "one")
	for _, want := range []string{"Currently failed:\t1\n", "Total failed:\t2\n", "Currently banned:\t1\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("after a reload without a change %q is missing in\n%s", want, status)
		}
	}

	// The two failures count on: the third makes a ban.
	attacks(t, r.instance, "one.log", "192.0.2.2", 1)
	eventually(t, "ban", func() bool { return strings.Contains(r.log(), "[one] Ban 192.0.2.2") })
	r.told()

	r.configure(7, "action = rec[word=new]")
	r.reload()
	if out := r.ask(t, "get", "one", "maxretry"); out != "7\n" {
		t.Errorf("maxretry is now %q", out)
	}
	r.told()
	r.ask(t, "set", "one", "banip", "192.0.2.3")
	r.wantTold("with a new parameter", "rec ban 192.0.2.3 new")

	r.configure(7, "action = rec[word=new]\n         second\nignorecommand = /bin/false")
	r.reload()
	r.wantTold("with one more action", "second start", "second ban 192.0.2.1 old", "second ban 192.0.2.2 old", "second ban 192.0.2.3 old")
	if out := r.ask(t, "get", "one", "ignorecommand"); out != "/bin/false\n" {
		t.Errorf("ignorecommand is %q", out)
	}

	r.configure(7, "action = rec[word=new]")
	r.reload()
	r.wantTold("with one action less", "second unban 192.0.2.1 old", "second unban 192.0.2.2 old", "second unban 192.0.2.3 old", "second stop")
	if out := r.ask(t, "get", "one", "ignorecommand"); strings.Contains(out, "/bin/false") {
		t.Errorf("ignorecommand was removed and is %q", out)
	}
}

// TestReloadOfABrokenConfigurationChangesNothing reloads with a regex that
// does not compile, and with a filter that is not there.
func TestReloadOfABrokenConfigurationChangesNothing(t *testing.T) {
	r := newReloadable(t)
	r.ask(t, "set", "one", "banip", "192.0.2.1")
	r.told()
	for name, more := range map[string]string{
		"a bad regex":  "action = rec\nfailregex = ^ broken ( <HOST>",
		"a bad filter": "action = rec\nfilter = nowhere",
	} {
		r.configure(9, more)
		if out, _ := r.python("reload"); strings.Contains(out, "Traceback") {
			t.Errorf("%s: %s", name, out)
		}
		if out := r.ask(t, "get", "one", "banip"); out != "192.0.2.1\n" {
			t.Errorf("after %s the bans are %q", name, out)
		}
		found := strings.Count(r.log(), "Found 192.0.2.20")
		attacks(t, r.instance, "one.log", "192.0.2.20", 1)
		eventually(t, "still reading after "+name, func() bool { return strings.Count(r.log(), "Found 192.0.2.20") > found })
	}
	if got := r.told(); !slices.Equal(got, []string{""}) {
		t.Errorf("the actions were told %q", got)
	}
	if n := strings.Count(r.log(), "ERROR"); n == 0 {
		t.Error("nobody was told")
	}
}

// TestLinesDuringReloadsAreReadOnce writes all through a dozen reloads.
func TestLinesDuringReloadsAreReadOnce(t *testing.T) {
	r := newReloadable(t)
	r.configure(1000, "action = rec")
	quit := make(chan struct{})
	written := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-quit:
				written <- n
				return
			case <-time.After(time.Millisecond):
			}
			r.append(t, "one.log", time.Now().Format(time.DateTime)+" failure from 192.0.2.50\n")
			n++
		}
	}()
	for i := range 12 {
		r.configure(1000+i, "action = rec[word="+string(rune('a'+i))+"]")
		r.ask(t, "reload")
	}
	close(quit)
	n := <-written
	want := fmt.Sprintf("Total failed:\t%d\n", n)
	if !until(10*time.Second, func() bool { return strings.Contains(r.ask(t, "status", "one"), want) }) {
		t.Errorf("%d lines were written; %s", n, r.ask(t, "status", "one"))
	}
}
