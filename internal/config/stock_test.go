package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// stockTrees are the distribution trees that are compared: the reference's own
// files and those of the older release, both read as the reference reads them.
func stockTrees(t *testing.T) map[string]string {
	trees := map[string]string{"1.1.1": filepath.Join(testenv.Reference(t), "etc/fail2ban")}
	t.Run("older release", func(t *testing.T) {
		trees["1.0.2"] = filepath.Join(testenv.Reference102(t), "etc/fail2ban")
	})
	return trees
}

// copyTree copies a configuration tree so that a test can add to it.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// dump gives our lines for a tree.
func dump(t testing.TB, dir string, library fs.FS) []string {
	t.Helper()
	tree, err := Load(Options{Dir: dir, Library: library})
	if err != nil {
		t.Fatal(err)
	}
	r, err := tree.Stream("", Dump)
	if err != nil {
		t.Fatal(err)
	}
	return Lines(r.Stream)
}

// sameStream compares both dumps of a tree and counts the lines.
func sameStream(t *testing.T, ref *referenceClient, dir string) int {
	t.Helper()
	want, a := ref.stream(dir)
	if a.Code != 0 {
		t.Fatalf("the reference fails: %s%s", a.Out, a.Err)
	}
	if i := strings.Index(a.Out, "'config-error'"); i >= 0 {
		t.Errorf("the comparison has a jail that is no good: %s", around(a.Out, i))
	}
	if d := diffLines(want, dump(t, dir, nil)); d != "" {
		t.Errorf("different streams:\n%s", d)
	}
	return len(want)
}

// jailNames lists the jails of a tree.
func jailNames(t *testing.T, dir string) []string {
	t.Helper()
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Jails()
}

func TestStockTreesGiveTheReferencesStream(t *testing.T) {
	ref := newReference(t)
	lines := 0
	for name, stock := range stockTrees(t) {
		for _, backend := range []string{"", "auto", "polling", "pyinotify", "systemd"} {
			t.Run(name+"/backend="+backend, func(t *testing.T) {
				dir := copyTree(t, stock)
				var local strings.Builder
				for _, jail := range jailNames(t, dir) {
					fmt.Fprintf(&local, "[%s]\nenabled = true\n", jail)
					if backend != "" {
						fmt.Fprintf(&local, "backend = %s\n", backend)
					}
				}
				writeFile(t, dir, "jail.local", local.String())
				lines += sameStream(t, ref, dir)
			})
		}
	}
	t.Logf("%d lines, none differs", lines)
}

func TestStockFiltersGiveTheReferencesStreamInEveryMode(t *testing.T) {
	ref := newReference(t)
	lines := 0
	for name, stock := range stockTrees(t) {
		t.Run(name, func(t *testing.T) {
			dir := copyTree(t, stock)
			names := definitionNames(t, dir, "filter.d")
			for len(names) > 0 {
				n := min(12, len(names))
				lines += sameFilters(t, ref, dir, names[:n])
				names = names[n:]
			}
		})
	}
	t.Logf("%d lines, none differs", lines)
}

// sameFilters compares jails with some filters in all their modes. Where the
// reference refuses all of them for the sake of one (some files are only there
// to be included), each is compared alone.
func sameFilters(t *testing.T, ref *referenceClient, dir string, filters []string) int {
	t.Helper()
	var local strings.Builder
	for _, filter := range filters {
		for _, mode := range filterModes(t, filepath.Join(dir, "filter.d", filter+".conf")) {
			for _, logtype := range []string{"", ",logtype=journal"} {
				fmt.Fprintf(&local, "[t-%s-%s%s]\nenabled = true\nfilter = %s[mode=%s%s]\naction =\n",
					filter, mode, strings.TrimPrefix(logtype, ",logtype="), filter, mode, logtype)
			}
		}
	}
	writeFile(t, dir, "jail.local", local.String())
	_, a := ref.stream(dir)
	r, err := readTree(dir, Dump)
	v, why := compareAnswer(a, r, err)
	switch {
	case v == refused && len(filters) > 1:
		lines := 0
		for _, filter := range filters {
			lines += sameFilters(t, ref, dir, []string{filter})
		}
		return lines
	case v != same && v != refused:
		t.Errorf("filters %v: %s", filters, why)
	}
	return strings.Count(a.Out, "\n")
}

// definitionNames lists the filters or actions of a tree.
func definitionNames(t *testing.T, dir, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, folder, "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".conf")
	}
	return files
}

// modeName finds what may be a mode in a filter: the tail of an option's name.
var modeName = regexp.MustCompile(`(?m)^[a-z_]+-([a-z]+)\s*=`)

// filterModes lists the modes that a filter's options are named after.
func filterModes(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	modes := []string{"normal", "aggressive"}
	for _, m := range modeName.FindAllStringSubmatch(string(text), -1) {
		if !contains(modes, m[1]) {
			modes = append(modes, m[1])
		}
	}
	return modes
}

func TestStockActionsGiveTheReferencesStreamByEveryShortcut(t *testing.T) {
	ref := newReference(t)
	lines := 0
	for name, stock := range stockTrees(t) {
		actions := definitionNames(t, stock, "action.d")
		for _, shortcut := range shortcuts(t, stock) {
			t.Run(name+"/"+shortcut, func(t *testing.T) {
				dir := copyTree(t, stock)
				var local strings.Builder
				local.WriteString("[DEFAULT]\nbanaction = nftables\naction_abuseipdb = abuseipdb\n" +
					"cfemail = a@b\ncfapikey = k\nblocklist_de_apikey = k\ndestemail = admin@example.org\n")
				for _, action := range actions {
					fmt.Fprintf(&local, "[t-%s]\nenabled = true\nfilter = sshd\nlogpath = /dev/null\nport = ssh,2222\nbanaction = %s\naction = %%(%s)s\n",
						action, action, shortcut)
				}
				writeFile(t, dir, "jail.local", local.String())
				lines += sameStream(t, ref, dir)
			})
		}
		t.Run(name+"/parameters", func(t *testing.T) {
			dir := copyTree(t, stock)
			var local strings.Builder
			for _, action := range actions {
				fmt.Fprintf(&local, "[t-%s]\nenabled = true\nfilter = sshd\nlogpath = /dev/null\naction = %s[name=other, port=\"80,443\", blocktype=DROP, norestored=1]\n"+
					"    %s[actname='second', protocol=udp, chain=FORWARD]\n", action, action, action)
			}
			writeFile(t, dir, "jail.local", local.String())
			lines += sameStream(t, ref, dir)
		})
	}
	t.Logf("%d lines, none differs", lines)
}

// shortcuts lists the options action_… that a tree offers.
func shortcuts(t *testing.T, dir string) []string {
	t.Helper()
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range tree.jails.defaults.order {
		if strings.HasPrefix(name, "action_") {
			names = append(names, name)
		}
	}
	if len(names) < 5 {
		t.Fatalf("only %d shortcuts found: %v", len(names), names)
	}
	return names
}

func TestPrettyDumpIsTheReferences(t *testing.T) {
	ref := newReference(t)
	dir := copyTree(t, filepath.Join(ref.dir, "etc/fail2ban"))
	var local strings.Builder
	for _, jail := range jailNames(t, dir) {
		fmt.Fprintf(&local, "[%s]\nenabled = true\n", jail)
	}
	writeFile(t, dir, "jail.local", local.String())
	a := ref.run("-c", dir, "--dp")
	r, err := readTree(dir, Dump)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(a.Out, "\n"), "\n")
	got := strings.Split(strings.Join(PrettyLines(r.Stream), "\n"), "\n")
	if d := diffLines(want, got); d != "" {
		t.Errorf("different lines:\n%s", d)
	}
	t.Logf("%d lines, none differs", len(want))
}
