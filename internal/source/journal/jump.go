package journal

import (
	"encoding/binary"
	"sort"
)

// fresh is how many of the last entries are never jumped over: an entry is
// counted a little before it is entered in the lists of its fields.
const fresh = 64

// Jump takes a cursor over entries that are not wanted, by the lists that a
// file keeps of the entries of each field. It never goes beyond a wanted
// entry; it may stop before one that is not.
func (t *Filter) Jump(c *Cursor) error {
	f := c.File
	f.settle()
	total := f.Len()
	if t.match.All() || c.index+fresh >= total {
		return nil
	}
	if err := t.refresh(); err != nil {
		return err
	}
	o, err := c.locate()
	if err != nil {
		return err
	}
	from := f.arrayItem(o, c.index-c.first)
	target, found, err := t.nextFrom(from)
	if err != nil {
		return err
	}
	limit := total - fresh
	if !found {
		c.index = limit
		return nil
	}
	return c.seekOffset(target, limit)
}

// nextFrom gives a place in the file, from one on, before which no wanted
// entry lies; false where none does at all.
func (t *Filter) nextFrom(from uint64) (next uint64, found bool, err error) {
	for _, alternative := range t.match.alternatives {
		at, possible := from, true
		for _, field := range alternative {
			first, ok, err := t.firstOf(field, at)
			if err != nil {
				return 0, false, err
			}
			if possible = ok; !ok {
				break
			}
			at = max(at, first)
		}
		if possible && (!found || at < next) {
			next, found = at, true
		}
	}
	return next, found, nil
}

// firstOf gives the first entry, from a place on, that has one of the values
// of a field.
func (t *Filter) firstOf(field oneOf, from uint64) (first uint64, found bool, err error) {
	for _, term := range field.terms {
		if t.at[term] == 0 {
			continue
		}
		at, ok, err := t.file.entryOf(t.at[term], from)
		if err != nil {
			return 0, false, err
		}
		if ok && (!found || at < first) {
			first, found = at, true
		}
	}
	return first, found, nil
}

// entryOf finds the first entry, from a place on, that has the data object.
func (f *File) entryOf(data, from uint64) (at uint64, ok bool, err error) {
	o, err := f.object(data, typeData, f.dataHead())
	if err != nil {
		return 0, false, err
	}
	if first := binary.LittleEndian.Uint64(o[40:]); first >= from {
		return first, true, nil
	}
	array, left := binary.LittleEndian.Uint64(o[48:]), binary.LittleEndian.Uint64(o[56:])
	if left > 0 {
		left-- // the first one stands in the object itself
	}
	for array != 0 && left > 0 {
		o, err := f.object(array, typeEntryArray, arrayItems)
		if err != nil {
			return 0, false, err
		}
		n := min(f.arrayLen(o), left)
		if n > 0 && f.arrayItem(o, n-1) >= from {
			i := sort.Search(int(n), func(i int) bool { return f.arrayItem(o, uint64(i)) >= from })
			return f.arrayItem(o, uint64(i)), true, nil
		}
		left -= n
		next := binary.LittleEndian.Uint64(o[16:])
		if next <= array { // the end, or a ring
			break
		}
		array = next
	}
	return 0, false, nil
}

// seekOffset goes forward to the first entry at a place of the file or behind
// it, but not beyond the entry with the index limit.
func (c *Cursor) seekOffset(target, limit uint64) error {
	f := c.File
	for c.index < limit {
		o, err := c.locate()
		if err != nil {
			return err
		}
		begin := c.index - c.first
		end := min(f.arrayLen(o), limit-c.first)
		if f.arrayItem(o, end-1) >= target {
			c.index += uint64(sort.Search(int(end-begin), func(i int) bool { return f.arrayItem(o, begin+uint64(i)) >= target }))
			return nil
		}
		c.index = c.first + end
	}
	return nil
}
