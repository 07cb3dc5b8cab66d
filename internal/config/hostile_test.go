package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/ini"
)

// hostileTree writes a sound tree whose jail.local the caller makes.
func hostileTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, "fail2ban.conf", "[Definition]\n")
	writeFile(t, dir, "jail.conf", "[j]\nenabled = 1\nfilter = f\n")
	writeFile(t, dir, "filter.d/f.conf", "[Definition]\nfailregex = ^x <HOST>$\n")
	return dir
}

// refusedFor wants an error that names the file and says why.
func refusedFor(t *testing.T, dir, file, why string) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := readTree(dir, Dump)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, file)) || !strings.Contains(err.Error(), why) {
			t.Errorf("error %v; want %s: …%s", err, file, why)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("reading does not end")
	}
}

func TestHugeFileIsRefusedInBoundedMemory(t *testing.T) {
	dir := hostileTree(t)
	f, err := os.Create(filepath.Join(dir, "jail.local"))
	if err != nil {
		t.Fatal(err)
	}
	block := []byte(strings.Repeat("ignoreip = 10.0.0.1 10.0.0.2 10.0.0.3\n", 1000))
	for written := 0; written < 100<<20; written += len(block) {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	refusedFor(t, dir, "jail.local", "larger than the 32 MiB")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2*ini.DefaultBytes {
		t.Errorf("%d MiB allocated", grown>>20)
	}
}

func TestFileOfNULsIsRefused(t *testing.T) {
	dir := hostileTree(t)
	writeFile(t, dir, "jail.local", strings.Repeat("\x00", 1<<20))
	refusedFor(t, dir, "jail.local", "before the first [section]")
}

func TestFolderInPlaceOfAFileIsRefused(t *testing.T) {
	dir := hostileTree(t)
	if err := os.Mkdir(filepath.Join(dir, "jail.local"), 0o755); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, dir, "jail.local", "a directory")
}

func TestLoopOfLinksIsRefused(t *testing.T) {
	dir := hostileTree(t)
	if err := os.Symlink("jail.local", filepath.Join(dir, "jail.local")); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, dir, "jail.local", "too many levels of symbolic links")
}

func TestUnreadableFileIsRefused(t *testing.T) {
	dir := hostileTree(t)
	if os.Geteuid() != 0 {
		writeFile(t, dir, "jail.local", "[j]\n")
		if err := os.Chmod(filepath.Join(dir, "jail.local"), 0); err != nil {
			t.Fatal(err)
		}
		refusedFor(t, dir, "jail.local", "permission denied")
		return
	}
	// Root may open any file, but not read this one.
	if err := os.Symlink("/proc/self/mem", filepath.Join(dir, "jail.local")); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, dir, "jail.local", "input/output error")
}

func TestPipeInPlaceOfAFileIsRefused(t *testing.T) {
	dir := hostileTree(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "jail.local"), 0o644); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, dir, "jail.local", "a named pipe")
}

func TestEmptyFileAndNullDeviceAreNothing(t *testing.T) {
	dir := hostileTree(t)
	if err := os.Symlink("/dev/null", filepath.Join(dir, "jail.local")); err != nil {
		t.Fatal(err)
	}
	r, err := readTree(dir, Dump)
	if err != nil || len(r.Good) != 1 {
		t.Errorf("good %v, %v", r.Good, err)
	}
}

func TestHostileFilterCostsItsJailOnly(t *testing.T) {
	dir := hostileTree(t)
	writeFile(t, dir, "jail.conf", "[j]\nenabled = 1\nfilter = f\n[k]\nenabled = 1\nfilter = g\n[l]\nenabled = 1\nfilter = h\n[m]\nenabled = 1\nfilter = e\n")
	writeFile(t, dir, "filter.d/g.conf", strings.Repeat("\x00", 1<<10))
	writeFile(t, dir, "filter.d/h.conf", "[Definition]\nfailregex = \xff\n")
	if err := os.Mkdir(filepath.Join(dir, "filter.d/e.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := readTree(dir, Dump)
	if err != nil || len(r.Good) != 1 || len(r.Bad) != 3 {
		t.Errorf("good %v, bad %v, %v", r.Good, r.Bad, err)
	}
}

func TestReferencesThatMultiplyAreStopped(t *testing.T) {
	dir := hostileTree(t)
	var b strings.Builder
	b.WriteString("[j]\nx0 = " + strings.Repeat("y", 100) + "\n")
	for range 2 {
		for i := range 9 {
			ref := strings.Repeat("%(x"+string(rune('0'+i))+")s", 20)
			b.WriteString("x" + string(rune('1'+i)) + " = " + ref + "\n")
		}
		b.WriteString("ignoreip = %(x9)s\n")
		writeFile(t, dir, "jail.local", b.String())
		r, err := readTree(dir, Dump)
		if err != nil || len(r.Bad) != 1 {
			t.Errorf("bad %v, %v", r.Bad, err)
		}
		b.Reset()
		b.WriteString("[j]\nx0 =\n")
	}
}

func TestTagsThatMultiplyAreStopped(t *testing.T) {
	dir := hostileTree(t)
	var b strings.Builder
	b.WriteString("[Definition]\nactionban = <x0>\n[Init]\n")
	for i := range 20 {
		next := "<x" + string(rune('a'+i+1)) + ">"
		b.WriteString("x" + string(rune('a'+i)) + " = " + strings.Repeat(next, 10) + "\n")
	}
	b.WriteString("xu = y\nx0 = <xa>\n")
	writeFile(t, dir, "action.d/a.conf", b.String())
	writeFile(t, dir, "jail.local", "[j]\naction = a\n")
	r, err := readTree(dir, Dump)
	if err != nil || len(r.Bad) != 1 {
		t.Errorf("bad %v, %v", r.Bad, err)
	}
}
