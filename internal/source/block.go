package source

import (
	"sync"
	"sync/atomic"
)

// Sizes of what is read at once: a few fresh lines need little, catching up
// wants few calls. A block must hold a line of MaxLine with its newline.
const (
	smallBlock = 16 << 10
	largeBlock = 256 << 10
)

// block is what one read brought: the bytes, and the lines that lie in them.
// It is shared by the batches of all listeners that stood at the same place.
type block struct {
	buf   []byte
	lines []Line
	valid bool // all of it is UTF-8
	refs  atomic.Int32
	board Board
}

// Board is where those who were given the same lines pin up for each other what
// they made of them. It is cleared when the last of them has released its
// batch.
type Board struct {
	sync.Mutex
	// Notes may be looked at and appended to while the Board is locked.
	Notes []any
}

var smallBlocks, largeBlocks = sync.Pool{New: func() any { return &block{buf: make([]byte, smallBlock)} }},
	sync.Pool{New: func() any { return &block{buf: make([]byte, largeBlock)} }}

// newBlock gives a block for size bytes, or the largest there is. It has one
// reference.
func newBlock(size int64) *block {
	pool := &smallBlocks
	if size > smallBlock {
		pool = &largeBlocks
	}
	b := pool.Get().(*block)
	b.lines, b.valid = b.lines[:0], false
	b.refs.Store(1)
	return b
}

// drop gives one reference back.
func (b *block) drop() {
	if b.refs.Add(-1) > 0 {
		return
	}
	clear(b.board.Notes)
	b.board.Notes = b.board.Notes[:0]
	switch len(b.buf) {
	case smallBlock:
		smallBlocks.Put(b)
	case largeBlock:
		largeBlocks.Put(b)
	}
}
