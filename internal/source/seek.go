package source

import (
	"bytes"
	"io"
	"time"
)

const (
	// probeSize is read around each place that is looked at.
	probeSize = 8 << 10
	// probeLimit is how far a dated line is sought from there: stack traces
	// and the like have no dates.
	probeLimit = 1 << 20
)

// seek finds a place at a line start such that no line before it, from "from"
// on, is of the time since or later, if the lines are ordered in time. It
// looks at some 30 places of the largest file. It never goes beyond the first
// relevant line, but may stay well before it where dates are sparse.
func seek(r io.ReaderAt, from, size int64, since time.Time, when func([]byte) (time.Time, bool)) int64 {
	low, high := from, size
	for high-low > probeSize {
		middle := low + (high-low)/2
		start, t, ok := probe(r, middle, high, when)
		switch {
		case !ok:
			high = middle
		case t.Before(since):
			low = start
		default:
			high = middle
		}
	}
	return seekLinear(r, low, size, since, when)
}

// probe finds the first dated line that begins after a place and before the
// limit. It returns where that line begins.
func probe(r io.ReaderAt, at, limit int64, when func([]byte) (time.Time, bool)) (start int64, t time.Time, ok bool) {
	buf := make([]byte, probeSize)
	first := true
	for begin := at; begin < limit && begin-at < probeLimit; {
		n, err := r.ReadAt(buf, begin)
		data := buf[:n]
		done := 0
		for {
			i := bytes.IndexByte(data[done:], '\n')
			if i < 0 {
				break
			}
			line := data[done : done+i]
			if !first && begin+int64(done) < limit {
				if t, ok := when(trimEnd(line)); ok {
					return begin + int64(done), t, true
				}
			}
			first = false
			done += i + 1
		}
		if err != nil {
			return 0, time.Time{}, false
		}
		if done == 0 { // a line longer than the buffer: skip it
			first = true
			done = n
		}
		begin += int64(done)
	}
	return 0, time.Time{}, false
}

// seekLinear goes over the last few lines one by one.
func seekLinear(r io.ReaderAt, at, size int64, since time.Time, when func([]byte) (time.Time, bool)) int64 {
	buf := make([]byte, 2*probeSize)
	n, _ := r.ReadAt(buf[:min(int64(len(buf)), max(size-at, 0))], at)
	data := buf[:n]
	found := at
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return found
		}
		if t, ok := when(trimEnd(data[:i])); ok {
			if !t.Before(since) {
				return found
			}
			// Undated lines before a relevant one belong to it.
			found = at + int64(i) + 1
		}
		at += int64(i) + 1
		data = data[i+1:]
	}
}

func trimEnd(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }
