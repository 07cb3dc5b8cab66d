// Package journal reads the files of the systemd journal, with nothing but the
// documented file format: no library, no other program.
//
// It owns the mapped files and their decoding: all fields, compact and regular
// files, keyed and old hashes, zstd and LZ4 (xz is refused with an error that
// says so). It finds entries by time and by field, follows a file that is
// being written, and puts entries of several files in order. Every offset is
// checked before it is followed: a damaged file gives an error and never more.
//
// A file that shrinks under its mapping makes the kernel fault the reader:
// callers set debug.SetPanicOnFault and recover.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Flags of files that must be understood to read them.
const (
	compressedXZ   = 1 << 0
	compressedLZ4  = 1 << 1
	keyedHash      = 1 << 2
	compressedZSTD = 1 << 3
	compactFile    = 1 << 4
	knownFlags     = compressedXZ | compressedLZ4 | keyedHash | compressedZSTD | compactFile
)

// Kinds of objects.
const (
	typeData       = 1
	typeEntry      = 3
	typeHashTable  = 4
	typeEntryArray = 6
)

// Places in the header.
const (
	hdrFlags      = 12
	hdrState      = 16
	hdrFileID     = 24
	hdrSeqnumID   = 72
	hdrHeaderSize = 88
	hdrArenaSize  = 96
	hdrDataHash   = 104
	hdrDataSize   = 112
	hdrEntries    = 152
	hdrEntryArray = 176
	hdrHeadTime   = 184
	hdrTailTime   = 192
	hdrData       = 208
	minHeader     = 208
)

// stateArchived is that of a file which is not written any more.
const stateArchived = 2

const objectHeader = 16

// ErrFormat is in all errors about what a file contains.
var ErrFormat = errors.New("no readable journal file")

// ID is a 128 bit number.
type ID [16]byte

// File is an open journal file. It is for one goroutine.
type File struct {
	Path string
	// Dev and Ino tell which file it is, whatever its name is by now.
	Dev, Ino uint64
	// ID is the file's own, SeqnumID that of the numbering it belongs to.
	ID, SeqnumID ID

	file    *os.File
	data    []byte
	compact bool
	keyed   bool
	scratch []byte // of decompression
	// retired are mappings that were replaced by larger ones. They go with the
	// next call, as the present one may still look at them.
	retired [][]byte
}

// Open maps a file.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &File{Path: path, file: f}
	if err := j.begin(); err != nil {
		_ = j.Close()
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	return j, nil
}

func (f *File) begin() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.Dev, f.Ino = uint64(st.Dev), st.Ino
	}
	if err := f.remap(); err != nil {
		return err
	}
	return f.parseHeader()
}

// parse makes a File of bytes, for tests of the format.
func parse(data []byte) (*File, error) {
	f := &File{data: data}
	return f, f.parseHeader()
}

func (f *File) parseHeader() error {
	if len(f.data) < minHeader || string(f.data[:8]) != "LPKSHHRH" {
		return fmt.Errorf("%w: bad signature", ErrFormat)
	}
	flags := binary.LittleEndian.Uint32(f.data[hdrFlags:])
	if unknown := flags &^ knownFlags; unknown != 0 {
		return fmt.Errorf("%w: unknown features %#x", ErrFormat, unknown)
	}
	if size := f.u64(hdrHeaderSize); size < minHeader || size > uint64(len(f.data)) {
		return fmt.Errorf("%w: header of %d bytes", ErrFormat, size)
	}
	f.compact, f.keyed = flags&compactFile != 0, flags&keyedHash != 0
	copy(f.ID[:], f.data[hdrFileID:])
	copy(f.SeqnumID[:], f.data[hdrSeqnumID:])
	return nil
}

// remap maps the file as large as it now is.
func (f *File) remap() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size < minHeader || size != int64(int(size)) {
		return fmt.Errorf("%w: %d bytes", ErrFormat, size)
	}
	data, err := syscall.Mmap(int(f.file.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	if f.data != nil {
		f.retired = append(f.retired, f.data)
	}
	f.data = data
	return nil
}

// settle drops mappings that were replaced. Nothing but offsets may be kept
// beyond a call of this package.
func (f *File) settle() {
	for _, data := range f.retired {
		_ = syscall.Munmap(data)
	}
	f.retired = f.retired[:0]
}

// Close unmaps the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	f.settle()
	if f.data != nil {
		_ = syscall.Munmap(f.data)
		f.data = nil
	}
	return f.file.Close()
}

// u64 reads a number of the header or of a checked object.
func (f *File) u64(at uint64) uint64 { return binary.LittleEndian.Uint64(f.data[at:]) }

// shared reads a number that the writer changes while we look.
func (f *File) shared(at uint64) uint64 {
	p := (*uint64)(unsafe.Pointer(&f.data[at]))
	if uintptr(unsafe.Pointer(p))%8 != 0 {
		return f.u64(at)
	}
	v := atomic.LoadUint64(p)
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], v)
	return binary.LittleEndian.Uint64(b[:])
}

// Len is the number of entries that are complete at this moment.
func (f *File) Len() uint64 { return f.shared(hdrEntries) }

// Archived says that nothing will be written to the file any more.
func (f *File) Archived() bool { return f.data[hdrState] == stateArchived }

// HeadTime and TailTime are the times of the first and last entry, in
// microseconds.
func (f *File) HeadTime() uint64 { return f.shared(hdrHeadTime) }

// TailTime is the time of the last entry.
func (f *File) TailTime() uint64 { return f.shared(hdrTailTime) }

// Linked says whether a name still leads to the file.
func (f *File) Linked() bool {
	info, err := f.file.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 0
}

// object gives the bytes of an object of a kind, at least least of them.
func (f *File) object(at uint64, kind byte, least uint64) ([]byte, error) {
	if at == 0 || at%8 != 0 || at < minHeader {
		return nil, fmt.Errorf("%w: object at %d", ErrFormat, at)
	}
	if at+objectHeader > uint64(len(f.data)) || at+objectHeader < at {
		if err := f.grow(at + objectHeader); err != nil {
			return nil, err
		}
	}
	size := f.u64(at + 8)
	if f.data[at] != kind || size < least || size < objectHeader {
		return nil, fmt.Errorf("%w: object of type %d and %d bytes at %d", ErrFormat, f.data[at], size, at)
	}
	end := at + size
	if end < at {
		return nil, fmt.Errorf("%w: object of %d bytes at %d", ErrFormat, size, at)
	}
	if end > uint64(len(f.data)) {
		if err := f.grow(end); err != nil {
			return nil, err
		}
	}
	return f.data[at:end], nil
}

// grow maps more of a file that has become larger.
func (f *File) grow(end uint64) error {
	if f.file != nil {
		if err := f.remap(); err != nil {
			return err
		}
	}
	if end > uint64(len(f.data)) || end < minHeader {
		return fmt.Errorf("%w: object beyond the end, at %d", ErrFormat, end)
	}
	return nil
}
