package trial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// eachLine calls f for every complete line of r without its end. split finds
// the end of a line where a byte 0x0A alone is none; nil for the usual way. A
// last line without an end is left out.
func eachLine(r io.Reader, split func([]byte) int, f func(line []byte) error) error {
	if split == nil {
		split = func(data []byte) int { return bytes.IndexByte(data, '\n') + 1 }
	}
	buf := make([]byte, blockSize)
	have := 0
	for {
		n, err := r.Read(buf[have:])
		data := buf[:have+n]
		for {
			end := split(data)
			if end <= 0 {
				break
			}
			if err := f(data[:end-1]); err != nil {
				return err
			}
			data = data[end:]
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read the log: %w", err)
		}
		have = copy(buf, data)
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}
