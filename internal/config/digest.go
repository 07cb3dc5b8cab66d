package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"stockade/internal/ini"
)

// source describes where an action comes from.
func (d *definition) source() *ActionSource {
	s := &ActionSource{Name: d.name}
	for _, f := range d.set.files {
		s.Files = append(s.Files, f.shown())
	}
	s.Digest, s.Library, s.Changed = d.set.digest()
	return s
}

// rewritten is the source of an action of which the jail replaced a command by
// a parameter: it is the user's own, whatever its files say.
func (s *ActionSource) rewritten(params []Param, at Origin) *ActionSource {
	for _, p := range params {
		if kind, known := actionKind.option(p.Name); known && kind == textOption || strings.HasPrefix(p.Name, "_") {
			s.Digest, s.Library, s.Changed = "", false, at
		}
	}
	return s
}

// digest is the identity of a merged definition before parameters: SHA-256
// over the sorted options of all its sections but [INCLUDES]. library says that
// all of them are the library's. changed is a place in a .local file or a .d
// folder, where users write; parameters that they set there count as little as
// those that a jail passes.
func (s *fileSet) digest() (sum string, library bool, changed Origin) {
	if s.sum != "" {
		return s.sum, s.library, s.changed
	}
	s.library = true
	h := sha256.New()
	names := append([]string{ini.DefaultSection}, s.order...)
	sort.Strings(names)
	for _, name := range names {
		section := s.sections[name]
		if name == ini.DefaultSection {
			section = s.defaults
		}
		if section == nil || name == "INCLUDES" {
			continue
		}
		opts := append([]string(nil), section.order...)
		sort.Strings(opts)
		for _, o := range opts {
			v := section.opts[o]
			for name == "Init" && v != nil && s.usersOwn(v) {
				v = v.prev
			}
			if v == nil {
				continue
			}
			fmt.Fprintf(h, "%s\x00%s\x00%s\x00", name, o, v.text)
			s.library = s.library && v.file.library
			if s.usersOwn(v) {
				s.changed = v.origin()
			}
		}
	}
	s.sum = hex.EncodeToString(h.Sum(nil))
	return s.sum, s.library, s.changed
}

// usersOwn tells whether a value stands where users write.
func (s *fileSet) usersOwn(v *value) bool {
	return strings.HasSuffix(v.file.path, ".local") || strings.Contains(v.file.path, filepath.Base(s.name)+".d/")
}

// FileDigest is the SHA-256 (hex) of a file as it is on disk, by which a stock
// Python action is known; "" where there is none.
func FileDigest(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// DescribeAction tells from which files a shell action is put together, and its
// digest.
func DescribeAction(opts Options, name string) (*ActionSource, error) {
	t, err := open(opts)
	if err != nil {
		return nil, err
	}
	d := &definition{kind: actionKind, name: name, set: t.definitionSet(actionKind, name)}
	if len(d.set.files) == 0 {
		return nil, t.missing(actionKind, name, "")
	}
	if err := d.usable(); err != nil {
		return nil, err
	}
	return d.source(), nil
}
