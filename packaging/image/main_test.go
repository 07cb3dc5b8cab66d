package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// unpack reads a tar into memory.
func unpack(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Linkname != "" {
			text = []byte("-> " + h.Linkname)
		}
		files[h.Name] = text
	}
}

func read(t *testing.T, files map[string][]byte, digest string, into any) {
	t.Helper()
	text, ok := files["blobs/sha256/"+digest[len("sha256:"):]]
	if !ok {
		t.Fatalf("there is no blob %s", digest)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestImageHoldsItsRootForEachArchitecture(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/stockade"), []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("stockade", filepath.Join(root, "usr/bin/fail2ban-server")); err != nil {
		t.Fatal(err)
	}
	build1 := func() []byte {
		out := filepath.Join(t.TempDir(), "image.tar")
		if err := build("1.2.3", out, []string{"amd64=" + root, "arm64=" + root}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	text := build1()
	if !bytes.Equal(text, build1()) {
		t.Error("the same root gives another image")
	}
	files := unpack(t, bytes.NewReader(text))
	type descriptor struct {
		Digest      string
		Platform    struct{ OS, Architecture string }
		Annotations map[string]string
	}
	var whole, index struct{ Manifests []descriptor }
	if err := json.Unmarshal(files["index.json"], &whole); err != nil || len(whole.Manifests) != 1 {
		t.Fatalf("index %s: %v", files["index.json"], err)
	}
	if name := whole.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; name != "localhost/stockade:1.2.3" {
		t.Errorf("the image is called %q", name)
	}
	read(t, files, whole.Manifests[0].Digest, &index)
	if len(index.Manifests) != 2 {
		t.Fatalf("images %+v", index.Manifests)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		m := index.Manifests[i]
		if m.Platform.OS != "linux" || m.Platform.Architecture != arch {
			t.Errorf("platform %+v, want %s", m.Platform, arch)
		}
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		read(t, files, m.Digest, &manifest)
		var config struct {
			Architecture string
			Config       struct{ Entrypoint, Cmd []string }
		}
		read(t, files, manifest.Config.Digest, &config)
		if config.Architecture != arch || !slices.Equal(config.Config.Entrypoint, []string{"/usr/bin/fail2ban-server"}) {
			t.Errorf("configuration %+v", config)
		}
		if len(manifest.Layers) != 1 {
			t.Fatalf("%d layers", len(manifest.Layers))
		}
	}
}

func TestImageNeedsToBeToldEverything(t *testing.T) {
	for _, args := range [][]string{nil, {"amd64"}, {"amd64=/nowhere"}} {
		if err := build("1", filepath.Join(t.TempDir(), "x"), args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	if err := build("", "x", []string{"amd64=/tmp"}); err == nil {
		t.Error("an image without a version is accepted")
	}
}
