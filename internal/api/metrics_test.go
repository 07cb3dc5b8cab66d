package api

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"stockade/internal/jail"
)

// scraped reads the metrics as Prometheus does.
func scraped(t *testing.T, c *Client) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := c.do(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families
}

// value is that of the metric with one label's value.
func value(t *testing.T, families map[string]*dto.MetricFamily, name, label string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetValue() == label {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Errorf("there is no %s of %q: %v", name, label, families[name])
	return -1
}

func TestMetricsHaveTheNamesOfTheExporterForFail2ban(t *testing.T) {
	c := start(t)
	if err := c.Command(t.Context(), nil, "set", "j", "banip", "192.0.2.1", "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	families := scraped(t, c)
	for name, want := range map[string]float64{
		"f2b_jail_banned_current": 2, "f2b_jail_banned_total": 2, "f2b_jail_failed_current": 0, "f2b_jail_failed_total": 0,
		"f2b_config_jail_ban_time": 600, "f2b_config_jail_find_time": 600, "f2b_config_jail_max_retries": 3,
		"stockade_jail_idle": 0, "stockade_over_budget_total": 0, "stockade_jail_faults": 0,
	} {
		if got := value(t, families, name, "j"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"f2b_up", "f2b_jail_count"} {
		if got := families[name].GetMetric()[0].GetGauge().GetValue(); got != 1 {
			t.Errorf("%s is %v", name, got)
		}
	}
	if got := value(t, families, "f2b_version", "1.1.1"); got != 1 {
		t.Errorf("f2b_version is %v", got)
	}
	if value(t, families, "f2b_errors", "socket_conn") != 0 || families["f2b_jail_banned_total"].GetType() != dto.MetricType_COUNTER {
		t.Error("errors or types are wrong")
	}
}

// TestMetricsKeepHostileNamesInTheirLabels makes a jail with a name of which
// each character means something in the format.
func TestMetricsKeepHostileNamesInTheirLabels(t *testing.T) {
	c := start(t)
	const path = "/var/log/a\"b\\c\nf2b_up 0 {}"
	if err := c.Command(t.Context(), nil, "set", "j", "addlogpath", "/dev/null"); err != nil {
		t.Fatal(err)
	}
	s := scrape{metrics.NewSet()}
	collectSourceViews(s, "j", []jail.SourceView{{Path: path, Lines: 7}})
	var b strings.Builder
	s.set.WritePrometheus(&b)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if got := value(t, families, "stockade_lines_total", path); got != 7 || len(families["f2b_up"].GetMetric()) > 0 {
		t.Errorf("%v\n%s", got, b.String())
	}
	if got := value(t, scraped(t, c), "stockade_source_up", "/dev/null"); got < 0 {
		t.Error("a source is missing")
	}
}

func TestMetricsListenOnThisMachineUnlessAHostIsWritten(t *testing.T) {
	for address, want := range map[string]string{
		"39191": "127.0.0.1:39191", ":39191": "127.0.0.1:39191", "127.0.0.2:39191": "127.0.0.2:39191", "[::1]:39191": "[::1]:39191",
		"0.0.0.0:39191": "0.0.0.0:39191",
	} {
		l, err := ListenMetrics(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := l.Addr().String(); got != want && !(want == "0.0.0.0:39191" && strings.HasSuffix(got, ":39191") && !strings.HasPrefix(got, "127.")) {
			t.Errorf("%s listens on %s", address, got)
		}
		l.Close()
	}
	for _, address := range []string{"", "localhost", "host:", ":99999", "1:2:3", "0"} {
		if l, err := ListenMetrics(address); err == nil {
			l.Close()
			t.Errorf("%q is taken", address)
		}
	}
}
