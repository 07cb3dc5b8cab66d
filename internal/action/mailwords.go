package action

import "strings"

// plainWords splits a command into words as a shell would, where it asks of
// the shell nothing but that: no variables, pipes, patterns or escapes.
func plainWords(text string) (words []string, ok bool) {
	var word strings.Builder
	open, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'':
			word.WriteByte(c)
		case strings.IndexByte("$`\\", c) >= 0:
			return nil, false
		case quote == '"':
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		case strings.IndexByte("|&;<>()*?[]{}~#!", c) >= 0:
			return nil, false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if quote != 0 {
		return nil, false
	}
	if open {
		words = append(words, word.String())
	}
	// A word with "=" in front would be a variable of the program.
	return words, len(words) > 0 && !strings.Contains(words[0], "=")
}
