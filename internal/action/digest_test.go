package action

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/config"
	"stockade/internal/testenv"
	own "stockade/library"
)

var update = flag.Bool("update", false, "write what the tests find into the files that they compare with")

// digestsOf reads the actions of an unpacked Fail2ban: digest by name.
func digestsOf(t *testing.T, root string) map[string]string {
	t.Helper()
	dir := filepath.Join(root, "etc/fail2ban")
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "action.d/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name, isShell := strings.CutSuffix(filepath.Base(file), ".conf")
		switch {
		case strings.HasSuffix(name, "-common") && isShell:
		case isShell:
			src, err := config.DescribeAction(config.Options{Dir: dir}, name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = src.Digest
		case strings.HasSuffix(name, ".py"):
			out[name] = config.FileDigest(file)
		}
	}
	if len(out) < 50 {
		t.Fatalf("%s has only %d actions", root, len(out))
	}
	return out
}

// With -update and the folders of unpacked packages in STOCKADE_DIGESTS,
// separated by colons, the list is made anew.
func TestStockActionsAreKnownByTheirDigests(t *testing.T) {
	if *update {
		names := map[string][]string{}
		for _, root := range filepath.SplitList(os.Getenv("STOCKADE_DIGESTS")) {
			for name, digest := range digestsOf(t, root) {
				if !slices.Contains(names[digest], name) {
					names[digest] = append(names[digest], name)
				}
			}
		}
		var lines []string
		for digest, list := range names {
			slices.Sort(list)
			lines = append(lines, digest+" "+strings.Join(list, " ")+"\n")
		}
		slices.Sort(lines)
		text := "# made by scripts/action-digests\n" + strings.Join(lines, "")
		if err := os.WriteFile("digests.txt", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, root := range []string{testenv.Reference(t), testenv.Reference102(t)} {
		for name, digest := range digestsOf(t, root) {
			if names, _ := knownNames(digest); !slices.Contains(names, name) {
				t.Errorf("%s of %s is not known", name, root)
			}
			kind, why := Native(&Source{Name: "whatever", Digest: digest})
			if hasForm(name) && (kind == "" || !strings.Contains(why, "stock action "+kind)) {
				t.Errorf("%s of %s is %q: %s", name, root, kind, why)
			}
		}
	}
}

// With -update, what is new in the library is added to the list.
func TestOurActionsAreKnownByTheirDigests(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, own.Files()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "action.d/*.conf"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	digests := map[string]string{smtpKind: config.FileDigest(filepath.Join(dir, "action.d", smtpKind))}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		if !hasForm(name) {
			continue
		}
		src, err := config.DescribeAction(config.Options{Dir: dir}, name)
		if err != nil {
			t.Fatal(err)
		}
		digests[name] = src.Digest
	}
	lines := slices.Collect(strings.Lines(ownDigestsText))
	for name, digest := range digests {
		names, whose := knownNames(digest)
		switch {
		case slices.Contains(names, name) && whose == "Stockade's own":
		case *update:
			lines = append(lines, digest+" "+name+"\n")
		default:
			t.Errorf("%s is not known by its digest: run this test with -update", name)
		}
	}
	if *update {
		slices.Sort(lines)
		if err := os.WriteFile("digests-own.txt", []byte(strings.Join(slices.Compact(lines), "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
