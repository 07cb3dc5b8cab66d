package packaging_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// readmeCommands are the commands that the README calls two: the first of each
// of the first two blocks of that section.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Module(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Two commands to a protected machine\n")
	if !ok {
		t.Fatal("the README has no such section any more")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for i, block := range strings.Split(section, "```") {
		// Every other part is a block; its first line says of what kind.
		kind, body, _ := strings.Cut(block, "\n")
		if i%2 == 0 || len(commands) == 2 {
			continue
		}
		line, _, _ := strings.Cut(body, "\n")
		if strings.HasPrefix(kind, "console") {
			line = strings.TrimPrefix(line, "$ ")
		}
		commands = append(commands, line)
	}
	if len(commands) != 2 || !strings.HasPrefix(commands[0], "apt install ") || !strings.HasPrefix(commands[1], "stockade ") {
		t.Fatalf("the commands are %q", commands)
	}
	return commands
}

// TestReadmesTwoCommandsKeepAnAttackerOut is the way of a reader who knows
// nothing of us: a fresh machine, the two commands as they stand there, and an
// attack by real clients on a real sshd.
func TestReadmesTwoCommandsKeepAnAttackerOut(t *testing.T) {
	full(t)
	testenv.Need(t, "ssh-keyscan", "sshpass")
	commands := readmeCommands(t)
	m := newMachine(t)
	deb, err := os.ReadFile(packageFile(t, "amd64.deb"))
	if err != nil {
		t.Fatal(err)
	}
	m.file("root/"+filepath.Base(packageFile(t, "amd64.deb")), string(deb))
	m.boot()
	n := m.attacker()
	m.until("sshd can be reached", func() bool { return reaches(n) })

	begun := time.Now()
	for _, command := range commands {
		out := m.sh("cd /root; " + command + " </dev/null")
		t.Logf("$ %s\n%s", command, out)
	}
	protected := time.Since(begun)
	m.attack(n)
	t.Logf("the two commands took %.1f s, and %.1f s later the attacker was kept out", protected.Seconds(), (time.Since(begun) - protected).Seconds())
}
