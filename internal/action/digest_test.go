package action

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/testenv"
)

var update = flag.Bool("update", false, "write what the tests find into the files that they compare with")

// digestsOf reads the native actions of an unpacked Fail2ban.
func digestsOf(t *testing.T, root string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "etc/fail2ban/action.d"), filepath.Join(dir, "action.d")); err != nil {
		t.Fatal(err)
	}
	jails := ""
	for i, name := range slices.Sorted(maps.Keys(nftKinds)) {
		jails += fmt.Sprintf("[j%d]\nenabled = true\nfilter =\nbackend = polling\nlogpath = /dev/null\naction = %s[name=x, port=1]\n", i, name)
	}
	for name, text := range map[string]string{"fail2ban.conf": "[Definition]\n", "jail.conf": jails} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := config.Load(config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	result, err := tree.Stream("", config.Start)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range result.Stream {
		if c.Action != nil {
			out[c.Action.Digest] = c.Action.Name
		}
	}
	// In some versions nftables and nftables-multiport are the same.
	if len(out) < len(nftKinds)-1 {
		t.Fatalf("%s has %v", root, out)
	}
	return out
}

// With -update and the folders of unpacked packages in STOCKADE_DIGESTS,
// separated by colons, the list is made anew.
func TestStockActionsAreKnownByTheirDigests(t *testing.T) {
	if *update {
		lines := map[string]bool{}
		for _, root := range filepath.SplitList(os.Getenv("STOCKADE_DIGESTS")) {
			for digest, name := range digestsOf(t, root) {
				lines[digest+" "+name+"\n"] = true
			}
		}
		text := "# made by scripts/action-digests\n" + strings.Join(slices.Sorted(maps.Keys(lines)), "")
		if err := os.WriteFile("digests.txt", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, root := range []string{testenv.Reference(t), testenv.Reference102(t)} {
		for digest, name := range digestsOf(t, root) {
			kind, why := Native(&Source{Name: "whatever", Digest: digest})
			if nftKinds[kind] != nftKinds[name] || !strings.Contains(why, "stock action "+kind) {
				t.Errorf("%s of %s is %q: %s", name, root, kind, why)
			}
		}
	}
}
