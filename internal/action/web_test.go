package action

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/clock"
	"stockade/internal/ticket"
)

// reporterBench is a set with one report of ours that finds the service.
func reporterBench(t *testing.T, s *service, kind string, change func(*Env), props ...string) *bench {
	t.Helper()
	b := newBench(t)
	b.env.Dial = s.dial
	if change != nil {
		change(&b.env)
	}
	b.set = NewSet(b.env)
	t.Cleanup(b.set.Quit)
	if err := b.set.Add("x", &Source{Name: kind, Library: true}); err != nil {
		t.Fatal(err)
	}
	b.props("x", append([]string{"cafile", s.caFile, "name", "j"}, props...)...)
	b.start()
	if st := b.set.Status()[0]; !st.Native || !st.Report {
		t.Fatalf("%+v", st)
	}
	return b
}

func abuse(t *testing.T, s *service, change func(*Env)) *bench {
	return reporterBench(t, s, "abuseipdb", change, "abuseipdb_apikey", "SECRETKEY", "abuseipdb_category", "18")
}

// noSecret fails where a key came into the log.
func (b *bench) noSecret(keys ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range append(b.log, fmt.Sprintf("%+v", b.set.Status())) {
		for _, key := range keys {
			if strings.Contains(line, key) {
				b.t.Errorf("a key is shown: %s", line)
			}
		}
	}
}

func TestReportsSurviveWhatServicesDo(t *testing.T) {
	dropped := func(w http.ResponseWriter) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	status := func(code int, after string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(code)
			fmt.Fprint(w, "no, SECRETKEY")
		}
	}
	tests := []struct {
		name    string
		answers []func(http.ResponseWriter)
		log     string
		want    ReportCounts
	}{
		{"429 and then well", []func(http.ResponseWriter){status(429, "60"), status(429, "")}, "429 Too Many Requests", ReportCounts{Sent: 1}},
		{"outage", []func(http.ResponseWriter){status(500, ""), status(503, "5"), dropped, dropped}, "cannot report now", ReportCounts{Sent: 1}},
		{"refused", []func(http.ResponseWriter){status(401, "")}, "Failed to execute ban jail 'j' action 'x'", ReportCounts{Failed: 1}},
		{"redirected", []func(http.ResponseWriter){func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://api.ipthreat.net/")
			w.WriteHeader(http.StatusFound)
		}}, "302 Found", ReportCounts{Failed: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			asked := 0
			s := newService(t, func(w http.ResponseWriter, _ exchange) {
				mu.Lock()
				defer mu.Unlock()
				if asked++; asked <= len(tt.answers) {
					tt.answers[asked-1](w)
				}
			})
			clk := clock.NewManual(time.Unix(1795334628, 0))
			b := abuse(t, s, func(e *Env) { e.Clock = clk })
			b.job(Ban, tick("192.0.2.1"))
			eventually(t, "done", func() bool { clk.Advance(time.Minute); return b.set.Status()[0].Waiting == 0 })
			if got := b.set.Status()[0].ReportCounts; got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			b.wantLogSoon(tt.log)
			b.noSecret("SECRETKEY")
		})
	}
}

func TestReportsGoToNobodyWithAnotherCertificate(t *testing.T) {
	s := newService(t, nil)
	clk := clock.NewManual(time.Unix(1795334628, 0))
	b := abuse(t, s, func(e *Env) { e.Clock = clk })
	b.props("x", "cafile", "")
	b.job(Ban, tick("192.0.2.1"))
	b.wantLogSoon("certificate")
	b.set.Quit()
	if got := s.take(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestSlowServiceEndsWithTheTimeout(t *testing.T) {
	block := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, exchange) { <-block })
	defer close(block)
	b := reporterBench(t, s, "ipthreat", nil, "ipthreat_apikey", "SECRETKEY", "timeout", "1")
	b.job(Ban, tick("192.0.2.1"))
	b.wantLogSoon("cannot report now: api.ipthreat.net")
	b.noSecret("SECRETKEY")
}

func TestAddressIsReportedOncePerQuarterOfAnHour(t *testing.T) {
	s := newService(t, nil)
	clk := clock.NewManual(time.Unix(1795334628, 0))
	locks := NewLocks()
	with := func(e *Env) { e.Clock, e.Locks = clk, locks }
	one, other := abuse(t, s, with), abuse(t, s, with)
	told := func(b *bench, want int) {
		t.Helper()
		b.job(Ban, tick("192.0.2.1"))
		s.settled(b)
		if got := len(s.take()); got != want {
			t.Errorf("%d requests, want %d", got, want)
		}
	}
	told(one, 1)
	told(one, 0)
	told(other, 0)
	clk.Advance(15*time.Minute - 1)
	told(other, 0)
	clk.Advance(1)
	told(other, 1)
	other.props("x", "report_every", "0")
	told(other, 1)
	if got, want := one.set.Status()[0].ReportCounts, (ReportCounts{Sent: 1, Skipped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	one.wantLogSoon("192.0.2.1 was reported within the last 15m0s")
}

func TestServiceThatKnowsTheAddressIsNoFailure(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, _ exchange) {
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"errors":[{"detail":"You can only report the same IP address (192.0.2.1) once in 15 minutes.","status":429}]}`)
	})
	b := abuse(t, s, nil)
	b.job(Ban, tick("192.0.2.1"))
	s.settled(b)
	if got, want := b.set.Status()[0].ReportCounts, (ReportCounts{Skipped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// strange are texts that attackers put into names and lines.
var strange = []string{"$(touch PWNED)", "`touch PWNED`", "a;touch PWNED", "x\r\nBcc: everybody", "\",\"ip\":\"9.9.9.9", "a&ip=9.9.9.9", "\x1b]0;x\x07", "it's \"so\"", "<secret>", "é€\xff"}

func TestNothingOfALineIsExecutedSplitOrLost(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	kinds := map[string][]string{
		"abuseipdb":     {"abuseipdb_apikey", "K", "report_every", "0"},
		"blocklist_de":  {"apikey", "K", "service", "<F-USER>", "report_every", "0"},
		"ipthreat":      {"ipthreat_apikey", "K", "ipthreat_system", "<F-USER>", "report_every", "0"},
		"mynetwatchman": {"mnwpass", "K", "mnwlogin", "<F-USER>", "report_every", "0", "mnwurl", "https://localhost/x"},
		"webhook":       {"url", "https://hook.example/<F-USER>?u=<F-USER>", "method", "POST", "content_type", "application/json", "events", "ban", "body", `{"user":"<F-USER>","matches":"<matches>","ip":"<ip>"}`, "headers", "X-User: <F-USER>", "secret", "K"},
	}
	for kind, props := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := newService(t, func(w http.ResponseWriter, _ exchange) { fmt.Fprint(w, "Attack Report Insert Successful") })
			b := reporterBench(t, s, kind, nil, props...)
			for i, text := range strange {
				text = strings.ReplaceAll(text, "PWNED", filepath.Join(dir, "pwned"))
				one := tick(fmt.Sprintf("192.0.2.%d", i+1))
				one.Matches = []ticket.Match{{After: "line of " + text, Joined: true}}
				one.Fields = ticket.Fields{{Name: "user", Value: text}}
				b.job(Ban, one)
			}
			s.settled(b)
			got := s.take()
			if len(got) != len(strange) || b.set.Status()[0].Sent != len(strange) {
				t.Fatalf("%d requests, %+v", len(got), b.set.Status()[0])
			}
			for i, x := range got {
				if ip := fmt.Sprintf("192.0.2.%d", i+1); !onlyAddress(t, x, ip) {
					t.Errorf("request %d is not about %s alone: %+v", i, ip, x)
				}
				for name, value := range x.Header {
					if strings.ContainsAny(value, "\r\n") {
						t.Errorf("header %s: %q", name, value)
					}
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("something was executed")
	}
}

// onlyAddress tells whether a request names one address in the field for it.
func onlyAddress(t *testing.T, x exchange, ip string) bool {
	t.Helper()
	switch {
	case strings.HasPrefix(x.Body, "{"):
		var m map[string]any
		if err := json.Unmarshal([]byte(x.Body), &m); err != nil {
			t.Error(err)
		}
		return m["ip"] == ip
	case x.Body != "":
		form, err := url.ParseQuery(x.Body)
		return err == nil && len(form["ip"]) == 1 && form.Get("ip") == ip
	}
	return len(x.Query["AttackerIP"]) == 1 && x.Query["AttackerIP"][0] == ip && len(x.Query["AgentEmail"]) == 1
}

func TestWebhookTellsOfWhatIsWanted(t *testing.T) {
	s := newService(t, nil)
	t.Setenv("HOOK_KEY", "HOOKSECRET")
	b := reporterBench(t, s, "webhook", nil, "url", "https://hook.example/bot<secret>/send", "method", "post",
		"secret", "env:HOOK_KEY", "events", "ban unban start stop", "content_type", "application/json",
		"headers", "Authorization: Bearer <secret>\nX-Jail: <name>", "chat_id", "42",
		"body", `{"event":"<event>","text":"<text>","chat":<chat_id>,"n":<failures>}`, "body_unban", `{"gone":"<ip>"}`)
	one := tick("192.0.2.1")
	one.Failures = 5
	b.job(Ban, one)
	b.job(Unban, one)
	b.job(Prolong, one)
	b.stop(Lift)
	var bodies []string
	for _, x := range s.take() {
		if x.Path != "/botHOOKSECRET/send" || x.Header["Authorization"] != "Bearer HOOKSECRET" || x.Header["X-Jail"] != "j" || x.Method != "POST" {
			t.Errorf("%+v", x)
		}
		bodies = append(bodies, x.Body)
	}
	host := fullHostname()
	want := []string{
		`{"event":"start","text":"The jail j has been started on ` + host + `","chat":42,"n":0}`,
		`{"event":"ban","text":"192.0.2.1 was banned by j on ` + host + ` after 5 attempts","chat":42,"n":5}`,
		`{"gone":"192.0.2.1"}`,
		`{"event":"stop","text":"The jail j has been stopped on ` + host + `","chat":42,"n":0}`,
	}
	if got := strings.Join(bodies, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	b.noSecret("HOOKSECRET")
}

func TestWebhookThatCannotWorkIsAnErrorWithoutItsSecret(t *testing.T) {
	s := newService(t, nil)
	for words, props := range map[string][]string{
		"no valid JSON":            {"url", "https://hook.example/", "body", "{"},
		"no http or https address": {"url", "ftp://hook.example/", "body", "{}"},
		"read the key":             {"url", "https://hook.example/", "body", "{}", "secret", "file:/nosuch/key"},
	} {
		b := reporterBench(t, s, "webhook", nil, append([]string{"method", "POST", "content_type", "application/json", "events", "ban", "secret", "HOOKSECRET"}, props...)...)
		b.job(Ban, tick("192.0.2.1"))
		b.wantLogSoon(words)
		b.noSecret("HOOKSECRET")
	}
}

func TestWebhookSumsUpWhatDidNotFit(t *testing.T) {
	open := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, exchange) { <-open })
	b := reporterBench(t, s, "webhook", nil, "url", "https://hook.example/", "method", "POST", "content_type", "text/plain", "events", "ban",
		"body", "<event> <ip><dropped>")
	b.job(Ban, numbered(reportBound+300)...)
	close(open)
	s.settled(b)
	got := s.take()
	eventually(t, "the summary", func() bool {
		got = append(got, s.take()...)
		return strings.HasPrefix(got[len(got)-1].Body, eventMissed)
	})
	st := b.set.Status()[0]
	if want := fmt.Sprintf("%s %d", eventMissed, st.Dropped); got[len(got)-1].Body != want || st.Sent != len(got)-1 || st.Sent+st.Dropped != reportBound+300 {
		t.Errorf("%q, want %q; %d requests, %+v", got[len(got)-1].Body, want, len(got), st.ReportCounts)
	}
}

func TestKeysOfCommandsStayOutOfTheLog(t *testing.T) {
	b := newBench(t)
	b.action("x", "actionban", "echo <abuseipdb_apikey>/<smtp_password>/<pass>/<port>; exit 3",
		"abuseipdb_apikey", "ABCDEFGH", "smtp_password", "s3cret", "pass", "no", "port", "8080")
	b.job(Ban, tick("192.0.2.1"))
	b.wantLog("echo ***/***/no/8080; exit 3", "stdout: '***/***/no/8080'")
	b.noSecret("ABCDEFGH", "s3cret")
}
