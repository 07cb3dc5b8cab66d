package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// failedFetch is how long a failed download is remembered, so that a run
// without network does not wait once for every package.
const failedFetch = 10 * time.Minute

// Reference gives the folder of the unpacked Fail2ban 1.1.1 (in it etc/fail2ban
// and usr). It is STOCKADE_REFERENCE where that is set, else a folder in the
// user's cache, filled by scripts/fetch-reference at the first call. The test
// is skipped where it is not to be had.
func Reference(tb testing.TB) string {
	tb.Helper()
	return reference(tb, "STOCKADE_REFERENCE", "reference")
}

// Reference102 gives the same for the Fail2ban of the Debian release this
// machine runs (1.0.2 on Debian 12): the package as published, not the
// installed one, which a user may have changed.
func Reference102(tb testing.TB) string {
	tb.Helper()
	dir := reference(tb, "STOCKADE_REFERENCE_STABLE", "reference-stable", "--stable")
	if v := Version(dir); !strings.HasPrefix(v, "1.0.2") {
		Skip(tb, "this Debian's Fail2ban is "+v+", not 1.0.2")
	}
	return dir
}

// Version is the version of an unpacked Fail2ban, as its package says.
func Version(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "VERSION"))
	if err == nil {
		return strings.TrimSpace(string(text))
	}
	out, err := Program(dir, "client", "--version").Output()
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimPrefix(first, "Fail2Ban v")
}

// Program is a command that runs one of the unpacked programs; name is
// "client", "server" or "regex".
func Program(dir, name string, args ...string) *exec.Cmd {
	script := filepath.Join(dir, "usr/bin/fail2ban-"+name)
	cmd := exec.Command(python, append([]string{script}, args...)...)
	cmd.Env = ProgramEnv(dir)
	return cmd
}

var fetched sync.Map // folder → error text, "" for success

// reference finds or fetches one unpacked Fail2ban.
func reference(tb testing.TB, env, name string, args ...string) string {
	tb.Helper()
	if _, err := os.Stat(python); err != nil {
		Skip(tb, "Debian's package python3 is not installed")
	}
	if dir := os.Getenv(env); dir != "" {
		if !unpacked(dir) {
			Skip(tb, env+"="+dir+" holds no unpacked Fail2ban")
		}
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		Skip(tb, "no cache folder for the reference: "+err.Error())
	}
	dir := filepath.Join(cache, "stockade", name)
	if unpacked(dir) {
		return dir
	}
	why, known := fetched.Load(dir)
	if !known {
		why = ""
		if err := fetch(Module(tb), dir, args); err != nil {
			why = err.Error()
		}
		fetched.Store(dir, why)
	}
	if why != "" {
		Skip(tb, "the reference Fail2ban is not to be had: "+why.(string))
	}
	return dir
}

func unpacked(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "usr/bin/fail2ban-client"))
	return err == nil
}

// fetch runs scripts/fetch-reference, one test program at a time.
func fetch(module, dir string, args []string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if unpacked(dir) {
		return nil
	}
	note := dir + ".failed"
	if info, err := os.Stat(note); err == nil && time.Since(info.ModTime()) < failedFetch {
		text, _ := os.ReadFile(note)
		return fmt.Errorf("%s", text)
	}
	out, err := exec.Command(filepath.Join(module, "scripts/fetch-reference"), append(args, dir)...).CombinedOutput()
	if err == nil {
		_ = os.Remove(note)
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	why := lines[len(lines)-1]
	if why == "" {
		why = err.Error()
	}
	_ = os.WriteFile(note, []byte(why), 0o644)
	return fmt.Errorf("%s", why)
}
