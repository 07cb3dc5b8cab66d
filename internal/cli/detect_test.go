package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/host"
	"stockade/library"
)

// detected runs the search for jails on a machine with these facts.
func detected(t *testing.T, local string, facts *host.Facts) (fit []*proposal, blind []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "jail.local"), []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &stockade{env: Env{Library: library.Files(), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}}
	tree, err := config.Load(config.Options{Dir: dir, Library: s.env.Library})
	if err != nil {
		t.Fatal(err)
	}
	return s.proposals(tree, dir, facts)
}

func TestJailsAreProposedForWhatRunsOrIsInstalled(t *testing.T) {
	logs := t.TempDir()
	auth := filepath.Join(logs, "auth.log")
	if err := os.WriteFile(auth, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	local := "[sshd]\nlogpath = " + auth + "\n[dropbear]\nenabled = true\nfilter = sshd\nlogpath = " + auth +
		"\n[vsftpd]\nfilter = sshd\nlogpath = " + logs + "/none.log\n"
	fit, blind := detected(t, local, &host.Facts{
		Packages: map[string]bool{"dropbear-bin": true, "vsftpd": true},
		Programs: map[string]*host.Program{"sshd": {Ports: []host.Port{{Proto: "tcp", Number: 22}}}, "cron": {}},
	})
	var got []string
	for _, p := range fit {
		line := p.Jail + ": " + p.Why
		if p.On {
			line += ", on"
		}
		got = append(got, line)
	}
	want := []string{"sshd: OpenSSH listens on 22/tcp", "dropbear: Dropbear is installed, on"}
	if !slices.Equal(got, want) {
		t.Errorf("proposed %q, want %q", got, want)
	}
	if len(blind) != 1 || !strings.Contains(blind[0], "vsftpd watches nothing yet: there is no "+logs+"/none.log") {
		t.Errorf("left out: %q", blind)
	}
}
