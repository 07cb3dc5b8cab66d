package host_test

import (
	"io/fs"
	"net"
	"os"
	"reflect"
	"testing"
	"testing/fstest"

	"stockade/internal/host"
)

// machine is a tree whose links in /proc point where no file is.
func machine() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	return fstest.MapFS{
		"etc/os-release": file("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
		"var/lib/dpkg/status": file("Package: openssh-server\nStatus: install ok installed\n\n" +
			"Package: postfix\nStatus: deinstall ok config-files\n"),
		"lib/apk/db/installed":                       file("C:Q1\nP:nginx\nV:1.26\n"),
		"var/lib/pacman/local/dovecot-2.3.21-1/desc": file(""),
		"var/lib/pacman/local/ALPM_DB_VERSION":       file("9\n"),
		"usr/share/licenses/redis/COPYING":           file(""),
		"var/lib/rpm/Packages":                       file(""),
		"proc/net/tcp":                               file(head + "   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 501 1\n   1: 0100007F:0019 00000000:0000 0A 0:0 0:0 0 0 0 502 1\n   2: 00000000:0050 00000000:0000 01 0:0 0:0 0 0 0 503 1\n"),
		"proc/net/udp6":                              file(head + "   0: 00000000000000000000000000000000:0202 0:0 07 0:0 0:0 0 0 0 504 1\n"),
		"proc/net/tcp6":                              file(head + "   0: 00000000000000000000000001000000:0017 0:0 0A 0:0 0:0 0 0 0 505 1\n   garbage\n"),
		"proc/12/comm":                               file("sshd\n"),
		"proc/12/fd/3":                               link("socket:[501]"),
		"proc/12/fd/4":                               link("/dev/null"),
		"proc/13/comm":                               file("sshd\n"),
		"proc/13/fd/3":                               link("socket:[501]"),
		"proc/14/comm":                               file("master\n"),
		"proc/14/fd/1":                               link("socket:[502]"),
		"proc/14/fd/2":                               link("socket:[503]"),
		"proc/14/fd/3":                               link("socket:[504]"),
		"proc/14/fd/5":                               link("socket:[505]"),
		"proc/self/comm":                             file("me\n"),
	}
}

func TestFactsOfAMachine(t *testing.T) {
	got := host.Look(machine())
	want := &host.Facts{
		System:   "Debian GNU/Linux 12 (bookworm)",
		Packages: map[string]bool{"openssh-server": true, "nginx": true, "dovecot": true, "redis": true},
		Programs: map[string]*host.Program{
			"sshd":   {Ports: []host.Port{{Proto: "tcp", Number: 22}}},
			"master": {Ports: []host.Port{{Proto: "udp", Number: 514}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnEmptyMachineHasNoFacts(t *testing.T) {
	got := host.Look(fstest.MapFS{})
	if got.System != "" || len(got.Packages) != 0 || len(got.Programs) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestThisProcessIsSeenToListen(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		// The reading of /proc is for Linux.
		return
	}
	p := host.Look(os.DirFS("/")).Programs[string(comm[:len(comm)-1])]
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	if p == nil {
		t.Fatal("this program is not among those that run")
	}
	for _, have := range p.Ports {
		if have == (host.Port{Proto: "tcp", Number: port}) {
			return
		}
	}
	t.Errorf("listens on %v, not on %d", p.Ports, port)
}

func FuzzSockets(f *testing.F) {
	f.Add("   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 501 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := machine()
		m["proc/net/tcp"] = &fstest.MapFile{Data: []byte(text)}
		host.Look(m)
	})
}
