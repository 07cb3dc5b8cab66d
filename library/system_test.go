package library_test

import (
	"io/fs"
	"strings"
	"testing"

	"stockade/library"
)

func TestSystemIsKnownByItsNameOrItsRelatives(t *testing.T) {
	for _, tc := range []struct{ goos, release, want string }{
		{"linux", "ID=debian\n", "debian"},
		{"linux", "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "debian"},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "fedora"},
		{"linux", "ID=\"nobara\"\nID_LIKE='rhel centos fedora'\n", "fedora"},
		{"linux", "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", "opensuse"},
		{"linux", "ID=endeavouros\nID_LIKE=arch\n", "arch"},
		{"linux", "NAME=\"Alpine Linux\"\nID=alpine\n", "alpine"},
		{"linux", "ID=slackware\n", "debian"},
		{"linux", "", "debian"},
		{"freebsd", "ID=debian\n", "freebsd"},
		{"darwin", "", "osx"},
	} {
		if got := library.System(tc.goos, tc.release); got != tc.want {
			t.Errorf("%s with %q: %s, want %s", tc.goos, tc.release, got, tc.want)
		}
	}
}

func TestEachSystemGetsItsOwnPaths(t *testing.T) {
	all, err := fs.Glob(library.Files(), "paths-*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		system := strings.TrimSuffix(strings.TrimPrefix(file, "paths-"), ".conf")
		if system == "common" {
			continue
		}
		files := library.For(system)
		text, err := fs.ReadFile(files, "jail.conf")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\nbefore = paths-"+system+".conf\n") || strings.Count(string(text), "paths-") != 1 {
			t.Errorf("%s: jail.conf includes other paths", system)
		}
		info, err := fs.Stat(files, "jail.conf")
		if err != nil || info.Size() != int64(len(text)) {
			t.Errorf("%s: %v, %v", system, info, err)
		}
	}
}

func TestServicesNameJailsThatThereAre(t *testing.T) {
	text, err := fs.ReadFile(library.Files(), "jail.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range library.Services() {
		if len(s.Programs)+len(s.Packages) == 0 || len(s.Jails) == 0 {
			t.Errorf("%s cannot be recognised, or has no jail", s.Name)
		}
		for _, jail := range s.Jails {
			if !strings.Contains(string(text), "\n["+jail+"]\n") {
				t.Errorf("%s: there is no jail %s", s.Name, jail)
			}
		}
	}
}
