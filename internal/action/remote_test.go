package action

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/store"
	"stockade/internal/ticket"
)

// cloud behaves like Cloudflare's access rules.
type cloud struct {
	mu    sync.Mutex
	rules map[string]string // address → ID
	notes map[string]string
	next  int
	calls []string
	// trouble answers instead where it returns true.
	trouble func(w http.ResponseWriter, x exchange) bool
}

func (c *cloud) answer(w http.ResponseWriter, x exchange) {
	c.mu.Lock()
	trouble := c.trouble
	c.mu.Unlock()
	if trouble != nil && trouble(w, x) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch x.Method {
	case http.MethodPost:
		var r struct {
			Configuration struct{ Target, Value string }
			Notes         string
		}
		_ = json.Unmarshal([]byte(x.Body), &r)
		ip := r.Configuration.Value
		c.calls = append(c.calls, "add "+ip)
		if c.rules[ip] != "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"success":false,"errors":[{"code":10009,"message":"firewallaccessrules.api.duplicate_of_existing"}],"result":null}`)
			return
		}
		c.put(ip, r.Notes)
		fmt.Fprintf(w, `{"success":true,"errors":[],"result":{"id":"%s"}}`, c.rules[ip])
	case http.MethodGet:
		c.list(w, x)
	case http.MethodDelete:
		id := filepath.Base(x.Path)
		for ip, have := range c.rules {
			if have == id {
				c.calls = append(c.calls, "remove "+ip)
				delete(c.rules, ip)
				fmt.Fprint(w, `{"success":true,"errors":[],"result":{}}`)
				return
			}
		}
		c.calls = append(c.calls, "remove nothing")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"success":false,"errors":[{"code":10001,"message":"firewallaccessrules.api.not_found"}]}`)
	}
}

// put makes a rule.
func (c *cloud) put(ip, notes string) {
	if c.rules == nil {
		c.rules, c.notes = map[string]string{}, map[string]string{}
	}
	c.next++
	c.rules[ip], c.notes[ip] = fmt.Sprintf("id%d", c.next), notes
}

func (c *cloud) list(w http.ResponseWriter, x exchange) {
	want := x.Query["configuration_value"]
	if len(want) > 0 {
		c.calls = append(c.calls, "find "+want[0])
	} else {
		c.calls = append(c.calls, "list")
	}
	type entry struct {
		ID            string            `json:"id"`
		Notes         string            `json:"notes"`
		Configuration map[string]string `json:"configuration"`
	}
	found := []entry{}
	for ip, id := range c.rules {
		if c.notes[ip] == x.Query["notes"][0] && (len(want) == 0 || want[0] == ip) {
			found = append(found, entry{id, c.notes[ip], map[string]string{"value": ip}})
		}
	}
	text, _ := json.Marshal(map[string]any{"success": true, "errors": []any{}, "result": found, "result_info": map[string]int{"total_pages": 1}})
	_, _ = w.Write(text)
}

func (c *cloud) there() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for ip := range c.rules {
		all = append(all, ip)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func (c *cloud) called() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.Join(c.calls, ", ")
	c.calls = nil
	return text
}

// cloudBench is a set with the action cloudflare.
func cloudBench(t *testing.T, c *cloud, change func(*Env)) (*bench, *service) {
	t.Helper()
	s := newService(t, c.answer)
	b := newBench(t)
	b.env.Dial = s.dial
	if change != nil {
		change(&b.env)
	}
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	if err := b.set.Add("cf", &Source{Name: "cloudflare", Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("cf", "cfuser", "u@example.org", "cftoken", "TOKEN", "name", "j", "cftarget", "ip", "cftarget?family=inet6", "ip6",
		"cafile", s.caFile)
	b.start()
	return b, s
}

func restored(ip string) *ticket.Ticket {
	t := tick(ip)
	t.Restored = true
	return t
}

func TestCloudflareTakesBansAndUnbansInOrder(t *testing.T) {
	c := &cloud{}
	b, s := cloudBench(t, c, nil)
	b.job(Ban, tick("192.0.2.1"), tick("2001:db8::1"))
	s.settled(b)
	b.job(Unban, tick("192.0.2.1"))
	s.settled(b)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	if got, want := c.called(), "add 192.0.2.1, add 2001:db8::1, remove 192.0.2.1, add 192.0.2.1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if st := b.set.Status()[0]; !st.Native || st.Report || st.Held != 2 {
		t.Errorf("%+v", st)
	}
	b.stop(Lift)
	if got := c.there(); got != "" {
		t.Errorf("%s is left", got)
	}
	b.wantLog("Flush ticket(s) with cf")
}

func TestCloudflareIsIdempotent(t *testing.T) {
	c := &cloud{}
	c.put("192.0.2.1", "Fail2Ban j")
	b, s := cloudBench(t, c, nil)
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	s.settled(b)
	c.mu.Lock()
	delete(c.rules, "192.0.2.2")
	c.mu.Unlock()
	b.job(Unban, tick("192.0.2.1"), tick("192.0.2.2"), tick("192.0.2.3"))
	s.settled(b)
	if got, want := c.called(), "add 192.0.2.1, add 192.0.2.2, find 192.0.2.1, remove 192.0.2.1, remove nothing"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, line := range b.log {
		if strings.HasPrefix(line, "ERROR") {
			t.Error(line)
		}
	}
}

// The ID of a rule that another one's notes are on is not ours to remove.
func TestCloudflareLeavesRulesOfOthers(t *testing.T) {
	c := &cloud{}
	c.put("192.0.2.1", "the admin's own")
	b, s := cloudBench(t, c, nil)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	b.stop(Lift)
	if got := c.there(); got != "192.0.2.1" {
		t.Errorf("left %q", got)
	}
}

func TestCloudflareIsTriedAgainUntilItTakesAll(t *testing.T) {
	clk := clock.NewManual(time.Unix(1795334628, 0))
	c := &cloud{}
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	}
	var mu sync.Mutex
	c.trouble = func(w http.ResponseWriter, _ exchange) bool {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return false
		}
		answers[0](w)
		answers = answers[1:]
		return true
	}
	b, _ := cloudBench(t, c, func(e *Env) { e.Clock = clk })
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"))
	b.wantLogSoon("cannot enforce now: api.cloudflare.com answered 429 Too Many Requests. It is tried again in 5m0s; 2 change(s) wait")
	clk.Advance(4 * time.Minute)
	if got := c.called(); got != "" {
		t.Errorf("before the time that was asked for: %s", got)
	}
	eventually(t, "all there", func() bool { clk.Advance(time.Minute); return c.there() == "192.0.2.1 192.0.2.2" })
	b.wantLogSoon("enforces again after")
}

func TestCloudflareThatRefusesIsAnError(t *testing.T) {
	c := &cloud{trouble: func(w http.ResponseWriter, x exchange) bool {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"success":false,"errors":[{"code":9109,"message":"Invalid access token TOKEN"}]}`)
		return true
	}}
	b, s := cloudBench(t, c, nil)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	b.wantLogSoon("Failed to execute ban jail 'j' action 'cf'")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.log {
		if strings.Contains(line, "TOKEN") {
			t.Errorf("the key is in the log: %s", line)
		}
	}
}

func TestWithoutATokenCloudflareSaysSo(t *testing.T) {
	c := &cloud{}
	b, _ := cloudBench(t, c, nil)
	b.props("cf", "cftoken", "")
	b.set.BeginReload()
	if err := b.set.Add("cf", &Source{Name: "cloudflare", Library: true}); err != nil {
		t.Fatal(err)
	}
	done := make(chan Result, 1)
	b.set.EndReload(nil, func(r Result) { done <- r })
	<-done
	if r := b.job(Ban, tick("192.0.2.1")); r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "cftoken is not set") {
		t.Errorf("%v", r[0].Err)
	}
}

// One list tells of all rules where each would be a question.
func TestManyRestoredBansAreFoundByOneList(t *testing.T) {
	c := &cloud{}
	var tickets []*ticket.Ticket
	for i := range 30 {
		ip := fmt.Sprintf("192.0.2.%d", i+1)
		tickets = append(tickets, restored(ip))
		if i < 25 {
			c.put(ip, "Fail2Ban j")
		}
	}
	c.put("192.0.2.200", "Fail2Ban other")
	block := make(chan struct{})
	c.trouble = func(http.ResponseWriter, exchange) bool { <-block; return false }
	b, s := cloudBench(t, c, nil)
	b.job(Ban, tick("203.0.113.1"))
	b.job(Ban, tickets...)
	close(block)
	s.settled(b)
	got := c.called()
	if strings.Count(got, "list") != 1 || strings.Count(got, "add") != 6 || strings.Contains(got, "find") {
		t.Errorf("calls: %s", got)
	}
	if n := len(strings.Fields(c.there())); n != 32 {
		t.Errorf("%d rules", n)
	}
}

func TestBansAtCloudflareOutliveARestart(t *testing.T) {
	db, _, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	with := func(e *Env) { e.Store = func() *store.Store { return db } }
	c := &cloud{}
	b, s := cloudBench(t, c, with)
	b.job(Ban, tick("192.0.2.1"), tick("192.0.2.2"), tick("192.0.2.3"))
	s.settled(b)
	b.stop(Leave)
	if got := c.there(); got != "192.0.2.1 192.0.2.2 192.0.2.3" {
		t.Fatalf("left %q", got)
	}
	c.called()

	// While nobody looked, one ban ended, and somebody removed another's rule.
	c.mu.Lock()
	delete(c.rules, "192.0.2.2")
	c.mu.Unlock()
	b, s = cloudBench(t, c, with)
	b.job(Ban, restored("192.0.2.1"), restored("192.0.2.2"))
	b.job(Settle)
	s.settled(b)
	if got := c.there(); got != "192.0.2.1 192.0.2.2" {
		t.Errorf("there is %q; calls: %s", got, c.called())
	}
	b.stop(Lift)
	if left, err := db.Errands("j", "cf"); c.there() != "" || len(left) != 0 || err != nil {
		t.Errorf("left %q, %d errands, %v", c.there(), len(left), err)
	}
}

// An unban that could not be delivered is made up for by the next run.
func TestUnbansThatWaitOutliveARestart(t *testing.T) {
	db, _, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	with := func(e *Env) { e.Store = func() *store.Store { return db } }
	c := &cloud{}
	b, s := cloudBench(t, c, with)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	c.mu.Lock()
	c.trouble = func(w http.ResponseWriter, _ exchange) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	c.mu.Unlock()
	b.stop(Lift)
	b.wantLog("1 changes could not be delivered; they are tried again at the next start")
	c.mu.Lock()
	c.trouble = nil
	c.mu.Unlock()
	b, s = cloudBench(t, c, with)
	s.settled(b)
	eventually(t, "lifted", func() bool { return c.there() == "" })
	b.stop(Lift)
}

func TestSlowCloudflareKeepsNoBanOutOfTheKernelLane(t *testing.T) {
	c := &cloud{}
	block := make(chan struct{})
	c.trouble = func(http.ResponseWriter, exchange) bool { <-block; return false }
	b, s := cloudBench(t, c, nil)
	b.action("wall", "actionban", "echo <ip> >> $T")
	for i := range 5 {
		b.job(Ban, tick(fmt.Sprintf("192.0.2.%d", i+1)))
	}
	b.wantTrace("192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n192.0.2.5\n")
	if st := b.set.Status()[0]; st.Waiting != 5 {
		t.Errorf("%d wait", st.Waiting)
	}
	close(block)
	s.settled(b)
}

func TestNetscalerTakesBansAndUnbans(t *testing.T) {
	var mu sync.Mutex
	bound := map[string]bool{}
	s := newService(t, func(w http.ResponseWriter, x exchange) {
		mu.Lock()
		defer mu.Unlock()
		switch x.Method {
		case http.MethodPut:
			var b struct {
				Binding struct{ Value string } `json:"policydataset_value_binding"`
			}
			_ = json.Unmarshal([]byte(x.Body), &b)
			if bound[b.Binding.Value] {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, `{"errorcode":273,"message":"Resource already exists"}`)
				return
			}
			bound[b.Binding.Value] = true
		case http.MethodDelete:
			value := strings.TrimPrefix(x.Query["args"][0], "value:")
			if !bound[value] {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, `{"errorcode":258,"message":"No such resource"}`)
				return
			}
			delete(bound, value)
		}
	})
	bound["192.0.2.1"] = true
	b := newBench(t)
	b.env.Dial = s.dial
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	if err := b.set.Add("ns", &Source{Name: "netscaler", Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("ns", "ns_host", "ns.example", "ns_auth", "dXNlcjpwdw==", "ns_dataset", "set1")
	b.start()
	b.job(Ban, tick("192.0.2.1"), tick("2001:db8::1"))
	s.settled(b)
	mu.Lock()
	if !bound["192.0.2.1"] || !bound["2001:db8::1"] {
		t.Errorf("bound %v", bound)
	}
	delete(bound, "192.0.2.1")
	mu.Unlock()
	b.stop(Lift, tick("192.0.2.1"), tick("2001:db8::1"))
	if len(bound) != 0 {
		t.Errorf("left %v", bound)
	}
	for _, line := range b.log {
		if strings.HasPrefix(line, "ERROR") {
			t.Error(line)
		}
	}
	// With something to check the certificate by, it is checked.
	b.set = NewSet(b.env)
	if err := b.set.Add("ns", &Source{Name: "netscaler", Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("ns", "ns_host", "ns.example", "ns_auth", "dXNlcjpwdw==", "ns_dataset", "set1", "verify", "yes")
	b.start()
	b.job(Ban, tick("192.0.2.7"))
	b.wantLogSoon("cannot enforce now: ns.example: tls: failed to verify certificate")
	b.set.Quit()
	if bound["192.0.2.7"] {
		t.Error("sent to whoever answers")
	}
}

// The service may have done what its lost answer did not tell.
func TestBanWhoseAnswerWasLostIsLifted(t *testing.T) {
	clk := clock.NewManual(time.Unix(1795334628, 0))
	c := &cloud{}
	c.trouble = func(w http.ResponseWriter, x exchange) bool {
		if x.Method != http.MethodPost {
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.rules["192.0.2.1"] == "" {
			c.put("192.0.2.1", "Fail2Ban j")
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	b, s := cloudBench(t, c, func(e *Env) { e.Clock = clk })
	b.job(Ban, tick("192.0.2.1"))
	b.wantLogSoon("cannot enforce now")
	b.job(Unban, tick("192.0.2.1"))
	eventually(t, "lifted", func() bool { clk.Advance(time.Minute); return c.there() == "" })
	s.settled(b)
	if st := b.set.Status()[0]; st.Held != 0 {
		t.Errorf("%+v", st)
	}
}
