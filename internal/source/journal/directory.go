package journal

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Flags of a Place, as sd_journal_open has them.
const (
	FlagLocalOnly   = 1
	FlagRuntimeOnly = 2
	FlagSystem      = 4
	FlagCurrentUser = 8
)

// Place says where journal files are looked for.
type Place struct {
	// Path is a directory, or Files are files and globs; else the system's
	// own directories are meant.
	Path  string
	Files []string
	// Flags choose among the system's files; -1 is the default.
	Flags     int
	Namespace string
	// Rotated includes files that are not written any more.
	Rotated bool
	// Root is put before the system's directories and the machine's identity;
	// tests have a system of their own.
	Root string
}

// dirs lists the directories that hold, or may come to hold, journal files,
// and their parents, in which they appear.
func (p *Place) dirs() (dirs, parents []string) {
	switch {
	case len(p.Files) > 0:
		for _, name := range p.Files {
			dirs = append(dirs, filepath.Dir(name))
		}
	case p.Path != "":
		dirs = append(dirs, p.Path)
		entries, _ := os.ReadDir(p.Path)
		for _, e := range entries {
			if e.IsDir() && isMachine(e.Name()) {
				dirs = append(dirs, filepath.Join(p.Path, e.Name()))
			}
		}
	default:
		for _, base := range []string{"/var/log/journal", "/run/log/journal"} {
			if p.flags()&FlagRuntimeOnly != 0 && strings.HasPrefix(base, "/var") {
				continue
			}
			base = filepath.Join(p.Root, base)
			parents = append(parents, base)
			entries, _ := os.ReadDir(base)
			for _, e := range entries {
				if p.wants(e.Name()) {
					dirs = append(dirs, filepath.Join(base, e.Name()))
				}
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), parents
}

// flags are those that are in force.
func (p *Place) flags() int {
	switch {
	case p.Flags >= 0:
		return p.Flags
	case p.Rotated:
		return FlagSystem
	}
	return FlagLocalOnly
}

// wants says whether a directory of the system is that of this machine (where
// only that is asked for) and of the namespace.
func (p *Place) wants(name string) bool {
	machine, namespace, _ := strings.Cut(name, ".")
	if !isMachine(machine) {
		return false
	}
	if namespace != p.Namespace && p.Namespace != "*" {
		return false
	}
	if p.flags()&FlagLocalOnly == 0 {
		return true
	}
	own, err := os.ReadFile(filepath.Join(p.Root, "/etc/machine-id"))
	return err != nil || strings.TrimSpace(string(own)) == machine
}

func isMachine(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	if len(name) != 32 {
		return false
	}
	return strings.Trim(name, "0123456789abcdef") == ""
}

// includes says whether a file of a directory is to be read: current files,
// and with rotated those that were archived too.
func (p *Place) includes(name string, rotated bool) bool {
	if !strings.HasSuffix(name, ".journal") && !strings.HasSuffix(name, ".journal~") {
		return false
	}
	if !rotated && (strings.Contains(name, "@") || strings.HasSuffix(name, "~")) {
		return false
	}
	if p.Path != "" || p.Flags < 0 && !p.Rotated {
		return true
	}
	flags := p.flags()
	if flags&(FlagSystem|FlagCurrentUser) == 0 {
		return true
	}
	return flags&FlagSystem != 0 && strings.HasPrefix(name, "system") ||
		flags&FlagCurrentUser != 0 && strings.HasPrefix(name, "user-")
}

// List gives the files that are there now, and the directories to be watched
// for more. With rotated, archived files are listed though the place does not
// ask for them.
func (p *Place) List(rotated bool) (files, watch []string) {
	dirs, parents := p.dirs()
	if len(p.Files) > 0 {
		for _, pattern := range p.Files {
			found, err := filepath.Glob(pattern)
			if err != nil || len(found) == 0 {
				found = []string{pattern}
			}
			files = append(files, found...)
		}
	} else {
		for _, dir := range dirs {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if p.includes(e.Name(), rotated || p.Rotated) {
					files = append(files, filepath.Join(dir, e.Name()))
				}
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files), append(dirs, parents...)
}
