package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/cli"
	"stockade/internal/testenv"
	"stockade/library"
)

var programs = []string{"stockade", "fail2ban-client", "fail2ban-server", "fail2ban-regex"}

// TestMain makes the test binary one of the programs where it is started by
// their names.
func TestMain(m *testing.M) {
	if slices.Contains(programs, filepath.Base(os.Args[0])) {
		release, _ := os.ReadFile("/etc/os-release")
		files := library.For(library.System(runtime.GOOS, string(release)))
		os.Exit(cli.Main(cli.OS(files, library.Samples())))
	}
	os.Exit(m.Run())
}

// install puts the programs into a directory.
func install(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(bin, programs[0]), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs[1:] {
		if err := os.Symlink(programs[0], filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// step is one thing that a page tells to do, and what it is to print.
type step struct {
	where    string
	command  string
	expected []string
}

// steps are what the blocks of a page tell to do.
func steps(b block) []step {
	switch {
	case b.norun() != "":
		return nil
	case b.kind == "sh":
		return []step{{where: b.at(), command: strings.Join(b.lines, "\n")}}
	case b.kind == "console":
		return dialogue(b)
	case b.kind == "ini" && b.file() != "":
		return []step{
			{where: b.at(), command: write("/etc/fail2ban/"+b.file(), b.lines)},
			{where: b.at() + " (stockade check)", command: "stockade check"},
		}
	case b.kind == "ini":
		// Without a name it is part of jail.local, perhaps of the jail before.
		lines := b.lines
		if !strings.HasPrefix(strings.TrimSpace(strings.Join(lines, "\n")), "[") {
			lines = append([]string{"[DEFAULT]"}, lines...)
		}
		return steps(block{page: b.page, line: b.line, kind: "ini", words: []string{"jail.local"}, lines: lines})
	case b.kind == "text" && b.file() != "":
		return []step{{where: b.at(), command: write(b.file(), b.lines)}}
	}
	return nil
}

// write is a command that writes a file.
func write(file string, lines []string) string {
	return fmt.Sprintf("mkdir -p \"$(dirname '%[1]s')\" && cat >'%[1]s' <<'END_OF_FILE'\n%[2]s\nEND_OF_FILE", file, strings.Join(lines, "\n"))
}

// dialogue takes a block of commands behind "$ " and what they print apart.
func dialogue(b block) []step {
	var found []step
	continued := false
	for i, line := range b.lines {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case continued:
			found[len(found)-1].command += "\n" + line
			command = line
		case isCommand:
			found = append(found, step{where: fmt.Sprintf("%s:%d", b.page, b.line+1+i), command: command})
		case len(found) > 0:
			s := &found[len(found)-1]
			s.expected = append(s.expected, line)
		}
		continued = (isCommand || continued) && strings.HasSuffix(command, `\`)
	}
	return found
}

// TestPagesDoWhatTheySay goes through each page on a machine of its own, from
// its first command to its last.
func TestPagesDoWhatTheySay(t *testing.T) {
	testenv.Root(t)
	testenv.Need(t, "unshare", "mount", "ip", "nft", "sshd", "ssh-keygen", "sqlite3", "python3")
	if out, err := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		testenv.Skip(t, "no namespaces can be made here: "+strings.TrimSpace(string(out)))
	}
	bin := install(t)
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			var todo []step
			for _, b := range blocks(t, page) {
				if program := b.needs(); program != "" {
					if _, ok := testenv.Look(program); !ok {
						t.Logf("%s is left out: there is no %s", b.at(), program)
						continue
					}
				}
				todo = append(todo, steps(b)...)
			}
			if len(todo) == 0 {
				t.Log("nothing in it can be run")
				return
			}
			follow(t, bin, strings.TrimSuffix(filepath.Base(page), ".md"), todo)
		})
	}
}

// follow does all steps in one shell on one machine, and compares.
func follow(t *testing.T, bin, name string, todo []step) {
	t.Helper()
	dir := t.TempDir()
	var script strings.Builder
	machine, err := filepath.Abs("testdata/machine.sh")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&script, ". %s\n", machine)
	if own := filepath.Join(filepath.Dir(machine), name+".sh"); exists(own) {
		fmt.Fprintf(&script, ". %s\n", own)
	}
	for i, s := range todo {
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, []byte(s.command+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&script, ". %[1]s >%[1]s.out 2>&1 </dev/null; echo $? >%[1]s.status\n", file)
	}
	main := filepath.Join(dir, "main")
	if err := os.WriteFile(main, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", main)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin", "HOME=/root", "LC_ALL=C.UTF-8", "TZ=UTC", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if len(bytes.TrimSpace(out)) > 0 || err != nil {
		t.Logf("the machine: %v\n%s", err, out)
	}
	for i, s := range todo {
		if !judge(t, s, filepath.Join(dir, fmt.Sprint(i))) {
			return
		}
	}
}

// judge compares what a step did with what it was to do. It tells whether
// those behind it mean anything.
func judge(t *testing.T, s step, file string) bool {
	t.Helper()
	status, err := os.ReadFile(file + ".status")
	if err != nil {
		t.Errorf("%s was not reached: %s", s.where, s.command)
		return false
	}
	out, err := os.ReadFile(file + ".out")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(status)); got != "0" {
		t.Errorf("%s: status %s of: %s\n%s", s.where, got, s.command, out)
	}
	printed := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	expected := strings.Split(strings.TrimRight(strings.Join(s.expected, "\n"), "\n"), "\n")
	if len(s.expected) > 0 && !like(printed, expected) {
		t.Errorf("%s: %s\nprinted:\n%s\nthe page says:\n%s", s.where, s.command, out, strings.Join(expected, "\n"))
	}
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
