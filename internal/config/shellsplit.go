package config

import (
	"errors"
	"strings"
)

// shellSplit splits a line into words as Python's shlex does: blanks separate,
// quotes join, a backslash takes the next character as it is (in double quotes
// only before a double quote or a backslash). "#" has no meaning.
func shellSplit(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case '\'', '"':
			end, err := quotedPart(line, i, &word)
			if err != nil {
				return nil, err
			}
			i, inWord = end, true
		case '\\':
			i++
			if i >= len(line) {
				return nil, errors.New("no escaped character")
			}
			word.WriteByte(line[i])
			inWord = true
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quotedPart copies what stands between quotes and returns the place of the
// closing one.
func quotedPart(line string, i int, word *strings.Builder) (int, error) {
	quote := line[i]
	for i++; i < len(line); i++ {
		c := line[i]
		if c == quote {
			return i, nil
		}
		if c == '\\' && quote == '"' && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\') {
			i++
			c = line[i]
		}
		word.WriteByte(c)
	}
	return 0, errors.New("no closing quotation")
}
