package web

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trusting makes a client that trusts a test's server.
func trusting(t *testing.T, s *httptest.Server, timeout time.Duration) *Client {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Options{CAFile: ca, Timeout: timeout, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAnswersAreJudged(t *testing.T) {
	at := time.Now().Add(90 * time.Minute).UTC().Format(http.TimeFormat)
	tests := []struct {
		name       string
		status     int
		retry      string
		temporary  bool
		after      time.Duration
		wantAnswer bool
	}{
		{"success", 200, "", false, 0, true},
		{"created", 201, "", false, 0, true},
		{"redirection", 302, "", false, 0, false},
		{"bad key", 401, "", false, 0, false},
		{"wrong", 422, "", false, 0, false},
		{"too many, with a time", 429, "120", true, 2 * time.Minute, false},
		{"too many, with a date", 429, at, true, 89 * time.Minute, false},
		{"too many, with nonsense", 429, "soon", true, 0, false},
		{"too many, with a negative time", 429, "-5", true, 0, false},
		{"broken", 500, "", true, 0, false},
		{"busy", 503, "7", true, 7 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tt.retry)
				w.Header().Set("Location", "https://192.0.2.1/")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, "the key KEY&1 is\r\n\x1b[31m wrong")
			}))
			defer s.Close()
			_, err := trusting(t, s, time.Minute).Do(context.Background(), Call{Method: "GET", URL: s.URL + "/KEY%261?k=KEY%261", Secrets: []string{"KEY&1"}})
			if tt.wantAnswer {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Temporary != tt.temporary || e.After < tt.after || e.After > tt.after+time.Minute {
				t.Fatalf("%+v", err)
			}
			if strings.ContainsAny(e.Text, "\r\n\x1b") || strings.Contains(e.Text, "KEY") || !strings.Contains(e.Text, "the key *** is") {
				t.Errorf("%q", e.Text)
			}
		})
	}
}

func TestNothingIsSentWhereTheCertificateIsAnothers(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
	defer s.Close()
	s.Config.ErrorLog = nil
	c, err := NewClient(Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(context.Background(), Call{Method: "POST", URL: s.URL + "/?key=KEY", Body: []byte("KEY")})
	var e *Error
	if !errors.As(err, &e) || !e.Temporary || strings.Contains(e.Text, "KEY") || !strings.Contains(e.Text, "certificate") {
		t.Errorf("%v", err)
	}
}

func TestSlowAndBrokenAnswersAreTemporary(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			select {
			case <-block:
			case <-r.Context().Done():
			}
		case "/half":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
	}))
	defer s.Close()
	for _, path := range []string{"/slow", "/half"} {
		_, err := trusting(t, s, 200*time.Millisecond).Do(context.Background(), Call{Method: "GET", URL: s.URL + path})
		var e *Error
		if !errors.As(err, &e) || !e.Temporary {
			t.Errorf("%s: %v", path, err)
		}
	}
	a, err := trusting(t, s, time.Minute).Do(context.Background(), Call{Method: "GET", URL: s.URL + "/endless"})
	if err != nil || len(a.Body) != maxAnswer {
		t.Errorf("endless: %d bytes, %v", len(a.Body), err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err = trusting(t, s, time.Minute).Do(context.Background(), Call{Method: "GET", URL: gone.URL})
	var e *Error
	if !errors.As(err, &e) || !e.Temporary {
		t.Errorf("nobody there: %v", err)
	}
}

func TestSecretsComeFromFilesAndTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("  K1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WEB_TEST_KEY", "K2")
	for text, want := range map[string]string{"file:" + path: "K1", "env:WEB_TEST_KEY": "K2", "plain": "plain", "": ""} {
		if got, err := Secret(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"file:/nosuch/key", "env:WEB_TEST_NOSUCH"} {
		if got, err := Secret(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestReportsWithoutAKeyAreNotMade(t *testing.T) {
	for _, service := range Reporters {
		for _, bad := range []string{"", "two\nlines", "file:/nosuch"} {
			_, err := Report(service, func(name string) string {
				if strings.Contains(name, "key") || name == "mnwpass" {
					return bad
				}
				return "x"
			}, Facts{IP: "192.0.2.1"})
			if err == nil {
				t.Errorf("%s with the key %q", service, bad)
			}
		}
	}
	if _, err := Report("nosuch", func(string) string { return "x" }, Facts{}); err == nil {
		t.Error("an unknown service")
	}
}

// nasty are texts that attackers may put into a log line.
var nasty = []string{
	"$(id)", "`id`", "a\"b", "a'b", "a\r\nBcc: x", "\x1b[31m", "a&ip=9.9.9.9&x=", "\",\"admin\":true,\"", "\\", "\\\"", "é\xff", "<ip>", "<secret>",
	"a\x00b", "%0d%0a", "{{7*7}}", "</script>", "\u2028", "3", "-1.5",
}

func TestReportsKeepStrangeTextInItsField(t *testing.T) {
	for _, text := range nasty {
		param := func(name string) string { return "p-" + name }
		for _, service := range []string{"abuseipdb", "blocklist_de"} {
			call, err := Report(service, param, Facts{IP: "192.0.2.1", Matches: text})
			if err != nil {
				t.Fatal(err)
			}
			got, err := url.ParseQuery(string(call.Body))
			if err != nil || got.Get("ip") != "192.0.2.1" || len(got["ip"]) != 1 || !strings.HasPrefix(got.Get("comment")+got.Get("logs"), text) {
				t.Errorf("%s with %q: %v %v", service, text, got, err)
			}
		}
	}
}

func TestLongCommentsAreCutBetweenCharacters(t *testing.T) {
	call, err := Report("abuseipdb", func(string) string { return "x" }, Facts{Matches: "a" + strings.Repeat("é", 1000)})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := url.ParseQuery(string(call.Body))
	if want := "a" + strings.Repeat("é", 499) + "\n..."; got.Get("comment") != want {
		t.Errorf("%d bytes: %q", len(got.Get("comment")), got.Get("comment"))
	}
}

func TestAddressReportedAMomentAgoIsNoFailure(t *testing.T) {
	body := `{"errors":[{"detail":"You can only report the same IP address (` + "`192.0.2.1`" + `) once in 15 minutes.","status":429}]}`
	if err := judgeAbuseIPDB(Answer{Status: 429, Body: []byte(body)}); !errors.Is(err, ErrNotNeeded) {
		t.Error(err)
	}
	if err := judgeAbuseIPDB(Answer{Status: 429, Body: []byte(`{"errors":[{"detail":"Daily rate limit exceeded"}]}`)}); err == nil || errors.Is(err, ErrNotNeeded) {
		t.Error(err)
	}
}

func TestRecentForgetsInTime(t *testing.T) {
	var r Recent
	now := time.Unix(1795334628, 0)
	r.Told("a", now, time.Minute)
	for after, want := range map[time.Duration]bool{0: true, 59 * time.Second: true, time.Minute: false, -time.Second: false} {
		if got := r.Fresh("a", now.Add(after), time.Minute); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	for i := range maxRecent + 10 {
		r.Told(fmt.Sprint(i), now.Add(time.Hour), time.Minute)
	}
	if len(r.told) > maxRecent {
		t.Errorf("%d are remembered", len(r.told))
	}
}

func hookValues(text string) Values {
	return func(tag string) (string, bool) {
		v, ok := map[string]string{"ip": "192.0.2.1", "failures": "3", "F-USER": text}[tag]
		return v, ok
	}
}

func TestWebhookKeepsStrangeTextInItsPlace(t *testing.T) {
	for _, text := range nasty {
		hook := Hook{
			Method: "post", URL: "https://h.example/<F-USER>/x?q=<F-USER>&s=<secret>", ContentType: "application/json", Secret: "SECRET",
			Headers: "X-User: u-<F-USER>\nAuthorization: Bearer <secret>",
			Body:    `{"a":"<F-USER> of <ip>","b":<F-USER>,"c":<failures>,"d":"<nosuch>"}`,
		}
		call, err := hook.Call(hookValues(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var got struct {
			A, B, D string
			C       int
		}
		if err := json.Unmarshal(call.Body, &got); err != nil {
			t.Fatalf("%q: %v in %s", text, err, call.Body)
		}
		if got.A != printable(text)+" of 192.0.2.1" || got.B != printable(text) || got.C != 3 || got.D != "<nosuch>" {
			t.Errorf("%q: %+v", text, got)
		}
		u, err := url.Parse(call.URL)
		if err != nil || u.Host != "h.example" || u.Query().Get("q") != text || u.Query().Get("s") != "SECRET" || len(u.Query()) != 2 || strings.Count(u.EscapedPath(), "/") != 2 {
			t.Errorf("%q: address %s, %v", text, call.URL, err)
		}
		for name, values := range call.Header {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") || len(values) != 1 {
				t.Errorf("%q: header %s: %q", text, name, values)
			}
		}
		if call.Header.Get("Authorization") != "Bearer SECRET" || call.Header.Get("Bcc") != "" || strings.Contains(string(call.Body), "SECRET") {
			t.Errorf("%q: headers %v", text, call.Header)
		}
	}
}

func TestWebhookOfOtherTypes(t *testing.T) {
	form := Hook{Method: "POST", URL: "http://h/", ContentType: "application/x-www-form-urlencoded", Body: "u=<F-USER>&ip=<ip>"}
	for _, text := range nasty {
		call, err := form.Call(hookValues(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := url.ParseQuery(string(call.Body)); err != nil || got.Get("u") != text || len(got) != 2 {
			t.Errorf("%q: %s", text, call.Body)
		}
	}
	plain := Hook{Method: "POST", URL: "http://h/", ContentType: "text/plain; charset=utf-8", Body: "<F-USER>\n<ip>"}
	call, err := plain.Call(hookValues("a\x1b[1m\r\nb"))
	if err != nil || string(call.Body) != "a[1m\nb\n192.0.2.1" {
		t.Errorf("%q, %v", call.Body, err)
	}
}

func TestWebhooksThatCannotWorkSayWhy(t *testing.T) {
	good := Hook{Method: "POST", URL: "https://h/", ContentType: "application/json", Body: "{}"}
	for want, change := range map[string]func(*Hook){
		"no http or https address": func(h *Hook) { h.URL = "file:///etc/passwd" },
		"no valid JSON":            func(h *Hook) { h.Body = "{" },
		"not of the form":          func(h *Hook) { h.Headers = "no header" },
	} {
		hook := good
		change(&hook)
		if _, err := hook.Call(hookValues("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func FuzzWebhookJSON(f *testing.F) {
	for _, text := range nasty {
		f.Add(`{"a":"<F-USER>","b":<F-USER>}`, text)
	}
	f.Add(`["\"<F-USER>\\"]`, "x")
	f.Fuzz(func(t *testing.T, body, text string) {
		// What is valid with a harmless value has to be valid, and of the same
		// form, with any other.
		harmless, err1 := Hook{Method: "POST", URL: "http://h/", ContentType: "application/json", Body: body}.Call(hookValues("x"))
		call, err2 := Hook{Method: "POST", URL: "http://h/", ContentType: "application/json", Body: body}.Call(hookValues(text))
		if err1 != nil {
			return
		}
		if err2 != nil {
			t.Fatalf("%q with %q: %v", body, text, err2)
		}
		if a, b := shape(harmless.Body), shape(call.Body); a != b {
			t.Fatalf("%q with %q: %s, %s", body, text, a, b)
		}
	})
}

// shape is JSON without its strings and numbers.
func shape(text []byte) string {
	var b strings.Builder
	d := json.NewDecoder(strings.NewReader(string(text)))
	for {
		token, err := d.Token()
		if err != nil {
			return b.String()
		}
		if delim, ok := token.(json.Delim); ok {
			b.WriteString(delim.String())
		} else {
			b.WriteByte('.')
		}
	}
}

func TestCloudflareIsToldOfNetworksAsRanges(t *testing.T) {
	var got []string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent rule
		_ = json.NewDecoder(r.Body).Decode(&sent)
		got = append(got, sent.Configuration.Target+" "+sent.Configuration.Value)
		fmt.Fprint(w, `{"success":true,"result":{"id":"a1"}}`)
	}))
	defer s.Close()
	edge, err := NewEdge("cloudflare-token", trusting(t, s, time.Minute), func(name, family string) string {
		return map[string]string{"cftoken": "T", "cfzone": "Z1", "endpoint": s.URL, "cftargetinet4": "ip", "cftargetinet6": "ip6"}[name+family]
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"192.0.2.1", "198.51.100.0/24", "2001:db8::1", "2001:db8::/48"} {
		if handle, err := edge.Add(context.Background(), address); err != nil || handle != "a1" {
			t.Errorf("%s: %q, %v", address, handle, err)
		}
	}
	want := "ip 192.0.2.1, ip_range 198.51.100.0/24, ip6 2001:db8::1, ip_range 2001:db8::/48"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}

func TestEdgesThatCannotWorkSayWhy(t *testing.T) {
	for action, want := range map[string]string{"cloudflare": "cftoken", "cloudflare-token": "cfzone", "netscaler": "ns_auth", "nosuch": "no service"} {
		_, err := NewEdge(action, nil, func(name, _ string) string {
			if name == "cftoken" && action == "cloudflare-token" {
				return "T"
			}
			return map[string]string{"cfzone": "../user"}[name]
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", action, err)
		}
	}
}
