package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"stockade/internal/control"
	"stockade/internal/jail"
)

// maxScrapes bounds the scrapes at one time at the optional address.
const maxScrapes = 8

// scrape collects the metrics of one request.
type scrape struct{ set *metrics.Set }

// name is that of a metric with its labels, pairs of name and value.
func name(base string, labels []string) string {
	if len(labels) == 0 {
		return base
	}
	var b strings.Builder
	b.WriteString(base)
	between := "{"
	for i := 0; i+1 < len(labels); i += 2 {
		b.WriteString(between + labels[i] + `="` + escapeLabel.Replace(labels[i+1]) + `"`)
		between = ","
	}
	return b.String() + "}"
}

// escapeLabel makes any text a label's value.
var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (s scrape) gauge(base string, v float64, labels ...string) {
	s.set.GetOrCreateGauge(name(base, labels), nil).Set(v)
}

func (s scrape) counter(base string, v uint64, labels ...string) {
	s.set.GetOrCreateCounter(name(base, labels)).Set(v)
}

func bit(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// metrics answers in the text format of Prometheus.
func (a *Server) metrics(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	a.collect(r.Context()).set.WritePrometheus(&b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// collect measures the server. The names that begin with f2b are those of the
// exporter that is in use for Fail2ban, so that its dashboards go on working.
func (a *Server) collect(ctx context.Context) scrape {
	s := scrape{metrics.NewSet()}
	jails := a.srv.Jails()
	s.gauge("f2b_up", 1)
	for _, kind := range []string{"socket_conn", "socket_req"} {
		// The exporter counts its own; where there is no way between, none is lost.
		s.counter("f2b_errors", 0, "type", kind)
	}
	s.gauge("f2b_version", 1, "exporter", control.Version, "fail2ban", a.srv.Version())
	s.gauge("f2b_jail_count", float64(len(jails)))
	s.gauge("stockade_build_info", 1, "version", control.Version, "goversion", runtime.Version())
	s.gauge("stockade_problems", float64(len(a.srv.Problems())))
	s.counter("stockade_events_total", a.srv.Events().Last())
	s.gauge("stockade_log_records_lost", float64(a.srv.Book().Lost()))
	_, paused := a.srv.Paused()
	s.gauge("stockade_paused", bit(paused))
	a.collectDatabase(s)
	for _, j := range jails {
		collectJail(ctx, s, j)
	}
	return s
}

func (a *Server) collectDatabase(s scrape) {
	if a.srv.Database() == nil {
		return
	}
	h := a.srv.DatabaseHealth()
	s.gauge("stockade_database_up", bit(h.Err == nil))
	s.gauge("stockade_database_waiting", float64(h.Waiting))
	s.gauge("stockade_database_dropped", float64(h.Dropped))
}

func collectJail(ctx context.Context, s scrape, j *jail.Jail) {
	v, err := j.View(ctx, false)
	if err != nil {
		return // it was stopped meanwhile
	}
	label := []string{"jail", v.Name}
	s.gauge("f2b_jail_banned_current", float64(v.Banned), label...)
	s.counter("f2b_jail_banned_total", uint64(v.BannedTotal), label...)
	s.gauge("f2b_jail_failed_current", float64(v.Failed), label...)
	s.counter("f2b_jail_failed_total", uint64(v.FailedTotal), label...)
	_, _ = j.Do(ctx, func(st *jail.State) (any, error) {
		s.gauge("f2b_config_jail_ban_time", float64(st.BanTime()), label...)
		s.gauge("f2b_config_jail_find_time", st.FindTime(), label...)
		s.gauge("f2b_config_jail_max_retries", float64(st.MaxRetry()), label...)
		return nil, nil
	})
	s.gauge("stockade_jail_idle", bit(v.Idle), label...)
	s.gauge("stockade_jail_faults", float64(len(v.Faults)), label...)
	s.counter("stockade_over_budget_total", uint64(v.OverBudget), label...)
	s.counter("stockade_evicted_total", uint64(v.EvictedIDs), label...)
	collectSources(ctx, s, j)
	for _, a := range j.Actions().Status() {
		label := []string{"jail", v.Name, "action", a.Name}
		s.gauge("stockade_action_native", bit(a.Native), label...)
		s.gauge("stockade_action_held", float64(a.Held), label...)
		s.gauge("stockade_action_waiting", float64(a.Waiting), label...)
		s.counter("stockade_action_dropped_total", uint64(a.Dropped), label...)
		s.gauge("stockade_action_failed_timestamp_seconds", seconds(a.ErrorTime), label...)
	}
}

func collectSources(ctx context.Context, s scrape, j *jail.Jail) {
	views, err := j.Sources(ctx)
	if err != nil {
		return
	}
	collectSourceViews(s, j.Name(), views)
}

func collectSourceViews(s scrape, name string, views []jail.SourceView) {
	for _, v := range views {
		label := []string{"jail", name, "source", v.Path}
		s.gauge("stockade_source_up", bit(!v.Waiting && v.Err == nil), label...)
		s.gauge("stockade_lag_bytes", float64(v.Lag), label...)
		s.counter("stockade_lines_total", v.Lines, label...)
		s.counter("stockade_lines_cut_total", v.Cut, label...)
		s.counter("stockade_lines_undated_total", v.Undated, label...)
		s.counter("stockade_lines_odd_date_total", v.Odd, label...)
		s.gauge("stockade_last_line_timestamp_seconds", seconds(v.ReadAt), label...)
	}
}

// seconds is a time for Prometheus, 0 for never.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}

// ListenMetrics opens the optional address for metrics. Only who writes a host
// gets another one than this machine's own: 9191 and :9191 are 127.0.0.1:9191.
func ListenMetrics(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil && !strings.Contains(address, ":") {
		host, port, err = "", address, nil
	}
	if err != nil {
		return nil, fmt.Errorf("metrics = %s: write HOST:PORT, as 127.0.0.1:9191", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("metrics = %s: %q is no port", address, port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("metrics = %s: %w", address, err)
	}
	return l, nil
}

// scrapeServer answers for metrics alone.
func (a *Server) scrapeServer() *http.Server {
	free := make(chan struct{}, maxScrapes)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		select {
		case free <- struct{}{}:
			defer func() { <-free }()
			a.metrics(w, r)
		default:
			http.Error(w, "too many scrapes at one time", http.StatusServiceUnavailable)
		}
	})
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: headerTime,
		MaxHeaderBytes: maxHeader, IdleTimeout: idleTimeout, ErrorLog: a.http.ErrorLog,
	}
}

// ServeMetrics answers for metrics alone, until Close.
func (a *Server) ServeMetrics(l net.Listener) error {
	if err := a.scraped.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the metrics: %w", err)
	}
	return nil
}
