// Package host knows what is on a machine: which programs run and listen,
// which packages are installed, which distribution it is.
//
// It owns the reading of /proc and of the package databases. It promises to
// change nothing and to run no program; what cannot be read is taken as not
// there, so without root it sees less.
package host

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Facts are what was found on a machine.
type Facts struct {
	// System is the distribution's own name for itself, "" if it has none.
	System string
	// Packages are the names of the installed packages.
	Packages map[string]bool
	// Programs are those that run, by name.
	Programs map[string]*Program
}

// Program is a program that runs, in one process or several.
type Program struct {
	// Ports are the TCP and UDP ports that it listens on, in order.
	Ports []Port
}

// Port is a port with its protocol, "tcp" or "udp".
type Port struct {
	Proto  string
	Number uint16
}

// Look finds the facts of the machine whose root directory is given, usually
// os.DirFS("/").
func Look(root fs.FS) *Facts {
	f := &Facts{Packages: map[string]bool{}, Programs: map[string]*Program{}}
	f.System = systemName(root)
	for _, read := range []func(fs.FS, map[string]bool){debian, alpine, arch, redhat} {
		read(root, f.Packages)
	}
	f.Programs = programs(root)
	return f
}

func systemName(root fs.FS) string {
	text, err := fs.ReadFile(root, "etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// maxDatabase bounds a package database, those of large machines have some
// megabytes.
const maxDatabase = 256 << 20

// eachLine calls f with the lines of a file, if there is one.
func eachLine(root fs.FS, name string, f func(line string)) {
	file, err := root.Open(name)
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxDatabase))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f(lines.Text())
	}
}

// debian reads dpkg's database, see dpkg-query(1).
func debian(root fs.FS, to map[string]bool) {
	name := ""
	eachLine(root, "var/lib/dpkg/status", func(line string) {
		if value, ok := strings.CutPrefix(line, "Package: "); ok {
			name = value
		}
		if strings.HasPrefix(line, "Status: ") && strings.HasSuffix(line, " installed") && name != "" {
			to[name] = true
		}
	})
}

// alpine reads apk's database, in which P: begins a package's name.
func alpine(root fs.FS, to map[string]bool) {
	for _, file := range []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"} {
		eachLine(root, file, func(line string) {
			if value, ok := strings.CutPrefix(line, "P:"); ok {
				to[value] = true
			}
		})
	}
}

// arch reads the directories of pacman's database, NAME-VERSION-RELEASE.
func arch(root fs.FS, to map[string]bool) {
	entries, err := fs.ReadDir(root, "var/lib/pacman/local")
	if err != nil {
		return
	}
	for _, e := range entries {
		parts := strings.Split(e.Name(), "-")
		if e.IsDir() && len(parts) > 2 {
			to[strings.Join(parts[:len(parts)-2], "-")] = true
		}
	}
}

// redhat knows packages by what they install, since rpm's database is of a
// form of its own: each package has a directory of documents or licences.
func redhat(root fs.FS, to map[string]bool) {
	if _, err := fs.Stat(root, "usr/lib/sysimage/rpm"); err != nil {
		if _, err := fs.Stat(root, "var/lib/rpm"); err != nil {
			return
		}
	}
	for _, dir := range []string{"usr/share/licenses", "usr/share/doc"} {
		entries, err := fs.ReadDir(root, dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.IsDir() {
				to[e.Name()] = true
			}
		}
	}
}

// programs reads which programs run, and what they listen on.
func programs(root fs.FS) map[string]*Program {
	found := map[string]*Program{}
	sockets := listening(root)
	entries, err := fs.ReadDir(root, "proc")
	if err != nil {
		return found
	}
	for _, e := range entries {
		if !isNumber(e.Name()) {
			continue
		}
		dir := "proc/" + e.Name()
		comm, err := fs.ReadFile(root, dir+"/comm")
		if err != nil {
			continue
		}
		name := string(bytes.TrimSuffix(comm, []byte("\n")))
		p := found[name]
		if p == nil {
			p = &Program{}
			found[name] = p
		}
		p.addPorts(root, dir+"/fd", sockets)
	}
	for _, p := range found {
		slices.SortFunc(p.Ports, func(a, b Port) int {
			if a.Number != b.Number {
				return int(a.Number) - int(b.Number)
			}
			return strings.Compare(a.Proto, b.Proto)
		})
	}
	return found
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// addPorts adds what the sockets among a process's open files listen on.
func (p *Program) addPorts(root fs.FS, dir string, sockets map[string]Port) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		target, err := fs.ReadLink(root, dir+"/"+e.Name())
		if err != nil {
			continue
		}
		inode := strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")
		if port, ok := sockets[inode]; ok && !slices.Contains(p.Ports, port) {
			p.Ports = append(p.Ports, port)
		}
	}
}
