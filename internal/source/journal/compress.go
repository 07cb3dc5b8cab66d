package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Flags of compressed objects.
const (
	objectXZ   = 1 << 0
	objectLZ4  = 1 << 1
	objectZSTD = 1 << 2
)

// maxPayload bounds what one field may unpack to: journald itself refuses
// more.
const maxPayload = 64 << 20

// ErrXZ is the error of fields that systemd before version 219 has packed.
var ErrXZ = errors.New("journal field is packed with xz, which is not supported")

var errLZ4 = fmt.Errorf("%w: bad LZ4 data", ErrFormat)

var unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload), zstd.WithDecoderLowmem(true))
})

// unpack decompresses a payload. The result is valid until the next call.
func (f *File) unpack(packed []byte, how byte) ([]byte, error) {
	switch {
	case how&objectZSTD != 0:
		d, err := unpacker()
		if err != nil {
			return nil, err
		}
		f.scratch, err = d.DecodeAll(packed, f.scratch[:0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return f.scratch, nil
	case how&objectLZ4 != 0:
		if len(packed) < 8 {
			return nil, errLZ4
		}
		size := binary.LittleEndian.Uint64(packed)
		if size > maxPayload {
			return nil, errLZ4
		}
		var err error
		f.scratch, err = unpackLZ4(f.scratch[:0], packed[8:], int(size))
		return f.scratch, err
	}
	return nil, ErrXZ
}

// unpackLZ4 unpacks one LZ4 block of known size.
func unpackLZ4(dst, src []byte, size int) ([]byte, error) {
	for len(src) > 0 {
		token := src[0]
		src = src[1:]
		literals, rest, ok := lz4Length(int(token>>4), src)
		if !ok || literals > len(rest) || len(dst)+literals > size {
			return nil, errLZ4
		}
		dst = append(dst, rest[:literals]...)
		src = rest[literals:]
		if len(src) == 0 {
			break
		}
		if len(src) < 2 {
			return nil, errLZ4
		}
		back := int(src[0]) | int(src[1])<<8
		length, rest, ok := lz4Length(int(token&15), src[2:])
		length += 4
		if !ok || back == 0 || back > len(dst) || len(dst)+length > size {
			return nil, errLZ4
		}
		for range length { // the pieces may overlap
			dst = append(dst, dst[len(dst)-back])
		}
		src = rest
	}
	if len(dst) != size {
		return nil, errLZ4
	}
	return dst, nil
}

// lz4Length reads the bytes that continue a length of 15.
func lz4Length(n int, src []byte) (int, []byte, bool) {
	if n < 15 {
		return n, src, true
	}
	for i, c := range src {
		n += int(c)
		if c < 255 {
			return n, src[i+1:], n <= maxPayload
		}
	}
	return 0, nil, false
}
