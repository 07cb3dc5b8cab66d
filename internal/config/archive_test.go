package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// An archive holds a tree in one file: lines "-- name --", each followed by the
// text of that file. DIR stands for the folder of the tree.

// formatTree makes an archive of the files below a folder.
func formatTree(t testing.TB, dir, comment string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(comment + "\n")
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		b.WriteString("-- " + name + " --\n" + strings.ReplaceAll(string(text), dir, "DIR"))
		if len(text) > 0 && text[len(text)-1] != '\n' {
			b.WriteByte('\n')
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// unpackTree writes the files of an archive below a folder.
func unpackTree(t testing.TB, archive, dir string) {
	t.Helper()
	name, text := "", ""
	flush := func() {
		if name != "" {
			writeFile(t, dir, name, strings.ReplaceAll(text, "DIR", dir))
		}
	}
	for _, line := range strings.SplitAfter(archive, "\n") {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			flush()
			name, text = strings.TrimSuffix(rest, " --\n"), ""
			continue
		}
		text += line
	}
	flush()
}

// memoryTree gives the files of an archive as a file system in memory.
func memoryTree(archive string) fstest.MapFS {
	files := fstest.MapFS{}
	name, text := "", ""
	flush := func() {
		if fs.ValidPath(name) && name != "." {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	for _, line := range strings.SplitAfter(archive, "\n") {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			flush()
			name, text = strings.TrimSuffix(rest, " --\n"), ""
			continue
		}
		text += line
	}
	flush()
	if _, ok := files["fail2ban.conf"]; !ok {
		files["fail2ban.conf"] = &fstest.MapFile{Data: []byte("[Definition]\n")}
	}
	return files
}
