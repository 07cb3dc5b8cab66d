package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// shellHome is a directory with the programs by their names and the
// completions, and a server with a ban in its two jails.
func shellHome(t *testing.T) (bin, dir string) {
	t.Helper()
	dir = scratch(t)
	s := ours()
	s.startServer(t, dir)
	if got := s.run(t, dir, "", "client", "-c", dir, "set", "two", "banip", "203.0.113.77", "2001:db8::77"); got.status != 0 {
		t.Fatalf("%+v", got)
	}
	bin = filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		if err := os.Symlink(exe, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, err := exec.Command(filepath.Join(bin, "stockade"), "completion", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, shell), string(out))
	}
	return bin, dir
}

// shellCases are command lines up to the cursor, and what must be among the
// completions; $D is the directory of the configuration.
var shellCases = []struct{ line, want string }{
	{"stockade sta", "status"},
	{"stockade library sh", "show"},
	{"stockade status --js", "--json"},
	{"stockade jail enable ss", "sshd"},
	{"fail2ban-client -c $D status tw", "two"},
	{"fail2ban-client -c $D set two unbanip 203", "203.0.113.77"},
	{"fail2ban-client -c $D set tw", "two"},
	{"fail2ban-client -c $D set two bant", "bantime"},
	{"fail2ban-client --ver", "--version"},
	{"fail2ban-server --asy", "--async"},
	{"fail2ban-regex --print-no-m", "--print-no-missed"},
	{"fail2ban-regex $D/fail2ban.co", "$D/fail2ban.conf"},
}

func eachShellCase(t *testing.T, dir string, found func(line string) []string) {
	for _, tc := range shellCases {
		line, want := strings.ReplaceAll(tc.line, "$D", dir), strings.ReplaceAll(tc.want, "$D", dir)
		if got := found(line); !slices.Contains(got, want) {
			t.Errorf("%s: %q, want %q among them", tc.line, got, want)
		}
	}
}

// shell runs a shell with the programs in its PATH.
func shell(t *testing.T, bin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+filepath.Dir(bin), "TERM=dumb")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

func TestShellsCompleteWordsJailsAndBans(t *testing.T) {
	testenv.Need(t, "bash", "zsh", "fish")
	bin, dir := shellHome(t)
	t.Run("bash", func(t *testing.T) {
		eachShellCase(t, dir, func(line string) []string {
			words := strings.Fields(line)
			script := "source " + filepath.Join(dir, "bash") + "; COMP_WORDS=(" + line + "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); COMP_LINE=$1; COMP_POINT=${#COMP_LINE}" +
				"; compopt() { :; }; _stockade " + words[0] + `; printf '%s\n' "${COMPREPLY[@]}"`
			return strings.Split(shell(t, bin, "bash", "--norc", "--noprofile", "-c", script, "x", line), "\n")
		})
	})
	t.Run("fish", func(t *testing.T) {
		eachShellCase(t, dir, func(line string) []string {
			var found []string
			for _, l := range strings.Split(shell(t, bin, "fish", "--no-config", "-c", "source "+filepath.Join(dir, "fish")+"; complete -C $argv[1]", line), "\n") {
				word, _, _ := strings.Cut(l, "\t")
				found = append(found, word)
			}
			return found
		})
	})
	t.Run("zsh", func(t *testing.T) {
		// Completion in zsh needs a terminal: a shell in another one's hands types
		// the line and a tab, and has echo show what that came to.
		const driver = `zmodload zsh/zpty
zpty -b w zsh -f -i
zpty -w w "PS1= PS2= ; stty -echo; bindkey -e; autoload -U compinit; compinit -u -D; source $1; unsetopt zle_bracketed_paste; setopt no_auto_menu no_list_beep; LISTMAX=0"
zpty -w w "echo rea''dy"
zpty -r w out '*ready*'
zpty -n -w w "$2"$'\t'
zpty -w w $'\x01'"echo "$'\x05'" ma''rk"
zpty -r w out '*mark*'
print -r -- "$out"`
		script := filepath.Join(dir, "driver.zsh")
		write(t, script, driver)
		for _, tc := range shellCases {
			line := strings.ReplaceAll(tc.line, "$D", dir)
			want := strings.ReplaceAll(tc.want, "$D", dir)
			got := shell(t, bin, "zsh", "-f", script, filepath.Join(dir, "zsh"), line)
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", tc.line, got, want)
			}
		}
	})
}

func TestCompletionOffersNothingThatCouldHurtAShell(t *testing.T) {
	for _, text := range []string{"$(reboot)", "`id`", "a b", "a;b", "*", "\x1b[2J", ""} {
		if plainWord.MatchString(text) {
			t.Errorf("%q would be offered", text)
		}
	}
}

func TestFollowWalksThroughACommandOfTheHelp(t *testing.T) {
	for _, tc := range []struct{ command, words, want string }{
		{"set <JAIL> banip <IP> ... <IP>", "set x banip", "<IP>"},
		{"set <JAIL> banip <IP> ... <IP>", "set x banip 1 2 3", "<IP>"},
		{"reload [--restart] [--unban] <JAIL>", "reload", "[--restart] [--unban] <JAIL>"},
		{"reload [--restart] [--unban] <JAIL>", "reload --unban", "<JAIL>"},
		{"set <JAIL> idle on|off", "set x idle", "on|off"},
		{"status", "set", "-"},
		{"status", "status", ""},
		{"status", "status x", "-"},
	} {
		next, fits := follow(strings.Fields(tc.command), strings.Fields(tc.words))
		got := strings.Join(next, " ")
		if !fits {
			got = "-"
		}
		if got != tc.want {
			t.Errorf("%s behind %s: %q, want %q", tc.command, tc.words, got, tc.want)
		}
	}
}
