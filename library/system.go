package library

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"time"
)

// systems are the systems that have a file of paths, by the names that
// os-release gives them and their relatives. The first is the one that
// jail.conf names in the repository.
var systems = []struct {
	paths string
	ids   []string
}{
	{"debian", []string{"debian", "ubuntu", "raspbian", "linuxmint"}},
	{"fedora", []string{"fedora", "rhel", "centos", "almalinux", "rocky", "amzn", "ol"}},
	{"opensuse", []string{"opensuse", "suse", "sles", "opensuse-leap", "opensuse-tumbleweed"}},
	{"arch", []string{"arch", "archlinux", "manjaro"}},
	{"alpine", []string{"alpine", "postmarketos"}},
	{"freebsd", []string{"freebsd"}},
	{"osx", []string{"darwin"}},
}

// System tells which file of paths fits a machine: the NAME of
// paths-NAME.conf. It is given runtime.GOOS and the text of /etc/os-release
// (see os-release(5)), which may be empty; what it does not know is treated
// like Debian.
func System(goos, osRelease string) string {
	names := []string{goos}
	if goos == "linux" {
		names = append(idsOf(osRelease, "ID"), idsOf(osRelease, "ID_LIKE")...)
	}
	for _, name := range names {
		for _, s := range systems {
			for _, id := range s.ids {
				if id == name {
					return s.paths
				}
			}
		}
	}
	return systems[0].paths
}

func idsOf(osRelease, key string) []string {
	for line := range strings.Lines(osRelease) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			return strings.Fields(strings.ToLower(strings.Trim(value, `"'`)))
		}
	}
	return nil
}

// For is the configuration for a system that System named: its jail.conf
// includes that system's paths.
func For(system string) fs.FS {
	if system == systems[0].paths {
		return files
	}
	text, err := files.ReadFile("jail.conf")
	if err != nil {
		// It is embedded above.
		panic(err)
	}
	before, after := includes(systems[0].paths), includes(system)
	return fitted{files, bytes.Replace(text, []byte(before), []byte(after), 1)}
}

// includes is the line by which jail.conf takes in a system's paths.
func includes(system string) string { return "\nbefore = paths-" + system + ".conf\n" }

// fitted is the configuration with another jail.conf.
type fitted struct {
	fs.FS
	jail []byte
}

func (f fitted) Open(name string) (fs.File, error) {
	if name != "jail.conf" {
		return f.FS.Open(name)
	}
	return &jailFile{bytes.NewReader(f.jail), int64(len(f.jail))}, nil
}

// jailFile is the changed file, opened.
type jailFile struct {
	io.Reader
	size int64
}

func (f *jailFile) Stat() (fs.FileInfo, error) { return f, nil }
func (*jailFile) Close() error                 { return nil }

func (*jailFile) Name() string       { return "jail.conf" }
func (f *jailFile) Size() int64      { return f.size }
func (*jailFile) Mode() fs.FileMode  { return 0o444 }
func (*jailFile) ModTime() time.Time { return time.Time{} }
func (*jailFile) IsDir() bool        { return false }
func (*jailFile) Sys() any           { return nil }
