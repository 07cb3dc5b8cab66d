package action

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
	"stockade/internal/ticket"
)

// dial leads every connection to the service.
func (s *service) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, s.addr)
}

// ours plays operations with our native action.
func (s *service) ours(b *bench, props [][2]string, src *Source, ops []webOp) {
	s.t.Helper()
	b.env.Dial = s.dial
	b.set = NewSet(b.env)
	if err := b.set.Add("x", src); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range append(props, [2]string{"cafile", s.caFile}) {
		b.props("x", p[0], p[1])
	}
	b.start()
	if st := b.set.Status()[0]; !st.Native {
		s.t.Fatal(st.Why)
	}
	var last []*ticket.Ticket
	for _, op := range ops {
		one := op.ticket()
		for _, what := range op.Do {
			kind := map[string]JobKind{"ban": Ban, "unban": Unban, "reban": Reban}[what]
			b.job(kind, one)
			if kind == Ban {
				last = append(last, one)
			}
			s.settled(b)
		}
	}
	b.stop(Lift, last...)
}

// settled waits until an action has told all it has to.
func (s *service) settled(b *bench) {
	s.t.Helper()
	eventually(s.t, "all told", func() bool { return b.set.Status()[0].Waiting == 0 })
}

func (w *webTicket) ticket() *ticket.Ticket {
	t := &ticket.Ticket{
		ID: ipaddr.Parse(w.IP), Time: time.Unix(1795334628, 250e6), Failures: 3, BanCount: 1, Bantime: 600, HasBantime: true,
	}
	for _, m := range w.Matches {
		t.Matches = append(t.Matches, ticket.Match{After: m, Joined: true})
	}
	for name, value := range w.Fields {
		t.Fields.Set(name, value)
	}
	return t
}

// content is a request with its body taken apart, without what only tells
// which program sent it.
type content struct {
	Request string
	Query   map[string][]string
	Header  map[string]string
	Form    url.Values
	JSON    any
}

// ignored are headers that differ by program or by habit and mean nothing.
func contents(t *testing.T, list []exchange, ignored ...string) []content {
	t.Helper()
	var out []content
	for _, x := range list {
		scheme := "http"
		if x.TLS {
			scheme = "https"
		}
		c := content{Request: x.Method + " " + scheme + "://" + x.Host + x.Path, Query: x.Query, Header: x.Header}
		for _, name := range ignored {
			delete(c.Header, name)
		}
		if c.Header["Accept"] == "*/*" {
			delete(c.Header, "Accept")
		}
		switch {
		case x.Body == "":
		case strings.HasPrefix(x.Body, "{"):
			if err := json.Unmarshal([]byte(x.Body), &c.JSON); err != nil {
				t.Errorf("%v in %s", err, x.Body)
			}
		default:
			form, err := url.ParseQuery(x.Body)
			if err != nil {
				t.Errorf("%v in %s", err, x.Body)
			}
			c.Form = form
		}
		out = append(out, c)
	}
	return out
}

// webCases are the stock web actions with parameters as users give them.
var webCases = []struct {
	spec    string
	ignored []string
}{
	{`abuseipdb[abuseipdb_apikey="KEY", abuseipdb_category="18,22"]`, []string{"User-Agent"}},
	{`blocklist_de[email="a+b@c.example", apikey="KEY", service="ssh", agent="us er/1"]`, nil},
	{`ipthreat[ipthreat_apikey="KEY", ipthreat_system="SYS", ipthreat_flags="9"]`, []string{"User-Agent"}},
	{`mynetwatchman[mnwlogin="me", mnwpass="p&w", port=22, myip=192.0.2.9, tmpfile="TMP"]`, []string{"User-Agent"}},
	{`netscaler[ns_host="ns.example", ns_auth="dXNlcjpwdw==", ns_dataset="set1"]`, []string{"User-Agent", "Content-Type"}},
	{`cloudflare[cfuser="a@b.example", cftoken="TOKEN"]`, []string{"User-Agent"}},
	{`cloudflare-token[cfzone="ZONE", cftoken="TOKEN", cfmode="challenge", notes="my notes & more"]`, []string{"User-Agent"}},
}

// webOps are bans with what attackers may put into them.
func webOps() []webOp {
	do := []string{"ban", "unban"}
	return []webOp{
		{webTicket{IP: "192.0.2.1", Matches: []string{"a plain line"}}, do},
		{webTicket{IP: "2001:db8::1", Matches: []string{"one & two=3 \"q\" é $(id) `id` ';", "second; $HOME \\ <ip> %41"}}, do},
		{webTicket{IP: "192.0.2.2", Matches: []string{strings.Repeat("long ", 300)}, Fields: map[string]string{"user": "$(touch /nosuch/x)"}}, do},
		{webTicket{IP: "192.0.2.3"}, do},
	}
}

// likeTheService answers as the services do where all is well.
func likeTheService(w http.ResponseWriter, x exchange) {
	switch {
	case strings.Contains(x.Path, "insertwebreport"):
		fmt.Fprint(w, "Attack Report Insert Successful")
	case strings.Contains(x.Path, "access_rules") && x.Method == http.MethodGet:
		fmt.Fprint(w, `{"success":true,"errors":[],"result":[{"id":"abcdef0123456789abcdef0123456789"}]}`)
	default:
		// Cloudflare tells the ID at once; it is withheld here, so that both
		// programs have to ask for it.
		fmt.Fprint(w, `{"success":true,"errors":[],"result":{}}`)
	}
}

func TestWebActionsSendWhatTheReferenceSends(t *testing.T) {
	root := testenv.Reference(t)
	stock := filepath.Join(root, "etc/fail2ban/action.d")
	own := filepath.Join(testenv.Module(t), "library/action.d")
	for _, tt := range webCases {
		name, _, _ := strings.Cut(tt.spec, "[")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, likeTheService)
			spec := strings.ReplaceAll(tt.spec, "TMP", filepath.Join(t.TempDir(), "tmp"))
			props, src := actionProps(t, stock, spec)
			ops := webOps()
			if failed, _ := s.reference(root, props, ops); len(failed) > 0 {
				t.Fatalf("the reference failed at %v", failed)
			}
			want := contents(t, s.take(), tt.ignored...)
			if len(want) < len(ops) {
				t.Fatalf("the reference sent %v", want)
			}
			s.ours(newBench(t), props, src, ops)
			if diff := cmp.Diff(want, contents(t, s.take(), tt.ignored...)); diff != "" {
				t.Errorf("theirs -, natively by their file +\n%s", diff)
			}
			props, _ = actionProps(t, own, spec)
			s.ours(newBench(t), props, &Source{Name: name, Library: true}, ops)
			if diff := cmp.Diff(want, contents(t, s.take(), tt.ignored...)); diff != "" {
				t.Errorf("theirs -, natively by our file +\n%s", diff)
			}
			if failed, _ := s.reference(root, props, ops); len(failed) > 0 {
				t.Errorf("the reference with our file failed at %v", failed)
			}
			if diff := cmp.Diff(want, contents(t, s.take(), tt.ignored...)); diff != "" {
				t.Errorf("the reference with its file -, with ours +\n%s", diff)
			}
		})
	}
}

// The reference can run our webhook, too: it sends its own text.
func TestWebhookWorksForOtherPrograms(t *testing.T) {
	root := testenv.Reference(t)
	props, _ := actionProps(t, filepath.Join(testenv.Module(t), "library/action.d"), `webhook[url="https://hook.example/x", name=j]`)
	s := newService(t, nil)
	var ops []webOp
	for i, text := range strange {
		if strings.Contains(text, "\xff") {
			continue // Python keeps such bytes in a way that JSON has no form for.
		}
		ops = append(ops, webOp{webTicket{IP: fmt.Sprintf("192.0.2.%d", i+1), Matches: []string{"line of " + text, "and\tmore"}}, []string{"ban"}})
	}
	if failed, _ := s.reference(root, props, ops); len(failed) > 0 {
		t.Fatalf("failed at %v", failed)
	}
	got := s.take()
	if len(got) != len(ops) {
		t.Fatalf("%d requests for %d bans", len(got), len(ops))
	}
	for i, x := range got {
		var m map[string]string
		if err := json.Unmarshal([]byte(x.Body), &m); err != nil {
			t.Fatalf("%v in %s", err, x.Body)
		}
		want := map[string]string{
			"event": "ban", "jail": "j", "ip": ops[i].IP, "text": ops[i].IP + " was banned by j after 3 attempts",
			"matches": printableLines(strings.Join(ops[i].Matches, "\n")),
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Error(diff)
		}
	}
}

// printableLines is a text without control characters but tabs and line ends.
func printableLines(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' {
			return -1
		}
		return r
	}, text)
}
