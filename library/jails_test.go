package library_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"stockade/internal/testenv"
	"stockade/library"
)

// TestJailsMeanWhatUsersOfTheReferenceExpect compares every jail that the
// reference preconfigures, as the reference itself reads both trees: the same
// ports, log files, limits and actions with the same parameters.
func TestJailsMeanWhatUsersOfTheReferenceExpect(t *testing.T) {
	reference := testenv.Reference(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, library.For("debian")); err != nil {
		t.Fatal(err)
	}
	theirs := readJails(t, reference, filepath.Join(reference, "etc/fail2ban"))
	ours := readJails(t, reference, dir)
	if len(theirs) < 98 {
		t.Fatalf("the reference has %d jails", len(theirs))
	}
	for jail, options := range theirs {
		mine, ok := ours[jail]
		if !ok {
			t.Errorf("jail %s is missing", jail)
			continue
		}
		for option, want := range options {
			got := mine[option]
			if reflect.DeepEqual(got, want) || expected(jail, option, got, want) {
				continue
			}
			t.Errorf("[%s] %s: %v, want %v", jail, option, got, want)
		}
	}
}

// expected are the deliberate differences.
func expected(jail, option string, got, want any) bool {
	switch {
	case strings.HasPrefix(option, "action_"):
		// Mails also get the sendername that guides tell people to set.
		return reflect.DeepEqual(withoutSendername(got), want)
	case strings.HasSuffix(option, "backend"):
		// Debian presets the journal; auto finds it by itself.
		return got == "auto" && want == "systemd"
	case jail == "sshd" && option == "enabled":
		// Debian's package enables it, the library enables nothing.
		return got == "false" && want == "true"
	case jail == "sshd" && option == "journalmatch":
		// Debian's package names the unit ssh.service here; our filter has it.
		return got == nil
	}
	return false
}

// withoutSendername is a list of actions, each a name and its parameters,
// without one parameter.
func withoutSendername(actions any) any {
	list, ok := actions.([]any)
	if !ok {
		return actions
	}
	for _, a := range list {
		if pair, ok := a.([]any); ok && len(pair) == 2 {
			if params, ok := pair[1].(map[string]any); ok {
				delete(params, "sendername")
			}
		}
	}
	return list
}

func readJails(t *testing.T, reference, dir string) map[string]map[string]any {
	t.Helper()
	cmd := exec.Command(testenv.Python(t), "testdata/jails.py", dir)
	cmd.Env = testenv.ProgramEnv(reference)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading %s: %v\n%s", dir, err, stderr.String())
	}
	var jails map[string]map[string]any
	if err := json.Unmarshal(out, &jails); err != nil {
		t.Fatal(err)
	}
	return jails
}
