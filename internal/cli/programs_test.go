package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"stockade/internal/config"
)

func TestProgramsOfTheLibraryAreRunFromBesideTheSocket(t *testing.T) {
	dir := t.TempDir()
	conf, run := filepath.Join(dir, "etc"), filepath.Join(dir, "run")
	write(t, filepath.Join(conf, programsDir, "mine"), "#!/bin/sh\n")
	c := newClient(Env{Library: fstest.MapFS{
		programsDir + "/ask":  {Data: []byte("#!/bin/sh\nexit 0\n")},
		programsDir + "/mine": {Data: []byte("#!/bin/sh\nexit 1\n")},
		"jail.conf":           {Data: []byte("")},
	}}, false)
	c.opts = &options{conf: conf, socket: filepath.Join(run, "f.sock")}
	c.log = newLog(Env{Stdout: os.Stdout, Stderr: os.Stderr}, 1)
	at := filepath.Join(run, "library", programsDir, "ask")
	for _, tc := range []struct{ command, want string }{
		{conf + "/" + programsDir + "/ask <ip>", at + " <ip>"},
		{conf + "/" + programsDir + "/mine <ip>", conf + "/" + programsDir + "/mine <ip>"},
		{conf + "/" + programsDir + "/../../jail.conf <ip>", conf + "/" + programsDir + "/../../jail.conf <ip>"},
		{conf + "/jail.conf", conf + "/jail.conf"},
		{"/bin/true <ip>", "/bin/true <ip>"},
		{"", ""},
	} {
		stream := config.Stream{{Words: []any{"set", "x", "ignorecommand", tc.command}}}
		c.bringPrograms(stream)
		if got := stream[0].Words[3]; got != tc.want {
			t.Errorf("%q became %q, want %q", tc.command, got, tc.want)
		}
	}
	info, err := os.Stat(at)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Fatalf("%v, %v", info, err)
	}
	text, err := os.ReadFile(at)
	if err != nil || !strings.HasPrefix(string(text), "#!/bin/sh\nexit 0") {
		t.Errorf("%q, %v", text, err)
	}
}
