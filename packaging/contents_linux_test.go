package packaging_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stockade/internal/testenv"
	"stockade/library"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// entry is a file of a package, as the golden file lists it.
func entry(h *tar.Header) string {
	name := "/" + strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")
	switch h.Typeflag {
	case tar.TypeDir:
		return ""
	case tar.TypeSymlink:
		return fmt.Sprintf("%s -> %s", name, h.Linkname)
	}
	return fmt.Sprintf("%s %03o", name, fs.FileMode(h.Mode).Perm())
}

// listing are the files of a tar, without those of the library, of which one
// line says whether they are all there.
func listing(t *testing.T, r *tar.Reader) []string {
	t.Helper()
	var lines []string
	var configured []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		line := entry(h)
		if name, ok := strings.CutPrefix(line, "/etc/fail2ban/"); ok {
			configured = append(configured, strings.Fields(name)[0])
			continue
		}
		if line != "" && !strings.HasPrefix(line, "/usr/share/doc/stockade/") {
			lines = append(lines, line)
		}
	}
	if len(configured) > 0 {
		wantLibrary(t, configured)
		lines = append(lines, "/etc/fail2ban: the library")
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// wantLibrary checks that files are those of the library.
func wantLibrary(t *testing.T, files []string) {
	t.Helper()
	var want []string
	err := fs.WalkDir(library.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			want = append(want, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		if !slices.Contains(files, name) {
			t.Errorf("%s of the library is missing", name)
		}
	}
	for _, name := range files {
		if !slices.Contains(want, name) {
			t.Errorf("%s is not of the library", name)
		}
	}
}

// debFiles are the files of a .deb.
func debFiles(t *testing.T, path string) []string {
	t.Helper()
	testenv.Need(t, "dpkg-deb")
	out, err := exec.Command("dpkg-deb", "--fsys-tarfile", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return listing(t, tar.NewReader(bytes.NewReader(out)))
}

// rpmFiles are the files of an .rpm, once installed into a root of its own.
func rpmFiles(t *testing.T, path string) []string {
	t.Helper()
	testenv.Need(t, "rpm")
	root := t.TempDir()
	for _, args := range [][]string{{"--initdb"}, {"-i", "--nodeps", "--noscripts", "--ignorearch", path}} {
		if out, err := exec.Command("rpm", append([]string{"--root", root, "--dbpath", "/var/lib/rpm"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("rpm %v: %v\n%s", args, err, out)
		}
	}
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, root+"/var/") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link, _ := os.Readlink(path)
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name, h.Size = strings.TrimPrefix(path, root+"/"), 0
		return w.WriteHeader(h)
	})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return listing(t, tar.NewReader(&text))
}

// apkFiles are the files of an .apk: several gzipped tars behind one another,
// of which the last one has them.
func apkFiles(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := bytes.NewReader(text)
	segments := 0
	var last []byte
	for in.Len() > 0 {
		z, err := gzip.NewReader(in)
		if err != nil {
			t.Fatalf("segment %d: %v", segments, err)
		}
		z.Multistream(false)
		if last, err = io.ReadAll(z); err != nil {
			t.Fatalf("segment %d: %v", segments, err)
		}
		segments++
	}
	if segments < 2 {
		t.Fatalf("%d segments", segments)
	}
	return listing(t, tar.NewReader(bytes.NewReader(last)))
}

// tarFiles are the files of the tarball.
func tarFiles(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return listing(t, tar.NewReader(z))
}

func TestPackagesHoldWhatTheyShould(t *testing.T) {
	full(t)
	for _, tc := range []struct {
		suffix, golden string
		files          func(*testing.T, string) []string
	}{
		{"amd64.deb", "deb", debFiles},
		{"x86_64.rpm", "rpm", rpmFiles},
		{"x86_64.apk", "apk", apkFiles},
		{"linux_amd64.tar.gz", "tar", tarFiles},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := strings.Join(tc.files(t, packageFile(t, tc.suffix)), "\n") + "\n"
			golden := filepath.Join("testdata", tc.golden+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the package has\n%s\nwant\n%s", got, want)
			}
		})
	}
}
