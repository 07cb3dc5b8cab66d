package trial

import (
	"fmt"
	"io"
)

// progress shows how far a long log has been read, on a terminal.
type progress struct {
	w          io.Writer
	size, read int64
	next       int64
}

// smallLog is the size below which no progress is shown.
const smallLog = 64 << 20

func newProgress(w io.Writer, size int64) *progress {
	if w == nil || size < smallLog {
		return &progress{}
	}
	return &progress{w: w, size: size, next: size / 100}
}

// add tells that n more bytes were read.
func (p *progress) add(n int) {
	p.read += int64(n)
	if p.w != nil && p.read >= p.next {
		p.next += p.size / 100
		fmt.Fprintf(p.w, "\r%3d%% of %d MiB", p.read*100/p.size, p.size>>20)
	}
}

// done takes the progress off the screen.
func (p *progress) done() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
