package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ogórek "github.com/kisielk/og-rek"
	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"stockade/internal/testenv"
)

// watched is our server with two jails and three bans, as monitors see it.
func watched(t *testing.T) *instance {
	t.Helper()
	in := plain(t, stockade(t))
	in.start(t)
	in.ask(t, "set", "one", "banip", "192.0.2.1", "2001:db8::1")
	in.ask(t, "set", "two", "banip", "192.0.2.1")
	attacks(t, in, "one.log", "192.0.2.9", 1)
	eventually(t, "a failure", func() bool { return strings.Contains(in.log(), "Found 192.0.2.9") })
	return in
}

// exporter speaks as the Go exporters do: requests by og-rek, replies read in
// blocks of 1,024 bytes whose rest is zero, and parsed by gopickle.
type exporter struct {
	*testing.T
	net.Conn
}

func (e exporter) call(words ...string) any {
	e.Helper()
	var request bytes.Buffer
	if err := ogórek.NewEncoderWithConfig(&request, &ogórek.EncoderConfig{Protocol: 2}).Encode(words); err != nil {
		e.Fatal(err)
	}
	request.WriteString(endOfCommand)
	if _, err := e.Write(request.Bytes()); err != nil {
		e.Fatal(err)
	}
	var reply []byte
	for !bytes.Contains(reply, []byte(endOfCommand)) {
		block := make([]byte, 1024)
		if _, err := e.Read(block); err != nil {
			e.Fatal(err)
		}
		reply = append(reply, block...)
	}
	unpickler := pickle.NewUnpickler(bytes.NewReader(reply))
	unpickler.FindClass = func(module, name string) (any, error) {
		if module == "builtins" && name == "str" {
			return text{}, nil
		}
		return nil, fmt.Errorf("class %s.%s", module, name)
	}
	v, err := unpickler.Load()
	if err != nil {
		e.Fatalf("%q: %v", words, err)
	}
	pair, ok := v.(*types.Tuple)
	if !ok || pair.Get(0) != 0 {
		e.Fatalf("%q: %v", words, v)
	}
	return pair.Get(1)
}

// text is the one class that exporters allow.
type text struct{}

// Call is the class's constructor.
func (text) Call(args ...any) (any, error) { return args[0], nil }

func row(e exporter, v any, i int) *types.Tuple {
	e.Helper()
	list, ok := v.(*types.List)
	if !ok {
		e.Fatalf("%T is no list", v)
	}
	t, ok := list.Get(i).(*types.Tuple)
	if !ok {
		e.Fatalf("%T is no tuple", list.Get(i))
	}
	return t
}

func TestExportersReadTheSocket(t *testing.T) {
	in := watched(t)
	conn, err := net.DialTimeout("unix", in.path("socket"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e := exporter{t, conn}
	if v := e.call("ping", "100"); v != "pong" {
		t.Errorf("ping: %v", v)
	}
	if v := row(e, e.call("status"), 1); v.Get(0) != "Jail list" || v.Get(1) != "one, two" {
		t.Errorf("status: %v", v)
	}
	status := e.call("status", "one")
	for i, want := range []struct {
		label string
		rows  []any
	}{{"Filter", []any{"Currently failed", 1, "Total failed", 1}}, {"Actions", []any{"Currently banned", 2, "Total banned", 2}}} {
		part := row(e, status, i)
		a, b := row(e, part.Get(1), 0), row(e, part.Get(1), 1)
		if got := []any{a.Get(0), a.Get(1), b.Get(0), b.Get(1)}; part.Get(0) != want.label || !slices.Equal(got, want.rows) {
			t.Errorf("%s: %v, want %v", part.Get(0), got, want.rows)
		}
	}
	for option, want := range map[string]int{"bantime": 7200, "findtime": 3600, "maxretry": 2} {
		if v := e.call("get", "one", option); v != want {
			t.Errorf("%s: %v (%T)", option, v, v)
		}
	}
	if v := e.call("version"); v != "1.1.1" {
		t.Errorf("version: %v", v)
	}
	dated := regexp.MustCompile(`^(\S+)[ \t]+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \+ (-?\d+) = (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)$`)
	list, ok := e.call("get", "one", "banip", "--with-time").(*types.List)
	if !ok || list.Len() != 2 || !dated.MatchString(fmt.Sprint(list.Get(0))) {
		t.Errorf("banip --with-time: %v", list)
	}
}

// TestReplyIsOneChunk does as clients in JavaScript do: what comes first is
// taken for the whole.
func TestReplyIsOneChunk(t *testing.T) {
	in := watched(t)
	for range 20 {
		conn, err := net.Dial("unix", in.path("socket"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "\x80\x02](U\x06statusU\x03onee."+endOfCommand)
		chunk := make([]byte, 1<<16)
		n, err := conn.Read(chunk)
		if err != nil || !bytes.HasSuffix(chunk[:n], []byte(endOfCommand)) {
			t.Errorf("the first chunk is %q (%v)", chunk[:n], err)
		}
		_ = conn.Close()
	}
	// The probe of monit: connect and leave.
	conn, err := net.Dial("unix", in.path("socket"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	in.ask(t, "ping")
}

// TestPluginsReadTheOutput runs the pipelines that monitoring plugins are made
// of, with `f2b` for the client.
func TestPluginsReadTheOutput(t *testing.T) {
	testenv.Need(t, "awk")
	in := watched(t)
	client := in.program("client", "-c", in.path("etc"))
	for _, p := range []struct{ name, script, want string }{
		{"munin autoconf", `f2b ping >/dev/null && echo yes`, "yes"},
		{"munin jails", `f2b status | grep 'Jail list:' | cut -d: -f2 | tr -d ' \t' | tr ',' '\n'`, "one\ntwo"},
		{"munin values", `f2b status one | awk '/Currently banned/ {print $NF}'`, "2"},
		{"nagios", `f2b ping | grep -c pong; f2b status one | grep -P 'Currently banned:\t\d+$' | cut -f2`, "1\n2"},
		{"cacti failed", `f2b status one | grep 'Total failed' | awk '{print $5}'`, "1"},
		{"cacti banned", `f2b status one | grep 'Total banned' | awk '{print $4}'`, "2"},
		{"zabbix item", `f2b status 'two' | grep 'Currently banned:' | grep -Eo '[0-9]+'`, "1"},
		{"zabbix discovery", `f2b status | grep 'Jail list:' | sed -e 's/^.*://' -e 's/[[:space:]]//g' -e 's/,/\n/g'`, "one\ntwo"},
		{"netdata, vanished jail", `f2b status nope 2>/dev/null | grep -c '^Sorry but the jail'; f2b status nope >/dev/null 2>&1; echo $?`, "1\n255"},
		{"panel jails", `f2b status 2>&1 | grep 'Jail list:' | cut -d: -f2- | tr , '\n' | wc -l`, "2"},
		{"panel addresses", `f2b status one 2>&1 | grep 'IP list:' | cut -d: -f2- | wc -w`, "2"},
		{"panel reload", `f2b reload 2>/dev/null`, "OK"},
		{"webmin", `f2b status one | sed -nE 's/.*-\s+(.*):\s*(.*)/\1=\2/p' | grep 'Currently banned'`, "Currently banned=2"},
		{"webmin list", `f2b get one banip --with-time | sed 's/=.*//' | awk '{print $1, $5}' | sort`, "192.0.2.1 7200\n2001:db8::1 7200"},
		{"shell completion", `f2b get one actions | tail -1`, "No actions for jail one"},
		{"panel unban", `f2b set two unbanip 192.0.2.1 >/dev/null; echo $?`, "0"},
		{"sqlite scripts", `sqlite3 "$DB" 'select ip,jail from bips order by ip; select name, enabled from jails order by name'`, "192.0.2.1|one\n2001:db8::1|one\none|1\ntwo|1"},
		{"monit", `kill -0 $(cat "$PIDFILE") && grep -cE ' (ERROR|CRITICAL) ' "$LOG"`, "2"},
		{"logwatch", `grep -cE '(WARNING|NOTICE)\s+\[[^]]+\] (Ban|Unban) \S+$' "$LOG"`, "4"},
	} {
		shell := exec.Command("sh", "-c", fmt.Sprintf("f2b() { %s \"$@\"; }\n%s", quoted(client.Args), p.script))
		shell.Env = append(shell.Environ(), "DB="+in.path("fail2ban.sqlite3"), "PIDFILE="+in.path("pid"), "LOG="+in.path("fail2ban.log"))
		out, _ := shell.Output()
		if got := strings.TrimSpace(string(out)); got != p.want {
			t.Errorf("%s reads %q, want %q", p.name, got, p.want)
		}
	}
	// Cockpit's plugins make JSON of the representation.
	var all []map[string][]string
	if err := json.Unmarshal([]byte(strings.ReplaceAll(in.ask(t, "banned"), "'", `"`)), &all); err != nil || len(all) != 2 || len(all[0]["one"]) != 2 {
		t.Errorf("banned: %v %v", all, err)
	}
}

func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = strconv.Quote(a)
	}
	return strings.Join(words, " ")
}
