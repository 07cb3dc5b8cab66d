package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Entry is one record of a file. It is valid as long as the file is open.
type Entry struct {
	File                        *File
	Seqnum, Realtime, Monotonic uint64
	Boot                        ID
	Xor                         uint64

	at    uint64
	count int
}

const entryItems = 64

// entry reads the head of an entry.
func (f *File) entry(at uint64, e *Entry) error {
	o, err := f.object(at, typeEntry, entryItems)
	if err != nil {
		return err
	}
	e.File = f
	e.Seqnum = binary.LittleEndian.Uint64(o[16:])
	e.Realtime = binary.LittleEndian.Uint64(o[24:])
	e.Monotonic = binary.LittleEndian.Uint64(o[32:])
	copy(e.Boot[:], o[40:])
	e.Xor = binary.LittleEndian.Uint64(o[56:])
	e.at, e.count = at, len(o)-entryItems
	if f.compact {
		e.count /= 4
	} else {
		e.count /= 16
	}
	return nil
}

// Len is the number of fields.
func (e *Entry) Len() int { return e.count }

// item is where the i-th field lies.
func (e *Entry) item(i int) uint64 {
	items := e.File.data[e.at+entryItems:]
	if e.File.compact {
		return uint64(binary.LittleEndian.Uint32(items[4*i:]))
	}
	return binary.LittleEndian.Uint64(items[16*i:])
}

// Field gives the i-th field, "NAME=value". It is valid until the next call of
// the same file.
func (e *Entry) Field(i int) ([]byte, error) { return e.File.payload(e.item(i)) }

// payload gives the content of a data object.
func (f *File) payload(at uint64) ([]byte, error) {
	head := f.dataHead()
	o, err := f.object(at, typeData, head)
	if err != nil {
		return nil, err
	}
	if how := o[1] & (objectXZ | objectLZ4 | objectZSTD); how != 0 {
		return f.unpack(o[head:], how)
	}
	return o[head:], nil
}

// dataHead is where the payload of a data object begins.
func (f *File) dataHead() uint64 {
	if f.compact {
		return 72
	}
	return 64
}

// Before is the order of entries of several files: by number where they are
// numbered together, else by the monotonic clock within one boot, else by time.
func (e *Entry) Before(o *Entry) bool {
	if e.File.SeqnumID == o.File.SeqnumID && e.Seqnum != o.Seqnum {
		return e.Seqnum < o.Seqnum
	}
	if e.Boot == o.Boot && e.Monotonic != o.Monotonic {
		return e.Monotonic < o.Monotonic
	}
	if e.Realtime != o.Realtime {
		return e.Realtime < o.Realtime
	}
	return e.Xor < o.Xor
}

// Same says that two files hold the same entry.
func (e *Entry) Same(o *Entry) bool {
	return e.Boot == o.Boot && e.Monotonic == o.Monotonic && e.Realtime == o.Realtime && e.Xor == o.Xor &&
		(e.File.SeqnumID != o.File.SeqnumID || e.Seqnum == o.Seqnum)
}

// find looks a field up, "NAME=value", and returns where it lies; 0 where the
// file does not have it.
func (f *File) find(field []byte) (uint64, error) {
	table, size := f.u64(hdrDataHash), f.u64(hdrDataSize)
	buckets := size / 16
	if buckets == 0 {
		return 0, nil
	}
	if table < minHeader || table+size > uint64(len(f.data)) || table+size < table {
		return 0, fmt.Errorf("%w: hash table at %d", ErrFormat, table)
	}
	h := f.hash(field)
	head := f.dataHead()
	at := f.shared(table + h%buckets*16)
	for at != 0 {
		o, err := f.object(at, typeData, head)
		if err != nil {
			return 0, err
		}
		if binary.LittleEndian.Uint64(o[16:]) == h {
			if p, err := f.payload(at); err == nil && bytes.Equal(p, field) {
				return at, nil
			}
		}
		next := binary.LittleEndian.Uint64(o[24:])
		if next != 0 && next <= at { // chains grow at their ends: this one is a ring
			return 0, fmt.Errorf("%w: hash chain leads back to %d", ErrFormat, next)
		}
		at = next
	}
	return 0, nil
}

// dataCount is how many different fields the file holds, 0 where it does not
// say. It grows with every new one.
func (f *File) dataCount() uint64 {
	if f.u64(hdrHeaderSize) < hdrData+8 {
		return 0
	}
	return f.shared(hdrData)
}
