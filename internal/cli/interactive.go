package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"stockade/internal/logbook"
)

// interact reads commands line by line, behind a prompt.
func (c *client) interact(words []string) int {
	c.prompt = true
	if len(words) > 0 && !c.command(words) {
		return failed
	}
	c.println("Fail2Ban v" + Compatible + " reads log file that contains password failure report\n" +
		"and bans the corresponding IP addresses using firewall rules.\n")
	in := bufio.NewReader(c.env.Stdin)
	for {
		fmt.Fprint(c.env.Stdout, "fail2ban> ")
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			c.println("")
			if !errors.Is(err, io.EOF) {
				c.logf(logbook.Error, "%v", err)
				return failed
			}
			c.logf(logbook.Error, "EOF when reading a line")
			return failed
		}
		words, err := shellWords(line)
		switch {
		case err != nil:
			c.logf(logbook.Error, "%v", err)
		case len(words) == 0:
		case words[0] == "help":
			c.usage()
		case words[0] == "exit" || words[0] == "quit":
			return 0
		default:
			c.command(words)
		}
	}
}

// The errors of lines that cannot be split, in Python's words.
var (
	errQuotation = errors.New("No closing quotation")
	errEscape    = errors.New("No escaped character")
)

// shellWords splits a line as a shell does, with quotes and backslashes.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case quote == '\'' && ch != '\'':
			word.WriteByte(ch)
		case quote != 0 && ch == quote:
			quote = 0
		case ch == '\\':
			if i++; i == len(line) {
				return nil, errEscape
			}
			if quote == '"' && line[i] != '"' && line[i] != '\\' {
				word.WriteByte('\\')
			}
			inWord = true
			word.WriteByte(line[i])
		case quote != 0:
			word.WriteByte(ch)
		case ch == '\'' || ch == '"':
			quote, inWord = ch, true
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			inWord = true
			word.WriteByte(ch)
		}
	}
	if quote != 0 {
		return nil, errQuotation
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
