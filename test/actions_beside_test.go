package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/testenv"
	"stockade/library"
)

// stockAction is a stock action that runs on this machine, and where to see
// what it did.
type stockAction struct {
	name, params string
	needs        []string
	// look prints the state that the action changes; alike takes out of it what
	// may differ.
	look  func(t *testing.T, in *instance) string
	alike func(state string) string
	// native says that there is a native form.
	native bool
	// only4 says that it takes no IPv6 addresses, noNets that it takes no
	// networks: the reference's fails to lift them.
	only4, noNets bool
	// except are events after which the reference's state is wrong.
	except []string
	// prepare sets up what the action works on, before each server.
	prepare func(t *testing.T, in *instance)
	// quick ones are part of the short form, slow ones take their time for an
	// event, and those of the soak are left to it.
	quick, slow, soak bool
	// errors says that the reference has errors, too.
	errors bool
	// differs says of a way of running it that it differs on purpose.
	differs map[string]string
}

// moment is the state after an event.
type moment struct{ Event, State string }

// syncAction stands behind the action in the jail and notes that all actions
// before it are done with an event.
const syncAction = `[Definition]
actionstart = echo start >> DIR/synced
actionstop =
actionreload = echo reload >> DIR/synced
actionban = echo ban <ip> >> DIR/synced
actionunban = echo unban <ip> >> DIR/synced
`

// way is one of the ways to run an action.
type way struct {
	name    string
	subject func(testing.TB) subject
	// files puts action.d into place.
	files  func(t *testing.T, in *instance)
	native string
}

func theirFiles(t *testing.T, in *instance) {
	t.Helper()
	if err := os.RemoveAll(in.path("etc/action.d")); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(testenv.Reference(t), "etc/fail2ban/action.d")
	if err := os.CopyFS(in.path("etc/action.d"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
}

func ourFiles(t *testing.T, in *instance) {
	t.Helper()
	if err := os.RemoveAll(in.path("etc")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(in.path("etc"), library.Files()); err != nil {
		t.Fatal(err)
	}
}

// ways are all of them; the first is what the others are compared with.
var ways = []way{
	{"the reference", reference, theirFiles, ""},
	{"their files as commands", stockade, theirFiles, "never"},
	{"their files, native", stockade, theirFiles, "auto"},
	{"our files, native", stockade, ourFiles, "auto"},
	{"our files as commands", stockade, ourFiles, "never"},
	{"our files run by the reference", reference, ourFiles, ""},
}

func TestStockActionsLeaveTheSameStateAsTheReference(t *testing.T) {
	for _, a := range stockActions() {
		if !a.quick && !testenv.Full() || a.soak && os.Getenv("STOCKADE_SOAK") == "" {
			continue
		}
		t.Run(strings.TrimSuffix(a.name+" "+a.params, " "), func(t *testing.T) {
			testenv.Need(t, a.needs...)
			want := events(t, a, ways[0])
			for i, w := range ways[1:] {
				if i == len(ways)-2 && !testenv.Full() {
					break
				}
				if w.native == "auto" && !a.native {
					continue
				}
				t.Run(w.name, func(t *testing.T) {
					if why := a.differs[w.name]; why != "" {
						testenv.Skip(t, why)
					}
					compareEvents(t, a, w, want)
				})
			}
		})
	}
}

// bannedIDs are those that the events ban.
func (a *stockAction) bannedIDs() []string {
	ids := []string{"192.0.2.1", "198.51.100.0/24", "192.0.2.7"}
	if a.noNets {
		ids = slices.Delete(ids, 1, 2)
	}
	if !a.only4 {
		ids = append(ids, "2001:db8::1", "2001:db8::7")
	}
	return ids
}

// event is one thing that happens to a jail, and the lines that the sync action
// writes when it is done, in any order.
type event struct {
	name  string
	do    func(t *testing.T, in *instance)
	lines []string
}

func (a *stockAction) events() []event {
	ask := func(args ...string) func(*testing.T, *instance) {
		return func(t *testing.T, in *instance) {
			t.Helper()
			in.ask(t, args...)
		}
	}
	ban := func(id string) event {
		return event{"ban " + id, ask("set", "j", "banip", id), []string{"ban " + id}}
	}
	list := []event{{"start", func(*testing.T, *instance) {}, []string{"start"}}}
	var restored, flushed []string
	for _, id := range a.bannedIDs()[1:] {
		restored, flushed = append(restored, "ban "+id), append(flushed, "unban "+id)
	}
	for _, id := range a.bannedIDs() {
		list = append(list, ban(id))
	}
	list = append(list,
		event{"unban", ask("set", "j", "unbanip", "192.0.2.1"), []string{"unban 192.0.2.1"}},
		event{"stop for a restart", func(t *testing.T, in *instance) {
			in.ask(t, "stop")
			in.gone(t)
		}, nil},
		event{"restore", func(t *testing.T, in *instance) { in.start(t) }, restored},
		event{"flush", ask("unban", "--all"), flushed},
		ban("192.0.2.9"),
		event{"prolong", func(t *testing.T, in *instance) {
			// Most actions have nothing for it, and the reference says so.
			in.client("set", "j", "action", strings.Fields(a.name)[0], "prolong", `{"aInfo": {"ip": "192.0.2.9", "family": "inet4", "bantime": 7200, "failures": 1, "time": 1}}`)
		}, nil},
		event{"reload", ask("reload"), []string{"reload"}},
		event{"stop", func(t *testing.T, in *instance) {
			in.ask(t, "stop")
			in.gone(t)
		}, nil},
	)
	return list
}

// stage lays a server out.
func stage(t *testing.T, a *stockAction, w way) *instance {
	t.Helper()
	in := place(t, w.subject(t), testenv.NewNetns(t), "")
	w.files(t, in)
	in.write(t, "etc/fail2ban.local", "[DEFAULT]\nsocket = DIR/socket\npidfile = DIR/pid\nlogtarget = DIR/fail2ban.log\ndbfile = DIR/fail2ban.sqlite3\nloglevel = INFO\n")
	if _, err := os.Stat(in.path("etc/fail2ban.conf")); err != nil {
		in.write(t, "etc/fail2ban.conf", "[Definition]\nsyslogsocket = auto\nallowipv6 = auto\ndbpurgeage = 1d\n")
	}
	in.write(t, "etc/action.d/sync.conf", syncAction)
	params := "port=\"22,80:90\", " + a.params
	if strings.Contains(a.params, "port=") {
		params = a.params
	}
	if w.native != "" {
		params = strings.TrimSuffix(params, ", ") + ", native=" + w.native
	}
	in.write(t, "etc/jail.conf", "[DEFAULT]\n")
	in.write(t, "etc/jail.local", "[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = DIR/empty\nbantime = 600\naction = "+
		a.name+"["+strings.TrimSuffix(params, ", ")+"]\n  sync\n")
	in.write(t, "empty", "")
	if a.prepare != nil {
		a.prepare(t, in)
	}
	return in
}

// events runs them all and notes the state after each.
func events(t *testing.T, a *stockAction, w way) []moment {
	t.Helper()
	in := stage(t, a, w)
	in.start(t)
	var out []moment
	for _, e := range a.events() {
		in.happen(t, e)
		out = append(out, moment{e.name, a.alike(a.look(t, in))})
	}
	in.checkErrors(t, a)
	return out
}

// happen makes an event happen and waits until the actions are done with it.
func (in *instance) happen(t *testing.T, e event) {
	t.Helper()
	before := in.synced()
	if e.name == "start" {
		before = ""
	}
	e.do(t, in)
	if !until(30*time.Second, func() bool {
		now := "\n" + strings.TrimPrefix(in.synced(), before)
		return !slices.ContainsFunc(e.lines, func(line string) bool { return !strings.Contains(now, "\n"+line+"\n") })
	}) {
		t.Fatalf("%s does not come to an end with %q:\n%s\n%s", in.name, e.name, in.synced(), in.log())
	}
}

func (in *instance) synced() string {
	b, _ := os.ReadFile(in.path("synced"))
	return string(b)
}

// compareEvents runs the events another way and wants the same states. Native
// actions have a way of their own through the server, so each state gets time
// to come about.
func compareEvents(t *testing.T, a *stockAction, w way, want []moment) {
	t.Helper()
	in := stage(t, a, w)
	in.start(t)
	for i, e := range a.events() {
		in.happen(t, e)
		var state string
		limit := 3 * time.Second
		if a.slow {
			limit *= 3
		}
		if !until(limit, func() bool {
			state = a.alike(a.look(t, in))
			return state == want[i].State || slices.Contains(a.except, e.name)
		}) {
			t.Errorf("%s after %q: theirs -, ours +\n%s", w.name, e.name, cmp.Diff(want[i].State, state))
			break
		}
	}
	if w.native == "auto" && !t.Failed() {
		checkRunsNatively(t, in, a)
	}
	in.checkErrors(t, a)
}

// checkErrors wants no errors in the log, but for those of prolonging, for which
// most actions have nothing.
func (in *instance) checkErrors(t *testing.T, a *stockAction) {
	t.Helper()
	log := regexp.MustCompile(`(?m)^.* ERROR .*(actionprolong|end of file unexpected|returned 2$|'prolong').*\n`).ReplaceAllString(in.log(), "")
	if strings.Contains(log, " ERROR ") && !a.errors || t.Failed() {
		t.Errorf("log of %s:\n%s", in.name, short(log))
	}
}

// checkRunsNatively looks that the server took the native form.
func checkRunsNatively(t *testing.T, in *instance, a *stockAction) {
	t.Helper()
	in.start(t)
	out, err := in.enter(exec.Command(filepath.Join(build.dir, "stockade"), "status", "j", "--json", "--conf", in.path("etc"))).CombinedOutput()
	if err != nil || !regexp.MustCompile(`"name":\s*"`+strings.Fields(a.name)[0]+`",\s*"native":\s*true`).Match(out) {
		t.Errorf("%s does not run natively: %v\n%s", a.name, err, out)
	}
	in.ask(t, "stop")
	in.gone(t)
}

// sortedLines is a text whose lines have no order.
func sortedLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
