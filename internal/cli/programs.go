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

// carried are the programs of the library that a configuration has run.
type carried struct {
	// conf is the user's directory, over the library.
	conf    string
	library fs.FS
	// socket is that of the server, beside which programs are put.
	socket string
}

// bringPrograms puts programs of the library that the stream has run, and that
// are not on disk, beside the socket, and has them run from there. What cannot
// be written is left as it is, with a word in the log.
func (c *client) bringPrograms(stream config.Stream) {
	if c.opts.noLibrary {
		return
	}
	carried{c.opts.conf, c.env.Library, c.opts.socket}.place(stream, func(p carried, rel string) bool {
		err := p.bring(rel)
		if err != nil {
			c.logf(logbook.Error, "The program %s of the library cannot be written: %v", rel, err)
		}
		return err == nil
	})
}

// place has the stream run programs of the library where they are put, if put
// says that they are there.
func (p carried) place(stream config.Stream, put func(p carried, rel string) bool) {
	for i := range stream {
		words := stream[i].Words
		if len(words) != 4 || words[0] != "set" || words[2] != "ignorecommand" {
			continue
		}
		text, _ := words[3].(string)
		if file, rel, ok := p.missing(text); ok && put(p, rel) {
			stream[i].Words = []any{words[0], words[1], words[2], strings.Replace(text, file, p.at(rel), 1)}
		}
	}
}

// missing finds a program of the library at the beginning of a command, if no
// file of the user's stands in its place.
func (p carried) missing(command string) (file, rel string, ok bool) {
	file, _, _ = strings.Cut(command, " ")
	rel, ok = strings.CutPrefix(file, filepath.Clean(p.conf)+"/")
	if !ok || !strings.HasPrefix(rel, programsDir+"/") || !fs.ValidPath(rel) || p.library == nil {
		return "", "", false
	}
	if _, err := os.Stat(file); err == nil {
		return "", "", false
	}
	_, err := fs.Stat(p.library, rel)
	return file, rel, err == nil
}

// at is where a program is put.
func (p carried) at(rel string) string {
	return filepath.Join(absolute(filepath.Dir(p.socket)), "library", filepath.FromSlash(rel))
}

func (p carried) bring(rel string) error {
	text, err := fs.ReadFile(p.library, rel)
	if err != nil {
		return err
	}
	at := p.at(rel)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	return replaceFile(at, text, exportMode(text))
}
