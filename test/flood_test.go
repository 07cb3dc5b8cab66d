package acceptance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// attackers is how many come at once.
const attackers = 1000

// reportService takes reports as AbuseIPDB does, in the order in which they
// come.
type reportService struct {
	mu  sync.Mutex
	ips []string
}

func (r *reportService) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ips = append(r.ips, form.Get("ip"))
}

func (r *reportService) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ips...)
}

// A thousand attackers within a second are banned within that second, whatever
// is told of them, and everything told is told once and in order.
func TestThousandAttackersAreBannedBeforeAnyoneIsTold(t *testing.T) {
	testenv.Need(t, "nft")
	netn := testenv.NewNetns(t)
	service := &reportService{}
	var addr string
	netn.Do(t, func() {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Error(err)
			return
		}
		addr = listener.Addr().String()
		server := &http.Server{Handler: service}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
	})
	in := place(t, stockade(t), netn, `[flood]
enabled = true
backend = polling
filter = plain
usedns = no
maxretry = 1
logpath = DIR/flood.log
action = nftables-allports
         abuseipdb[abuseipdb_apikey=KEY, abuseipdb_category=18, endpoint="http://`+addr+`/"]
         letter
`)
	in.write(t, "etc/filter.d/plain.conf", plainFilter)
	in.write(t, "etc/action.d/letter.conf", `[Definition]
norestored = 1
actionban = echo <ip> >> DIR/letters
`)
	in.write(t, "flood.log", "")
	in.start(t)

	begun := time.Now()
	var sent []string
	best := time.Hour
	for round := 0; round < 3 && best >= time.Second; round++ {
		var lines strings.Builder
		for i := range attackers {
			ip := fmt.Sprintf("10.%d.%d.%d", round+1, i>>8, i&255)
			sent = append(sent, ip)
			fmt.Fprintf(&lines, "%s failure from %s\n", time.Now().Format("2006-01-02 15:04:05"), ip)
		}
		in.append(t, "flood.log", lines.String())
		eventually(t, "all are banned", func() bool { return strings.Count(in.log(), "] Ban ") == len(sent) })
		best = min(best, banSpan(t, in.log(), fmt.Sprintf("10.%d.", round+1)))
	}
	t.Logf("%d attackers were banned within %v; by then %d of them had been reported", attackers, best, len(service.got()))
	if best >= time.Second {
		t.Errorf("from the first failure to the last ban it took %v", best)
	}
	if n := strings.Count(netn.Run(t, "nft", "list", "set", "inet", "f2b-table", "addr-set-flood"), "10."); n != len(sent) {
		t.Errorf("the kernel holds %d of %d", n, len(sent))
	}
	letters := func() string {
		text, _ := os.ReadFile(in.path("letters"))
		return string(text)
	}
	eventually(t, "all is told", func() bool { return len(service.got()) >= len(sent) && strings.Count(letters(), "\n") >= len(sent) })
	t.Logf("told after %v", time.Since(begun))
	if got := strings.Join(service.got(), "\n"); got != strings.Join(sent, "\n") {
		t.Errorf("%d reports of %d came, not one for each in order", len(service.got()), len(sent))
	}
	if letters() != strings.Join(sent, "\n")+"\n" {
		t.Error("the letters are not one for each in order")
	}
	in.ask(t, "stop")
	in.gone(t)
	if strings.Contains(in.log(), "ERROR") {
		t.Errorf("the log has errors:\n%s", short(in.log()))
	}
	if strings.Contains(in.log(), "KEY") {
		t.Error("the key is in the log")
	}
}

var foundOrBan = regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) .*\] (Found|Ban) (\S+)`)

// banSpan is the time from the first failure to the last ban of addresses with
// a prefix.
func banSpan(t *testing.T, log, prefix string) time.Duration {
	t.Helper()
	var first, last time.Time
	for _, m := range foundOrBan.FindAllStringSubmatch(log, -1) {
		if !strings.HasPrefix(m[3], prefix) {
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05,000", m[1])
		if err != nil {
			t.Fatal(err)
		}
		if m[2] == "Found" && first.IsZero() {
			first = at
		}
		if m[2] == "Ban" {
			last = at
		}
	}
	if first.IsZero() || last.IsZero() {
		t.Fatal("no failure or no ban is in the log")
	}
	return last.Sub(first)
}
