package source

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// fileID tells files apart, whatever their names are at present.
type fileID struct{ dev, ino uint64 }

func idOf(info fs.FileInfo) fileID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{uint64(st.Dev), st.Ino}
	}
	return fileID{}
}

// generation is one file that stood, or stands, under a reader's path. It is
// kept open until it is read to its end and nobody writes to it any more.
type generation struct {
	file *os.File
	id   fileID
	// number grows by one with each file that appeared under the path. Files
	// found again by their first line, from before the start, have 0.
	number int
	// hash of the first line, empty while that is not complete.
	hash  string
	watch *watch
	// hot says that the last read filled its block: the next one is larger.
	hot bool
	// seen is where its end was when that was last looked for.
	seen int64
	// grown is when lines were last found in it.
	grown time.Time
	// scanned remembers how far a line that begins at scannedFrom was looked
	// through for its end, so that an endless line is not read again and again.
	scannedFrom, scannedTo int64
}

var errNotRegular = errors.New("not a regular file")

// openGeneration opens a file for reading, without waiting where it is a pipe.
func openGeneration(path string, now time.Time) (*generation, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	g := &generation{file: f, id: idOf(info), grown: now}
	g.rehash()
	return g, nil
}

func (g *generation) close() {
	g.watch.remove()
	_ = g.file.Close()
}

// size is the file's present size, 0 where it cannot be told.
func (g *generation) size() int64 {
	info, err := g.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// unlinked says that no name leads to the file any more.
func (g *generation) unlinked() bool {
	info, err := g.file.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

// rehash reads the first line and remembers its hash.
func (g *generation) rehash() { g.hash = hashFirstLine(g.file) }

// maxFirstLine is how long a first line may be to have a hash.
const maxFirstLine = 1 << 20

// hashFirstLine is the SHA-1 of the first line with its newline, in hex; empty
// where there is no complete one. Fail2ban calls it md5.
func hashFirstLine(r io.ReaderAt) string {
	h := sha1.New()
	buf := make([]byte, 1024)
	for at := int64(0); at < maxFirstLine; {
		n, err := r.ReadAt(buf, at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			h.Write(buf[:i+1])
			return hex.EncodeToString(h.Sum(nil))
		}
		if err != nil || n == 0 {
			return ""
		}
		h.Write(buf[:n])
		at += int64(n)
	}
	return ""
}

// tailSize is how much of what was read last is remembered, to see at the next
// read that a file was truncated and has grown again beyond that place.
const tailSize = 64

// cursor is a listener's place in a generation.
type cursor struct {
	gen *generation
	off int64
	// tail is what stands before off.
	tail []byte
	// done says that the end was reached in the present pass.
	done bool
}

// load reads the tail of a place that was not reached by reading. It returns
// false where the file is too short for it.
func (c *cursor) load() bool {
	n := min(c.off, tailSize)
	c.tail = make([]byte, n, tailSize)
	_, err := c.gen.file.ReadAt(c.tail, c.off-n)
	return n == 0 || err == nil
}

// rewind begins the file anew.
func (c *cursor) rewind() { c.off, c.tail = 0, nil }

// lastLineStart is the place after the last complete line, for a listener that
// wants new lines only.
func lastLineStart(r io.ReaderAt, size int64) int64 {
	n := min(size, MaxLine)
	buf := make([]byte, n)
	if _, err := r.ReadAt(buf, size-n); err != nil {
		return size
	}
	if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
		return size - n + int64(i) + 1
	}
	return size
}

// place decides where a new listener begins in the file: at the end, at the
// stored position if that is of this file, else at the beginning.
func (g *generation) place(o *SubscribeOptions) *cursor {
	c := &cursor{gen: g}
	size := g.size()
	switch {
	case o.Tail:
		c.off = lastLineStart(g.file, size)
	case o.Start.Hash != "" && o.Start.Hash == g.hash && int64(o.Start.Pos) <= size:
		c.off = max(int64(o.Start.Pos), 0)
	}
	if !c.load() {
		c.rewind()
	}
	return c
}

func rotationText(path string, size, pos int64, was, is *generation) string {
	return fmt.Sprintf("Log rotation detected for %s, reason: (%d, %d, %d, %d, '%s', '%s')",
		path, size, pos, is.id.ino, was.id.ino, is.hash, was.hash)
}
