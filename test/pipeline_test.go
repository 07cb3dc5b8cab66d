//go:build bench

package acceptance

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/source/journal/journaltest"
	"stockade/internal/testenv"
)

// referencePipeline drives the reference's filter objects in one process.
//
//go:embed pipeline/reference.py
var referencePipeline string

// pipelineJob is what pipeline/main.go and pipeline/reference.py read.
type pipelineJob struct {
	Log, Config, Zone string
	Now               int64
	Jails             []pipelineJail
	Samples           bool   `json:",omitempty"`
	Append            string `json:",omitempty"`
	Profile           string `json:",omitempty"`
}

type pipelineJail struct {
	Name, Filter string
	FindTime     float64
}

// pipelineResult is their answer.
type pipelineResult struct {
	CPU, Wall float64
	Found     map[string]struct {
		Count  int
		Digest string
	}
	Samples map[string]struct {
		Lines         int
		Nanos, Allocs float64
	}
}

// pipelines are the two programs, ours and the reference's.
type pipelines struct {
	ours, ref, config string
}

func buildPipelines(t *testing.T) pipelines {
	t.Helper()
	dir := t.TempDir()
	p := pipelines{filepath.Join(dir, "pipeline"), filepath.Join(dir, "reference.py"), filepath.Join(testenv.Reference(t), "etc/fail2ban")}
	cmd := exec.Command("go", "build", "-trimpath", "-pgo=cmd/stockade/default.pgo", "-tags", "bench", "-o", p.ours, "./test/pipeline")
	cmd.Dir = testenv.Module(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the pipeline: %v\n%s", err, out)
	}
	writeFile(t, p.ref, referencePipeline)
	return p
}

// runOurs and runReference do a job on one core.
func (p pipelines) runOurs(t *testing.T, job pipelineJob) pipelineResult {
	t.Helper()
	return runJob(t, exec.Command(p.ours), job)
}

func (p pipelines) runReference(t *testing.T, job pipelineJob) pipelineResult {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "-W", "ignore", p.ref)
	cmd.Env = append(testenv.ProgramEnv(testenv.Reference(t)), "PYTHONUTF8=1")
	return runJob(t, cmd, job)
}

func runJob(t *testing.T, cmd *exec.Cmd, job pipelineJob) pipelineResult {
	t.Helper()
	input, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	run := pinned(cmd)
	var stderr bytes.Buffer
	run.Stdin, run.Stderr = bytes.NewReader(input), &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, stderr.String())
	}
	var res pipelineResult
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatalf("%s answered %q: %v", cmd.Path, out, err)
	}
	return res
}

// decemberTenth is the evening of the day of the OpenSSH log, in a year that
// makes it the present.
var decemberTenth = time.Date(2025, 12, 10, 18, 0, 0, 0, time.UTC).Unix()

// serverSpeed compares what a line costs on its way through the server, from the
// file to the counted failure, with the reference's filter objects fed line by
// line. Both log each failure, and what they log must be the same.
func serverSpeed(t *testing.T) {
	p := buildPipelines(t)
	table("From the log to the counted failure, inside the server (the reference: its filter objects in one process)")
	cases := serverCases(t, p)
	for _, c := range cases {
		pass(t, p, c.name, c.job, c.lines)
	}
	sshd := cases[0].job
	sshd.Samples, sshd.Log = true, opensshLog(t)
	res := p.runOurs(t, sshd)
	fmt.Printf("\n  One line in the filter (sshd), by what becomes of it\n\n")
	for _, kind := range slices.Sorted(maps.Keys(res.Samples)) {
		s := res.Samples[kind]
		fmt.Printf("  %-24s %6.0f ns %6.2f allocations   (%d of the lines)\n", kind, s.Nanos, s.Allocs, s.Lines)
	}
}

// serverCase is a log with the jails that read it.
type serverCase struct {
	name  string
	job   pipelineJob
	lines int
}

// serverCases are what the server is measured by; sshd is the first.
func serverCases(t *testing.T, p pipelines) []serverCase {
	t.Helper()
	log, lines := repeated(t, sampleLines(t, opensshLog(t)), 100)
	cases := []serverCase{{"sshd, OpenSSH's log", pipelineJob{
		Log: log, Config: p.config, Zone: "UTC", Now: decemberTenth, Jails: []pipelineJail{{"sshd", "sshd", 86400}},
	}, lines}}

	log, lines = accessLog(t)
	var web []pipelineJail
	for _, name := range []string{"nginx-botsearch", "apache-badbots", "nginx-limit-req"} {
		web = append(web, pipelineJail{name, name, 86400 * 30})
	}
	cases = append(cases, serverCase{"three jails on an access log", pipelineJob{
		Log: log, Config: p.config, Zone: "UTC", Now: decemberTenth, Jails: web,
	}, lines})

	samples := filepath.Join(testenv.Reference(t), "usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
	const sampleDay = 1124013599 // what the sample logs take for the present
	for _, name := range []string{"postfix", "dovecot", "exim", "apache-auth"} {
		log, lines := repeated(t, sampleLines(t, filepath.Join(samples, name)), 1000)
		cases = append(cases, serverCase{name + ", its own samples", pipelineJob{
			Log: log, Config: p.config, Zone: "CET-01CEST-02,M3.5.0,M10.5.0", Now: sampleDay, Jails: []pipelineJail{{name, name, 1e9}},
		}, lines})
	}
	return cases
}

// TestProfileOfTheServer writes the profile by which the compiler lays out the
// program, where STOCKADE_PROFILE names a file for it: what the server does with
// the measured logs, each a few times.
func TestProfileOfTheServer(t *testing.T) {
	to := os.Getenv("STOCKADE_PROFILE")
	if to == "" {
		testenv.Skip(t, "STOCKADE_PROFILE is not set; make profile sets it")
	}
	p := buildPipelines(t)
	merge := []string{"tool", "pprof", "-proto", "-output", to}
	for i, c := range serverCases(t, p) {
		for round := range 8 {
			c.job.Profile = filepath.Join(t.TempDir(), fmt.Sprint(i, "-", round))
			p.runOurs(t, c.job)
			merge = append(merge, c.job.Profile)
		}
	}
	run(t, exec.Command("go", merge...))
}

// pass measures a job in both programs.
func pass(t *testing.T, p pipelines, name string, job pipelineJob, lines int) {
	t.Helper()
	want := p.runReference(t, job)
	base := cost{want.CPU, want.Wall}
	var least cost
	for range 7 {
		got := p.runOurs(t, job)
		for jail, w := range want.Found {
			if g := got.Found[jail]; g != w {
				t.Errorf("%s: jail %s found %d failures, the reference %d, or others", name, jail, g.Count, w.Count)
			}
		}
		least = less(least, cost{got.CPU, got.Wall})
	}
	failures := 0
	for jail, w := range want.Found {
		if failures += w.Count; w.Count == 0 {
			t.Errorf("%s: jail %s found nothing, so speed means nothing", name, jail)
		}
	}
	costRow("reference: "+name, lines, base, base)
	costRow(fmt.Sprintf("stockade:  the same (%d failures)", failures), lines, least, base)
}

// sampleLines gives the lines of a log without comments.
func sampleLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// repeated writes lines n times into a log.
func repeated(t *testing.T, lines []string, n int) (path string, count int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "repeated.log")
	writeFile(t, path, strings.Repeat(strings.Join(lines, "\n")+"\n", n))
	return path, n * len(lines)
}

// accessLog writes a million requests, one in a thousand from somebody who looks
// for holes, gathers addresses or asks too much.
func accessLog(t *testing.T) (path string, lines int) {
	t.Helper()
	const count = 1_000_000
	pages := []string{"/", "/index.html", "/assets/app.js", "/assets/style.css", "/blog/2025/12/winter", "/api/v1/items?page=2", "/images/logo.png", "/favicon.ico"}
	agents := []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
		"curl/8.4.0",
	}
	path = filepath.Join(t.TempDir(), "access.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	begin := time.Unix(decemberTenth, 0).UTC().Add(-20 * time.Hour)
	for i := range count {
		at := begin.Add(time.Duration(i) * 60 * time.Millisecond)
		ip := fmt.Sprintf("%d.%d.%d.%d", 11+i%180, i*7%256, i*13%256, i*31%256)
		stamp := at.Format("02/Jan/2006:15:04:05 -0700")
		switch {
		case i%3000 == 500:
			fmt.Fprintf(&b, "%s - - [%s] \"GET /phpmyadmin/index.php HTTP/1.1\" 404 153 \"-\" \"%s\"\n", ip, stamp, agents[0])
		case i%3000 == 1500:
			fmt.Fprintf(&b, "%s - - [%s] \"GET %s HTTP/1.1\" 200 612 \"-\" \"EmailCollector\"\n", ip, stamp, pages[0])
		case i%3000 == 2500:
			fmt.Fprintf(&b, "%s [error] 4321#4321: *%d limiting requests, excess: 5.432 by zone \"one\", client: %s, server: example.com, request: \"GET / HTTP/1.1\", host: \"example.com\"\n",
				at.Format("2006/01/02 15:04:05"), i, ip)
		default:
			fmt.Fprintf(&b, "%s - - [%s] \"GET %s HTTP/1.1\" 200 %d \"https://example.com/\" \"%s\"\n", ip, stamp, pages[i%len(pages)], 100+i%9000, agents[i%len(agents)])
		}
		if b.Len() > 1<<20 || i == count-1 {
			if _, err := f.Write(b.Bytes()); err != nil {
				t.Fatal(err)
			}
			b.Reset()
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, count
}

// journalSpeed compares the programs on a journal of sshd's messages.
func journalSpeed(t *testing.T) {
	if !journaltest.Available() {
		testenv.Skip(t, "systemd-journal-remote is not installed")
	}
	const entries = 40_000
	var records []journaltest.Record
	messages := sampleLines(t, opensshLog(t))
	for i := range entries {
		_, text, _ := strings.Cut(messages[i%len(messages)], "]: ")
		records = append(records, journaltest.Record{
			Time: uint64(decemberTenth)*1e6 + uint64(i)*1000, Monotonic: uint64(i+1) * 1000,
			Fields: []string{
				"_HOSTNAME=srv", "SYSLOG_IDENTIFIER=sshd", fmt.Sprintf("_PID=%d", 100+i/8%400), "_COMM=sshd",
				"_SYSTEMD_UNIT=sshd.service", "PRIORITY=6", "_TRANSPORT=syslog", "_UID=0", "MESSAGE=" + text,
			},
		})
	}
	file := filepath.Join(t.TempDir(), "bench.journal")
	journaltest.Write(t, file, records)
	ours, ref := stockade(t), reference(t)
	theirs := filepath.Join(testenv.Reference(t), "etc/fail2ban")
	journal := "systemd-journal[journalfiles=" + file + "]"
	want, got := counted(t, ref, "-c", theirs, "-o", "ip", journal, "sshd"), counted(t, ours, "-c", theirs, "-o", "ip", journal, "sshd")
	if len(want) == 0 || difference(got, want) != "" {
		testenv.Skip(t, "the reference reads no journal here, or another one: "+difference(got, want))
	}
	table(fmt.Sprintf("A journal of %d entries, whole processes", entries))
	compare(t, []entry{
		{"reference: fail2ban-regex, its sshd filter", ref.program("regex", "-c", theirs, journal, "sshd")},
		{"stockade:  fail2ban-regex, the reference's sshd filter", ours.program("regex", "-c", theirs, journal, "sshd")},
	}, entries)
}

// neighbours are filters that a mail and login server has on its one log.
var neighbours = []string{
	"sshd", "pam-generic", "dropbear", "proftpd", "pure-ftpd", "vsftpd", "webmin-auth", "wuftpd", "xinetd-fail", "dovecot",
	"postfix", "exim", "cyrus-imap", "uwimap-auth", "gssftpd", "named-refused", "perdition", "sieve", "sendmail-auth", "solid-pop3d",
}

// twentyJails compares one jail with twenty on a log that grows: with the same
// filter, as for ever longer bans, and with twenty different ones.
func twentyJails(t *testing.T) {
	p := buildPipelines(t)
	for _, busy := range []bool{false, true} {
		lines := quietLog(sampleLines(t, opensshLog(t)), busy)
		fill, _ := repeated(t, lines, 200_000/len(lines))
		what := "one line in twenty of sshd's"
		if busy {
			what = "every line of sshd's, a third of them failures"
		}
		fmt.Printf("\nJails on one growing file, %s\n\n", what)
		var base cost
		for _, c := range []struct {
			name string
			jail func(i int) pipelineJail
			n    int
		}{
			{"one jail, sshd", func(int) pipelineJail { return pipelineJail{"sshd", "sshd", 86400} }, 1},
			{"twenty jails, all sshd", func(i int) pipelineJail { return pipelineJail{fmt.Sprint("sshd", i), "sshd", 86400} }, 20},
			{"twenty jails, different filters", func(i int) pipelineJail { return pipelineJail{neighbours[i], neighbours[i], 86400} }, 20},
		} {
			job := pipelineJob{Config: p.config, Zone: "UTC", Now: decemberTenth, Append: fill}
			for i := range c.n {
				job.Jails = append(job.Jails, c.jail(i))
			}
			var least cost
			for range 3 {
				job.Log = filepath.Join(t.TempDir(), "growing.log")
				writeFile(t, job.Log, lines[0]+"\n")
				got := p.runOurs(t, job)
				least = less(least, cost{got.CPU, got.Wall})
			}
			if c.n == 1 {
				base = least
			}
			fmt.Printf("  %-58s %8.3f CPU s %8.3f wall s   %.2f times one\n", c.name, least.cpu, least.wall, least.cpu/base.cpu)
		}
	}
}

// quietLog mixes lines of sshd with those of a service that nobody watches, or
// leaves them alone.
func quietLog(lines []string, busy bool) []string {
	if busy {
		return lines
	}
	var out []string
	for i, line := range lines {
		out = append(out, line)
		stamp := line[:min(15, len(line))]
		for k := range 19 {
			out = append(out, fmt.Sprintf("%s LabSZ systemd[1]: Started Session %d of user backup.", stamp, i*19+k))
		}
	}
	return out
}
