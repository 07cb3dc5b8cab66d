package packaging_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// subjects is what the whole-program tests drive, as Debian's packages.
var subjects = []string{
	"ipset", "openssh-client", "sshpass", "sqlite3", "python3", "python3-pyinotify", "curl", "conntrack", "nginx-light", "ufw",
}

// exemption is a whole-program test, with what is below it, that does not run
// under a unit.
type exemption struct{ test, why string }

// Each of them has to be left out: a line that is no longer true fails.
var (
	underNone = []exemption{
		{"TestArticle", "its machine is made of namespaces, in which there is no systemd"},
		{"TestKernelLiftsBansOfAnAbsentServer", "it waits for a minute, and the long form does that already"},
		{"TestSetsOfAFormerJailGoOnceTheyAreEmpty", "it waits for a minute, and the long form does that already"},
	}
	// The strict unit lets no programs run, and the server says so.
	notUnderStrict = []exemption{
		{"TestAdministratorWhoIsLoggedInIsNotBanned", "this sshd tells logind nothing; a test of its own has one that does"},
		{"TestBansStayAwayWhereHealingIsOff", "iptables is a program"},
		{"TestBansThatSomebodyFlushedAreBackAtOnce/flushed_iptables", "iptables is a program"},
		{"TestBansThatSomebodyFlushedAreBackAtOnce/flushed_iptables_before_a_set", "iptables is a program"},
		{"TestBansThatSomebodyFlushedAreBackAtOnce/flushed_iptables_of_the_old_kind", "iptables is a program"},
		{"TestBansThatSomebodyFlushedAreBackAtOnce/flushed_own_chain", "iptables is a program"},
		{"TestBrokenJailStopsNoOther", "all jails of the library are on in it, and one has an ignorecommand"},
		{"TestDoctorFindsAHealthyMachineHealthy/iptables-ipset-proto6", "iptables is a program"},
		{"TestDoctorFindsAHealthyMachineHealthy/iptables-multiport", "iptables is a program"},
		{"TestDoctorFindsPlantedFaults/action_fails", "the fault is a command that fails"},
		{"TestDoctorFindsPlantedFaults/iptables_chain_flushed", "iptables is a program"},
		{"TestDoctorFindsPlantedFaults/regex_over_budget", "the jail's action is a command"},
		{"TestDoctorFindsPlantedFaults/rule_shadowed_in_iptables", "iptables is a program"},
		{"TestDoctorFindsPlantedFaults/second_server", "the other server runs commands"},
		{"TestGuidesMailsSayWhatTheyPromise/action_mw_by_program", "the mails go through sendmail"},
		{"TestGuidesMailsSayWhatTheyPromise/action_mwl_by_program", "the mails go through sendmail"},
		{"TestHostsDenyLiftsNetworks", "hosts.deny is written by commands"},
		{"TestIdentifiersOfStrangersAreHarmlessInMails", "the mails go through sendmail"},
		{"TestLinesDuringReloadsAreReadOnce", "its action is a command"},
		{"TestLogSaysWhatTheReferenceSays", "its actions are commands"},
		{"TestMailsSayWhatTheReferencesSay", "the mails go through sendmail"},
		{"TestNginxReadsAnyBlockedID", "nginx is told by commands"},
		{"TestPacketsOfBannedAddressesAreStoppedAndNoOthers/iptables-ipset-proto6,_native_=_auto", "iptables is a program"},
		{"TestPacketsOfBannedAddressesAreStoppedAndNoOthers/iptables-multiport,_native_=_auto", "iptables is a program"},
		{"TestPauseLiftsAllEnforcementForAWhile", "iptables is a program"},
		{"TestRealClientsSeeNoDifference", "the commands compared set an action of commands"},
		{"TestRecordedActionsCallTheSame", "it compares commands"},
		{"TestReloadByThePythonClientChangesWhatChanged", "its action is a command"},
		{"TestReloadOfABrokenConfigurationChangesNothing", "its action is a command"},
		{"TestReportsThatWaitAreSentAfterAKill", "the report is a command"},
		{"TestStatusTellsWhatSetsHoldAndStopped", "iptables is a program"},
		{"TestStockActionsLeaveTheSameStateAsTheReference", "it compares commands, and iptables with them"},
		{"TestThousandAttackersAreBannedBeforeAnyoneIsTold", "the report is a command"},
		{"TestTrapsOfActions", "the traps are those of commands"},
		{"TestTwentyJailsBanningAtOnceLoseNoLine", "its actions are commands"},
		{"TestUFWBanCountsWhereNoConnectionIsOpen", "ufw is a program"},
		{"TestUsersPythonClassRunsUnchanged", "Python is a program"},
		{"TestWildCommandsDelayNoOtherBan", "the commands are what is wild"},
	}
)

// TestWholeProgramTestsPassUnderTheUnits runs the tests of ./test in a booted
// Debian, where systemd starts each of their servers in the sandbox of the
// unit as it is shipped.
func TestWholeProgramTestsPassUnderTheUnits(t *testing.T) {
	full(t)
	reference, stable := testenv.Reference(t), testenv.Reference102(t)
	m := newMachine(t, subjects...)
	m.bringTests(reference, stable)
	m.boot()
	const units = "/usr/src/stockade/packaging/systemd/"
	for _, unit := range []struct {
		name, files string
		leftOut     []exemption
	}{
		{"relaxed", units + "stockade.service", underNone},
		{"strict", units + "stockade.service " + units + "strict.conf", slices.Concat(underNone, notUnderStrict)},
	} {
		t.Run(unit.name, func(t *testing.T) {
			passed, skipped := m.acceptance(t, unit.files)
			t.Logf("%d passed, %d left out", passed, len(skipped))
			for name, why := range skipped {
				if !slices.ContainsFunc(unit.leftOut, func(e exemption) bool { return e.covers(name) }) {
					t.Errorf("%s was left out: %s", name, why)
				}
			}
			for _, e := range unit.leftOut {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(skipped)), e.covers) {
					t.Errorf("%s is to be left out, as %s, and was not", e.test, e.why)
				}
			}
		})
	}
}

func (e exemption) covers(name string) bool {
	return name == e.test || strings.HasPrefix(name, e.test+"/")
}

// bringTests puts the compiled tests into the machine, with what they drive:
// our programs, the sources they read, and the references.
func (m *machine) bringTests(reference, stable string) {
	m.Helper()
	module, src, bin := testenv.Module(m), filepath.Join(m.root, "usr/src/stockade"), filepath.Join(m.root, "opt/stockade")
	for _, args := range [][]string{
		{"mkdir", "-p", src, bin},
		{"cp", "-a", "go.mod", "Makefile", "packaging", "library", "test", "docs", src},
		{"cp", "-a", reference, filepath.Join(m.root, "opt/reference")},
		{"cp", "-a", stable, filepath.Join(m.root, "opt/reference-stable")},
		{"go", "build", "-trimpath", "-o", filepath.Join(bin, "stockade"), "./cmd/stockade"},
		{"go", "test", "-c", "-o", filepath.Join(bin, "acceptance.test"), "./test"},
		{"ln", "-s", "stockade", filepath.Join(bin, "fail2ban-server")},
		{"ln", "-s", "stockade", filepath.Join(bin, "fail2ban-client")},
		{"ln", "-s", "stockade", filepath.Join(bin, "fail2ban-regex")},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = module, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			m.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	m.file("etc/hosts", "127.0.0.1 localhost\n::1 ip6-localhost\n127.0.1.1 stockade-test\n")
}

// acceptance runs the tests under a unit. It tells how many passed, and which
// were left out and why.
func (m *machine) acceptance(t *testing.T, unit string) (passed int, skipped map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	skips := filepath.Join(m.root, "var/lib/skips")
	_ = os.Remove(skips)
	args := []string{
		"env", "-C", "/usr/src/stockade/test", "STOCKADE_UNIT=" + unit, "STOCKADE_FULL=", "STOCKADE_SKIPS=/var/lib/skips", "STOCKADE_BIN=/opt/stockade",
		"STOCKADE_REFERENCE=/opt/reference", "STOCKADE_REFERENCE_STABLE=/opt/reference-stable", "TMPDIR=/srv", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"/opt/stockade/acceptance.test", "-test.v", "-test.timeout=9m",
	}
	out, err := m.command(ctx, args...).CombinedOutput()
	if err != nil {
		t.Errorf("under %s: %v\n%s", unit, err, out)
	}
	passed = bytes.Count(out, []byte("--- PASS: "))
	skipped = map[string]string{}
	text, err := os.ReadFile(skips)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		why, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		skipped[name] = why
	}
	return passed, skipped
}
