package acceptance

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Reports that a service did not take are sent by the next run, once, even
// where the first one was killed; the restored bans are not reported again.
func TestReportsThatWaitAreSentAfterAKill(t *testing.T) {
	var out atomic.Bool
	out.Store(true)
	taken := &reportService{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if out.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken.ServeHTTP(w, r)
	}))
	defer server.Close()
	in := place(t, stockade(t), nil, `[one]
enabled = true
backend = polling
filter = plain
usedns = no
ignoreself = false
logpath = DIR/one.log
bantime = 1h
action = dummy[target=DIR/dummy]
         abuseipdb[abuseipdb_apikey=TOPSECRET, abuseipdb_category=18, endpoint="`+server.URL+`/"]
`)
	in.write(t, "etc/filter.d/plain.conf", plainFilter)
	in.write(t, "one.log", "")
	in.start(t)
	in.ask(t, "set", "one", "banip", "192.0.2.11")
	in.ask(t, "set", "one", "banip", "192.0.2.12")
	eventually(t, "the outage shows", func() bool { return strings.Contains(in.log(), "action 'abuseipdb' cannot report now") })
	in.signal(t, syscall.SIGKILL)
	out.Store(false)
	in.start(t)
	eventually(t, "both are reported", func() bool { return len(taken.got()) >= 2 })
	eventually(t, "both are restored", func() bool { return strings.Count(in.log(), "Restore Ban") == 2 })
	in.ask(t, "set", "one", "banip", "192.0.2.13")
	eventually(t, "the third is reported", func() bool { return len(taken.got()) >= 3 })
	if got, want := strings.Join(taken.got(), " "), "192.0.2.11 192.0.2.12 192.0.2.13"; got != want {
		t.Errorf("reported %s, want %s", got, want)
	}
	if strings.Contains(in.log(), "TOPSECRET") {
		t.Error("the key is in the log")
	}
	in.ask(t, "stop")
	in.gone(t)
}
