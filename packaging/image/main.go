// Command image puts Stockade into an OCI image without any container engine:
//
//	image -version 1.2.3 -out FILE.tar ARCH=DIR...
//
// DIR is a root directory, which becomes the only layer. The result is an OCI
// layout with one image for each architecture; podman, docker and skopeo load
// it. The same input gives the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	version := flag.String("version", "", "version to label the image with")
	out := flag.String("out", "", "tar file to write")
	flag.Parse()
	if err := build(*version, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func build(version, out string, roots []string) error {
	if version == "" || out == "" || len(roots) == 0 {
		return errors.New("usage: image -version V -out FILE.tar ARCH=DIR...")
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, root := range roots {
		arch, dir, ok := strings.Cut(root, "=")
		if !ok {
			return fmt.Errorf("%q is not of the form ARCH=DIR", root)
		}
		img, err := image(version, arch, dir)
		if err != nil {
			return fmt.Errorf("image for %s: %w", arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	// One entry, which names all of it: engines that find several images in an
	// archive ask which one is meant, and choose the architecture below one.
	name := "localhost/stockade:" + version
	whole := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: index, Descriptor: v1.Descriptor{Annotations: map[string]string{
			"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name,
		}},
	})
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := layout.Write(dir, whole); err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	text, err := pack(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// image is one architecture's image. Its server runs in the foreground and
// logs to standard output; only native actions work, for there is no shell.
func image(version, arch, dir string) (v1.Image, error) {
	text, err := pack(dir)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, &v1.ConfigFile{
		Architecture: arch, OS: "linux", Created: v1.Time{Time: time.Unix(0, 0).UTC()},
		RootFS: configOf(img).RootFS, History: configOf(img).History,
		Config: v1.Config{
			Entrypoint: []string{"/usr/bin/fail2ban-server"},
			Cmd:        []string{"-xf", "--logtarget=STDOUT", "start"},
			Env:        []string{"PATH=/usr/bin"},
			StopSignal: "SIGTERM",
			Labels: map[string]string{
				"org.opencontainers.image.title": "Stockade", "org.opencontainers.image.version": version,
				"org.opencontainers.image.licenses": "Apache-2.0",
			},
		},
	})
}

func configOf(img v1.Image) *v1.ConfigFile {
	c, err := img.ConfigFile()
	if err != nil {
		// It was made in memory a moment ago.
		panic(err)
	}
	return c
}

// pack makes a tar of a directory, all files of root's and without times.
func pack(dir string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return add(w, dir, path, info)
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	return b.Bytes(), nil
}

func add(w *tar.Writer, dir, path string, info fs.FileInfo) error {
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	*h = tar.Header{Name: filepath.ToSlash(name), Linkname: target, Typeflag: h.Typeflag, Mode: h.Mode, Size: h.Size, ModTime: time.Unix(0, 0)}
	if info.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
