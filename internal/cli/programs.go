package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"stockade/internal/config"
	"stockade/internal/logbook"
)

// programsDir is the folder of the library whose files are programs that jails
// have run.
const programsDir = "filter.d/ignorecommands"

// bringPrograms puts programs of the library that the stream has run, and that
// are not on disk, beside the socket, and has them run from there. What cannot
// be written is left as it is, with a word in the log.
func (c *client) bringPrograms(stream config.Stream) {
	for i := range stream {
		words := stream[i].Words
		if len(words) != 4 || words[0] != "set" || words[2] != "ignorecommand" {
			continue
		}
		text, _ := words[3].(string)
		file, rel, ok := c.missingProgram(text)
		if !ok {
			continue
		}
		at, err := c.bringProgram(rel)
		if err != nil {
			c.logf(logbook.Error, "The program %s of the library cannot be written: %v", rel, err)
			continue
		}
		stream[i].Words = []any{words[0], words[1], words[2], strings.Replace(text, file, at, 1)}
	}
}

// missingProgram finds a program of the library at the beginning of a command,
// if no file of the user's stands in its place.
func (c *client) missingProgram(command string) (file, rel string, ok bool) {
	file, _, _ = strings.Cut(command, " ")
	rel, ok = strings.CutPrefix(file, filepath.Clean(c.opts.conf)+"/")
	if !ok || !strings.HasPrefix(rel, programsDir+"/") || !fs.ValidPath(rel) || c.opts.noLibrary || c.env.Library == nil {
		return "", "", false
	}
	if _, err := os.Stat(file); err == nil {
		return "", "", false
	}
	_, err := fs.Stat(c.env.Library, rel)
	return file, rel, err == nil
}

func (c *client) bringProgram(rel string) (string, error) {
	text, err := fs.ReadFile(c.env.Library, rel)
	if err != nil {
		return "", err
	}
	at := filepath.Join(filepath.Dir(c.opts.socket), "library", filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	return at, replaceFile(at, text, exportMode(text))
}
