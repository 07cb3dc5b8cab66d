package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// export writes the library into a directory as configuration files.
type export struct {
	dir string
	// force replaces files that somebody changed, too.
	force bool
	// sums are the digests of what was written before, by path; a file that
	// still has its digest was not touched and may be replaced, and one that is
	// gone was deleted on purpose. Nil where nothing is remembered.
	sums map[string]string

	written, removed int
	kept             []string
}

// exportLibrary writes all files. One that is there and was changed is kept,
// unless it is asked for by force. With a file of sums it is remembered what
// was written, and the next time untouched files are replaced.
func (s *stockade) exportLibrary(files fs.FS, dir, sums string, force bool) int {
	x := &export{dir: dir, force: force}
	err := x.remember(sums)
	if err == nil {
		err = x.run(files)
	}
	if err == nil && sums != "" {
		err = x.note(sums)
	}
	if err != nil {
		s.complain("cannot write the library: %v", err)
		return wentWrong
	}
	for _, name := range x.kept {
		s.complain("%s differs and is kept; --force replaces it", filepath.Join(dir, name))
	}
	s.printf("%d files written to %s", x.written, dir)
	if x.removed > 0 {
		s.printf(", %d removed", x.removed)
	}
	if len(x.kept) > 0 {
		s.printf(", %d kept", len(x.kept))
	}
	s.printf("\n")
	return 0
}

func (x *export) run(files fs.FS) error {
	now := map[string]bool{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(x.path(name), 0o755)
		}
		now[name] = true
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return x.file(name, text)
	})
	if err != nil {
		return err
	}
	return x.dropOld(now)
}

func (x *export) path(name string) string { return filepath.Join(x.dir, filepath.FromSlash(name)) }

// file writes one file, if nothing of the user's is lost by that.
func (x *export) file(name string, text []byte) error {
	there, err := os.ReadFile(x.path(name))
	before, known := x.sums[name]
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if known && !x.force {
			return nil
		}
	case err != nil:
		return err
	case bytes.Equal(there, text):
		x.wrote(name, text)
		return nil
	case !x.force && (!known || digest(there) != before):
		x.kept = append(x.kept, name)
		return nil
	}
	x.written++
	x.wrote(name, text)
	return replaceFile(x.path(name), text, exportMode(text))
}

func (x *export) wrote(name string, text []byte) {
	if x.sums != nil {
		x.sums[name] = digest(text)
	}
}

// dropOld removes what an earlier library had, where it was not touched.
func (x *export) dropOld(now map[string]bool) error {
	for name, before := range x.sums {
		if now[name] {
			continue
		}
		delete(x.sums, name)
		there, err := os.ReadFile(x.path(name))
		if err != nil || digest(there) != before {
			continue
		}
		if err := os.Remove(x.path(name)); err != nil {
			return err
		}
		x.removed++
	}
	return nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// remember reads the digests of the last time, in the form of sha256sum.
func (x *export) remember(sums string) error {
	if sums == "" {
		return nil
	}
	x.sums = map[string]string{}
	text, err := os.ReadFile(sums)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || !filepath.IsLocal(name) {
			return fmt.Errorf("%s: this is no line of sha256sum: %q", sums, line)
		}
		x.sums[name] = sum
	}
	return nil
}

// note writes the digests for the next time.
func (x *export) note(sums string) error {
	var b strings.Builder
	names := make([]string, 0, len(x.sums))
	for name := range x.sums {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", x.sums[name], name)
	}
	if err := os.MkdirAll(filepath.Dir(sums), 0o755); err != nil {
		return err
	}
	return replaceFile(sums, []byte(b.String()), 0o644)
}

// exportMode makes what is a program one that can be run.
func exportMode(text []byte) fs.FileMode {
	if bytes.HasPrefix(text, []byte("#!")) {
		return 0o755
	}
	return 0o644
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".stockade-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(tmp.Name(), path)
}
