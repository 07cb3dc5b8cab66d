package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"stockade/internal/datepattern"
	"stockade/internal/source"
)

// files plays the jail's log files, merged by time.
func (p *player) files(ctx context.Context) error {
	var logs []*log
	for _, path := range p.paths() {
		l := &log{path: path, since: p.span.Since, generations: generations(path, p.span.Since)}
		if len(l.generations) == 0 {
			continue
		}
		l.when = p.state.Filter().When(datepattern.Env{Now: func() time.Time { return p.span.Until }})
		p.out.Sources = append(p.out.Sources, path)
		if l.next() {
			logs = append(logs, l)
		}
		defer l.close()
	}
	for len(logs) > 0 {
		if p.out.Lines%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		first := slices.MinFunc(logs, func(a, b *log) int { return a.time.Compare(b.time) })
		if !first.time.Before(p.span.Since) && !first.time.After(p.span.Until) {
			p.line(&source.Batch{
				Path: first.path, InOperation: true, Old: true, Lines: []source.Line{{Text: first.text}},
			}, first.time)
		}
		if !first.next() {
			logs = slices.DeleteFunc(logs, func(l *log) bool { return l == first })
			p.out.Err = errors.Join(p.out.Err, first.err)
		}
	}
	return nil
}

// checkEvery is the number of lines after which it is asked whether to go on.
const checkEvery = 1024

// paths are the files that the jail watches now.
func (p *player) paths() []string {
	var all []string
	for _, path := range p.state.LogPaths() {
		found := []string{path.Path}
		if path.Pending {
			// A pattern that is none was refused when the jail was configured.
			found, _ = filepath.Glob(path.Path)
		}
		for _, f := range found {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// generations are a log file and those that it was before it was rotated away,
// the oldest first, down to the one that was written last before since.
func generations(path string, since time.Time) []string {
	type generation struct {
		path string
		at   time.Time
	}
	var all []generation
	older, _ := filepath.Glob(escape(path) + `[.\-]*`)
	for _, name := range append(older, path) {
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() && info.ModTime().After(since) && readable(name) {
			all = append(all, generation{name, info.ModTime()})
		}
	}
	slices.SortStableFunc(all, func(a, b generation) int { return a.at.Compare(b.at) })
	names := make([]string, len(all))
	for i, g := range all {
		names[i] = g.path
	}
	return names
}

// readable tells whether the form of a rotated file can be read here.
func readable(name string) bool {
	for _, suffix := range []string{".xz", ".bz2", ".lz4"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// escape takes a path literally in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// log is one log file and its generations, read line by line.
type log struct {
	path        string
	since       time.Time
	generations []string
	when        func([]byte) (time.Time, bool)

	file io.Closer
	in   *bufio.Reader
	err  error

	// text is the line read last and time its time; a line without a time has
	// that of the one before.
	text []byte
	time time.Time
}

// maxUnpacked bounds what one compressed file may unpack to.
const maxUnpacked = 4 << 30

// next reads a line; false says that there is none any more, err why.
func (l *log) next() bool {
	for {
		if l.in == nil && !l.open() {
			return false
		}
		var err error
		l.text, err = readLine(l.in, l.text[:0])
		if err != nil {
			if err != io.EOF {
				l.err = errors.Join(l.err, fmt.Errorf("read %s: %w", l.path, err))
			}
			l.close()
			continue
		}
		if at, ok := l.when(l.text); ok {
			l.time = at
		}
		if !l.time.Before(l.since) {
			return true
		}
	}
}

// open begins the next generation.
func (l *log) open() bool {
	for len(l.generations) > 0 {
		name := l.generations[0]
		l.generations = l.generations[1:]
		if err := l.openOne(name); err != nil {
			l.err = errors.Join(l.err, err)
			continue
		}
		return true
	}
	return false
}

func (l *log) openOne(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	var in io.Reader = file
	switch {
	case strings.HasSuffix(name, ".gz"):
		in, err = gzip.NewReader(file)
	case strings.HasSuffix(name, ".zst"):
		in, err = zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		file.Close()
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	l.file, l.in = file, bufio.NewReaderSize(io.LimitReader(in, maxUnpacked), source.MaxLine)
	return nil
}

func (l *log) close() {
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.in = nil, nil
}

// readLine appends a line without its end to a buffer; of one that is too long
// the rest is left out, as the server does. The error is io.EOF behind the last
// line.
func readLine(in *bufio.Reader, to []byte) ([]byte, error) {
	part, err := in.ReadSlice('\n')
	if err == io.EOF && len(part) > 0 {
		return append(to, part...), nil
	}
	to = append(to, bytes.TrimSuffix(part, []byte("\n"))...)
	for err == bufio.ErrBufferFull {
		_, err = in.ReadSlice('\n')
	}
	return to, err
}
