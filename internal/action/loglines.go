package action

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLogBytes is how much of the end of each log file is looked at: the
	// lines that led to a ban are new.
	maxLogBytes = 256 << 20
	// maxLogFiles bounds what patterns may name.
	maxLogFiles = 100
	// maxLogLine is how much of a line is quoted.
	maxLogLine = 4 << 10
)

// logLines finds the lines with a word in the files that a logpath names (names
// and patterns, between blanks), at most limit of each file and of all, the
// last ones of all. With several files each line has its file in front, as
// grep does it.
func logLines(ctx context.Context, logpath, word string, limit int) ([]string, error) {
	files, err := logFiles(logpath)
	var lines []string
	for _, name := range files {
		found, e := grepFile(ctx, name, word, limit)
		if e != nil {
			err = errors.Join(err, e)
		}
		for _, line := range found {
			if len(files) > 1 {
				line = name + ":" + line
			}
			lines = append(lines, line)
		}
	}
	return lines[max(len(lines)-limit, 0):], err
}

func logFiles(logpath string) (files []string, err error) {
	for _, pattern := range strings.Fields(logpath) {
		names, bad := filepath.Glob(pattern)
		if bad != nil || len(names) == 0 {
			names = []string{pattern}
		}
		files = append(files, names...)
	}
	if len(files) > maxLogFiles {
		files, err = files[:maxLogFiles], fmt.Errorf("%d log files are too many, %d are looked at", len(files), maxLogFiles)
	}
	return files, err
}

// grepFile gives the first lines of a file with a word in them.
func grepFile(ctx context.Context, name, word string, limit int) ([]string, error) {
	if word == "" || limit <= 0 {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil // /dev/null, and nothing that never ends
	}
	r := bufio.NewReaderSize(f, 64<<10)
	if skip := info.Size() - maxLogBytes; skip > 0 {
		if _, err := f.Seek(skip, io.SeekStart); err != nil {
			return nil, err
		}
		if _, _, err := longLine(r); err != nil {
			return nil, nil
		}
	}
	var lines []string
	for len(lines) < limit {
		line, more, err := longLine(r)
		if hasWord(line, word) {
			lines = append(lines, strings.ToValidUTF8(line, "\uFFFD")+more)
		}
		if err != nil || ctx.Err() != nil {
			break
		}
	}
	return lines, ctx.Err()
}

// longLine reads a line, and keeps the first part of a long one.
func longLine(r *bufio.Reader) (line, more string, err error) {
	var b strings.Builder
	for {
		part, err := r.ReadSlice('\n')
		room := max(maxLogLine-b.Len(), 0)
		if len(part) > room+1 {
			more = "…"
		}
		b.Write(part[:min(room, len(part))])
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(b.String(), "\r\n"), more, err
		}
	}
}

// hasWord tells whether a word stands in a line with no letter, digit or
// underscore at either side.
func hasWord(line, word string) bool {
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(line[:i])
		after, _ := utf8.DecodeRuneInString(line[i+len(word):])
		if !partOfWord(before) && !partOfWord(after) {
			return true
		}
		from = i + 1
	}
}

func partOfWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
