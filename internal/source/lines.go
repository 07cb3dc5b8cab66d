package source

import "bytes"

// split appends the complete lines of data to lines. Data stands at byte
// offset of the file. It returns the lines and how many bytes they are; what
// is left has no newline yet.
func split(lines []Line, data []byte, offset int64) ([]Line, int) {
	start := 0
	for {
		n := bytes.IndexByte(data[start:], '\n')
		if n < 0 {
			return lines, start
		}
		end := start + n + 1
		text, cut := shorten(data[start:end])
		lines = append(lines, Line{Text: text, Offset: offset + int64(end), Cut: cut})
		start = end
	}
}

// shorten takes the line end off, all CR and LF there are, and what is beyond
// MaxLine.
func shorten(line []byte) (text []byte, cut int64) {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	if n > MaxLine {
		return line[:MaxLine:MaxLine], int64(n - MaxLine)
	}
	return line[:n:n], 0
}

// splitWith is split with a listener's own idea of where a line ends. The line
// ends stay: only a decoder can tell what they are.
func splitWith(lines []Line, data []byte, offset int64, find func([]byte) int) ([]Line, int) {
	start := 0
	for start < len(data) {
		n := find(data[start:])
		if n <= 0 || n > len(data)-start {
			break
		}
		text, cut := data[start:start+n:start+n], int64(0)
		if n > MaxLine {
			text, cut = text[:MaxLine:MaxLine], int64(n-MaxLine)
		}
		start += n
		lines = append(lines, Line{Text: text, Offset: offset + int64(start), Cut: cut})
	}
	return lines, start
}

// SplitWide finds line ends in encodings of several bytes a character, in
// which 0x0A alone means nothing: newline is the encoded newline, as "\n\x00"
// for UTF-16 with the low byte first. A line is sought from an even place on.
func SplitWide(newline []byte) func(data []byte) int {
	return func(data []byte) int {
		for at := 0; ; {
			n := bytes.Index(data[at:], newline)
			if n < 0 {
				return 0
			}
			if at += n; at%len(newline) == 0 {
				return at + len(newline)
			}
			at++
		}
	}
}
