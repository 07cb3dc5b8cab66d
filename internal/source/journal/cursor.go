package journal

import (
	"encoding/binary"
	"fmt"
)

// Cursor is a place between the entries of a file, in the order in which they
// were written. The zero index is before the first.
type Cursor struct {
	File  *File
	index uint64 // of the entry that comes next
	array uint64 // the array object it is in, 0 for the first one
	first uint64 // index of that array's first entry
}

// Begin is a cursor before a file's first entry.
func Begin(f *File) Cursor { return Cursor{File: f} }

// Index counts the entries before the cursor.
func (c *Cursor) Index() uint64 { return c.index }

// AtEnd says that there is no further entry at this moment.
func (c *Cursor) AtEnd() bool { return c.index >= c.File.Len() }

const arrayItems = 24

func (f *File) arrayLen(o []byte) uint64 {
	if f.compact {
		return uint64(len(o)-arrayItems) / 4
	}
	return uint64(len(o)-arrayItems) / 8
}

func (f *File) arrayItem(o []byte, i uint64) uint64 {
	if f.compact {
		return uint64(binary.LittleEndian.Uint32(o[arrayItems+4*i:]))
	}
	return binary.LittleEndian.Uint64(o[arrayItems+8*i:])
}

// locate gives the array object in which the cursor stands.
func (c *Cursor) locate() ([]byte, error) {
	f := c.File
	if c.array == 0 {
		c.array, c.first = f.u64(hdrEntryArray), 0
	}
	for {
		o, err := f.object(c.array, typeEntryArray, arrayItems)
		if err != nil {
			return nil, err
		}
		n := f.arrayLen(o)
		if c.index-c.first < n {
			return o, nil
		}
		next := binary.LittleEndian.Uint64(o[16:])
		if next == 0 {
			return nil, fmt.Errorf("%w: %d entries are missing", ErrFormat, f.Len()-c.index)
		}
		if next <= c.array { // later arrays lie further on: this is a ring
			return nil, fmt.Errorf("%w: chain of arrays leads back to %d", ErrFormat, next)
		}
		c.array = next
		c.first += n
	}
}

// Peek reads the entry that comes next. It returns false where there is none.
func (c *Cursor) Peek(e *Entry) (bool, error) {
	c.File.settle()
	if c.AtEnd() {
		return false, nil
	}
	o, err := c.locate()
	if err != nil {
		return false, err
	}
	at := c.File.arrayItem(o, c.index-c.first)
	if at == 0 { // counted and not yet written
		return false, nil
	}
	return true, c.File.entry(at, e)
}

// Skip goes beyond the entry that comes next.
func (c *Cursor) Skip() { c.index++ }

// SeekTime goes before the first entry that was written at a time or later, in
// microseconds. Entries are looked for by halving; clocks that were set back
// may make the place a little early or late.
func (c *Cursor) SeekTime(realtime uint64) error {
	*c = Begin(c.File)
	f := c.File
	f.settle()
	total := f.Len()
	if total == 0 || realtime <= f.HeadTime() {
		return nil
	}
	if realtime > f.TailTime() {
		return c.SeekEnd()
	}
	var e Entry
	for c.first < total { // over whole arrays first
		o, err := c.locate()
		if err != nil {
			return err
		}
		n := min(f.arrayLen(o), total-c.first)
		if n == 0 {
			return nil
		}
		if err := f.entry(f.arrayItem(o, n-1), &e); err != nil {
			return err
		}
		if e.Realtime >= realtime {
			return c.halve(o, n, realtime)
		}
		c.index = c.first + n
	}
	return nil
}

// halve finds the place within one array.
func (c *Cursor) halve(o []byte, n, realtime uint64) error {
	low, high := uint64(0), n
	var e Entry
	for low < high {
		middle := low + (high-low)/2
		if err := c.File.entry(c.File.arrayItem(o, middle), &e); err != nil {
			return err
		}
		if e.Realtime < realtime {
			low = middle + 1
		} else {
			high = middle
		}
	}
	c.index = c.first + low
	return nil
}

// SeekEnd goes behind the last entry that is there now.
func (c *Cursor) SeekEnd() error {
	*c = Begin(c.File)
	if c.index = c.File.Len(); c.index == 0 {
		return nil
	}
	c.index--
	_, err := c.locate()
	c.index++
	return err
}
