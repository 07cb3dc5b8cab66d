package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/api"
	"stockade/internal/config"
	"stockade/internal/host"
	"stockade/internal/server"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// sound are the facts of a machine on which all is well.
func sound() *Facts {
	read := now.Add(-time.Minute)
	return &Facts{
		Now: now, Socket: "/run/fail2ban/fail2ban.sock",
		Files: map[string]File{"/var/log/auth.log": {Modified: read}, "/var/log/fail2ban.log": {}},
		Disks: []Disk{{Path: "/var/lib", For: "the database", Free: 50 << 30, Size: 100 << 30, FreeInodes: 9, Inodes: 10}},
		Port: func(name string) (uint16, bool) {
			n, ok := map[string]uint16{"ssh": 22, "http": 80, "https": 443}[name]
			return n, ok
		},
		Listeners: []Listener{{Service: "OpenSSH", Jail: "sshd", Ports: []host.Port{{Proto: "tcp", Number: 22}}}},
		Health: &api.Health{
			PID: 7, Log: api.LogHealth{Target: "/var/log/fail2ban.log"}, Database: "/var/lib/fail2ban/f.sqlite3",
			Jails: []api.JailHealth{{
				Jail: api.Jail{Name: "sshd", Banned: 2}, Started: true,
				Sources: []api.Source{{Path: "/var/log/auth.log", CaughtUp: true, Lines: 100, ReadAt: &read, Dated: &read}},
				Enforced: []api.Enforcement{{
					Action: "nftables", Ports: "ssh", Protocols: "tcp", By: "nftables", Table: "inet f2b-table",
					Chains: []string{"f2b-chain"}, Hook: "input", Holder: "addr-set-sshd",
				}},
			}},
		},
	}
}

func TestNothingIsFoundOnASoundMachine(t *testing.T) {
	if found := Diagnose(sound()); len(found) > 0 || ExitStatus(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestEachFaultHasItsFinding(t *testing.T) {
	for _, test := range []struct {
		code, words string
		severity    Severity
		change      func(f *Facts, j *api.JailHealth)
	}{
		{"server-down", "refused", Error, func(f *Facts, _ *api.JailHealth) { f.Health, f.Silence = nil, "refused" }},
		{"other-server", "1.0.2", Error, func(f *Facts, _ *api.JailHealth) { f.Health, f.Other = nil, "1.0.2" }},
		{"second-server", "process 9", Error, func(f *Facts, _ *api.JailHealth) { f.Rivals = []Rival{{9, "fail2ban-server"}} }},
		{"no-jails", "nothing", Error, func(f *Facts, _ *api.JailHealth) { f.Health.Jails = nil }},
		{"paused", "lifted", Warning, func(f *Facts, _ *api.JailHealth) { f.Health.PausedUntil = &now }},
		{"jail-left-out", "no filter", Error, func(f *Facts, _ *api.JailHealth) {
			f.Health.Problems = []server.Problem{{Jail: "x", Why: "no filter", Cost: server.LeftOut}}
		}},
		{"jail-not-taken-over", "no filter", Warning, func(f *Facts, _ *api.JailHealth) {
			f.Health.Problems = []server.Problem{{Jail: "x", Why: "no filter", Cost: server.AsBefore}}
		}},
		{"log-target", "gone", Error, func(f *Facts, _ *api.JailHealth) { f.Files["/var/log/fail2ban.log"] = File{Err: errors.New("gone")} }},
		{"log-target", "3 are lost", Error, func(f *Facts, _ *api.JailHealth) { f.Health.Log = api.LogHealth{Target: "SYSLOG", Lost: 3} }},
		{"database", "locked", Warning, func(f *Facts, _ *api.JailHealth) { f.Health.DatabaseFault = &api.DatabaseFault{Kind: "locked"} }},
		{"database", "5 were given up", Error, func(f *Facts, _ *api.JailHealth) {
			f.Health.DatabaseFault = &api.DatabaseFault{Kind: "full", Dropped: 5}
		}},
		{"clock", "1970", Error, func(f *Facts, _ *api.JailHealth) { f.Now, f.Files = time.Unix(60, 0).UTC(), nil }},
		{"clock", "set back", Error, func(f *Facts, _ *api.JailHealth) {
			f.Files["/var/log/auth.log"] = File{Modified: now.Add(time.Hour)}
		}},
		{"clock", "2h0m0s in the future", Warning, func(_ *Facts, j *api.JailHealth) { j.Sources[0].OddRun, j.Sources[0].OddSeconds = 1, 7200 }},
		{"clock", "5h0m0s in the past", Warning, func(_ *Facts, j *api.JailHealth) { j.Sources[0].OddRun, j.Sources[0].OddSeconds = 1, -18000 }},
		{"late-lines", "1m30s after", Notice, func(_ *Facts, j *api.JailHealth) { j.Sources[0].OddRun, j.Sources[0].OddSeconds = 1, -90 }},
		{"disk-full", "is full", Error, func(f *Facts, _ *api.JailHealth) { f.Disks[0].Free = 4096 }},
		{"disk-full", "inode", Error, func(f *Facts, _ *api.JailHealth) { f.Disks[0].FreeInodes = 0 }},
		{"disk-nearly-full", "2048 MiB left", Warning, func(f *Facts, _ *api.JailHealth) { f.Disks[0].Free = 2 << 30 }},
		{"configuration", "jail.local:3: bad", Error, func(f *Facts, _ *api.JailHealth) {
			f.Config = []config.Finding{{Severity: config.Error, Origin: config.Origin{File: "jail.local", Line: 3}, Text: "bad"}, {Severity: config.Warning}}
		}},
		{"jail-idle", "idle", Warning, func(_ *Facts, j *api.JailHealth) { j.Idle = true }},
		{"jail-not-started", "never", Error, func(_ *Facts, j *api.JailHealth) { j.Started = false }},
		{"jail-degraded", "cannot", Warning, func(_ *Facts, j *api.JailHealth) { j.Faults = []string{"cannot"} }},
		{"regex-over-budget", "4 searches", Warning, func(_ *Facts, j *api.JailHealth) { j.OverBudget = 4 }},
		{"no-log", "nothing to read", Error, func(_ *Facts, j *api.JailHealth) { j.Sources = nil }},
		{"log-missing", "there is no", Error, func(_ *Facts, j *api.JailHealth) { j.Sources[0].Waiting = true }},
		{"log-missing", "second.log", Notice, func(_ *Facts, j *api.JailHealth) {
			j.Sources = append(j.Sources, api.Source{Path: "/var/log/second.log", Waiting: true})
		}},
		{"log-unreadable", "permission", Error, func(_ *Facts, j *api.JailHealth) { j.Sources[0].Error = "permission denied" }},
		{"no-date", "40 lines", Warning, func(_ *Facts, j *api.JailHealth) { j.Sources[0].UndatedRun = 40 }},
		{"lag", "8 MiB", Warning, func(_ *Facts, j *api.JailHealth) { j.Sources[0].Lag = 8 << 20 }},
		{"long-lines", "2 lines", Notice, func(_ *Facts, j *api.JailHealth) { j.Sources[0].Cut = 2 }},
		{"action-fails", "exit 1", Error, func(_ *Facts, j *api.JailHealth) {
			j.Actions = []api.Action{{Name: "mine", Error: "exit 1", ErrorAt: &now}}
		}},
		{"action-fails", "exit 1", Warning, func(_ *Facts, j *api.JailHealth) {
			j.Actions = []api.Action{{Name: "mine", Report: true, Error: "exit 1", ErrorAt: &now}}
		}},
		{"reports-dropped", "6 reports", Warning, func(_ *Facts, j *api.JailHealth) { j.Actions = []api.Action{{Name: "mail", Dropped: 6}} }},
		{"no-action", "nobody", Error, func(_ *Facts, j *api.JailHealth) { j.Enforced = nil }},
		{"firewall-unknown", "only its own", Notice, func(_ *Facts, j *api.JailHealth) { j.Enforced[0].By = "" }},
		{"firewall-unknown", "no right", Warning, func(_ *Facts, j *api.JailHealth) { j.Enforced[0].Error = "no right" }},
		{"firewall-missing", "the set is gone", Error, func(_ *Facts, j *api.JailHealth) { j.Enforced[0].Missing = "the set is gone" }},
		{"bans-not-enforced", "192.0.2.1, …", Error, func(_ *Facts, j *api.JailHealth) {
			j.Enforced[0].Lacking, j.Enforced[0].LackingSome = 2, []string{"192.0.2.1"}
		}},
		{"extra-bans", "192.0.2.9", Notice, func(_ *Facts, j *api.JailHealth) {
			j.Enforced[0].Extra, j.Enforced[0].ExtraSome = 1, []string{"192.0.2.9"}
		}},
		{"port-mismatch", "listens on port 2222", Error, func(f *Facts, _ *api.JailHealth) { f.Listeners[0].Ports[0].Number = 2222 }},
		{"port-mismatch", "also listens on port 2222", Warning, func(f *Facts, _ *api.JailHealth) {
			f.Listeners[0].Ports = append(f.Listeners[0].Ports, host.Port{Proto: "tcp", Number: 2222})
		}},
		{"port-forwarded", "22/tcp", Error, func(f *Facts, _ *api.JailHealth) { f.Rules.Forwards = []Forward{{"tcp", 22, "chain DOCKER"}} }},
	} {
		f := sound()
		test.change(f, &f.Health.Jails[0])
		found := Diagnose(f)
		if len(found) != 1 || found[0].Code != test.code || found[0].Severity != test.severity || !strings.Contains(found[0].Text, test.words) || found[0].Cure == "" {
			t.Errorf("%s %q: %+v", test.code, test.words, found)
		}
		var page strings.Builder
		if err := WriteText(&page, f, found); err != nil || !strings.Contains(page.String(), "    → "+found[0].Cure) {
			t.Errorf("%v\n%s", err, page.String())
		}
	}
}

func TestOldFailuresOfActionsAreForgotten(t *testing.T) {
	f := sound()
	before := now.Add(-25 * time.Hour)
	f.Health.Jails[0].Actions = []api.Action{{Name: "mine", Error: "exit 1", ErrorAt: &before}}
	if found := Diagnose(f); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestTheWorstComesFirstAndGivesTheStatus(t *testing.T) {
	f := sound()
	j := &f.Health.Jails[0]
	j.Sources[0].Cut, j.Idle, j.Enforced[0].Missing = 1, true, "gone"
	found := Diagnose(f)
	got := []Severity{}
	for _, x := range found {
		got = append(got, x.Severity)
	}
	if !slices.Equal(got, []Severity{Error, Warning, Notice}) || ExitStatus(found) != 2 || ExitStatus(found[1:]) != 1 || ExitStatus(found[2:]) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestThePageSteersNoTerminal(t *testing.T) {
	f := sound()
	f.Health.Jails[0].Faults = []string{"evil \x1b[2J\u2028 text\nmore"}
	var page strings.Builder
	if err := WriteText(&page, f, Diagnose(f)); err != nil || strings.ContainsAny(page.String(), "\x1b\u2028") {
		t.Errorf("%v %q", err, page.String())
	}
}
