package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/logbook"
	"stockade/internal/server"
	"stockade/packaging"
)

const (
	// strictMark is set in the environment of a service that the strict drop-in
	// closes.
	strictMark = "STOCKADE_STRICT"
	// strictPath is where that drop-in belongs.
	strictPath = "/etc/systemd/system/stockade.service.d/strict.conf"
)

// harden writes the strict drop-in of the service, if the configuration needs
// no program.
func (s *stockade) harden(options values) int {
	say, complain := s.printf, s.complain
	if options.has("quiet") {
		say, complain = func(string, ...any) {}, func(string, ...any) {}
	}
	needs, err := s.needs(options["conf"])
	if err != nil {
		complain("read the configuration: %v", err)
		return wentWrong
	}
	if len(needs) > 0 {
		complain("the service was not closed further, since its configuration runs programs:")
		for _, n := range needs {
			complain("  %s", printable(n.String()))
		}
		return wentWrong
	}
	path := strictPath
	if root := options["root"]; root != "" {
		path = filepath.Join(absolute(root), strictPath)
	}
	if err := writeWhole(path, packaging.Strict); err != nil {
		complain("%v", err)
		return wentWrong
	}
	say("%s is written. It counts from: systemctl daemon-reload; systemctl restart stockade\n", path)
	return 0
}

// needs lists what in the configuration runs programs, as a server would find
// it.
func (s *stockade) needs(conf string) ([]server.Need, error) {
	tree, err := config.Load(config.Options{Dir: conf, Explicit: conf != "", Library: s.env.Library})
	if err != nil {
		return nil, err
	}
	result, err := tree.Stream("", config.Start)
	if err != nil {
		return nil, err
	}
	book := logbook.New(logbook.Options{Stdout: io.Discard, Stderr: io.Discard, Version: Compatible})
	defer book.Close()
	table := control.NewTable(server.New(server.Options{Book: book, Version: Compatible, Native: true}))
	stage, err := table.Rehearse(context.Background(), result.Stream.Words(), config.EncodeSidecar(result.Stream))
	if err != nil {
		return nil, err
	}
	defer stage.Drop()
	return stage.Needs(), nil
}

// writeWhole writes a file of a service, with its directory, by a rename.
func writeWhole(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a place for %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, ".strict")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
