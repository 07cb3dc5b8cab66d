package pyobj

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Exception is an exception instance as data: the class by module and name,
// and the arguments that it is made with again. It is a Go error whose text is
// Python's str() of it.
type Exception struct {
	Module, Class string
	// Args are the arguments of the constructor. What Python shows as .args
	// may be fewer, see ShownArgs.
	Args Tuple
}

// Builtin is an exception of a built-in class, as Builtin("ValueError", "…").
func Builtin(class string, args ...any) *Exception {
	return &Exception{Module: "builtins", Class: class, Args: args}
}

// Errorf is an exception of a built-in class with a formatted message.
func Errorf(class, format string, args ...any) *Exception {
	return Builtin(class, fmt.Sprintf(format, args...))
}

// UnknownJail says that there is no such jail.
func UnknownJail(name string) *Exception {
	return &Exception{Module: "fail2ban.exceptions", Class: "UnknownJailException", Args: Tuple{name}}
}

// DuplicateJail says that the jail is already there.
func DuplicateJail(name string) *Exception {
	return &Exception{Module: "fail2ban.exceptions", Class: "DuplicateJailException", Args: Tuple{name}}
}

// RegexError says that a regular expression cannot be used.
func RegexError(text string) *Exception {
	return &Exception{Module: "fail2ban.server.failregex", Class: "RegexException", Args: Tuple{text}}
}

// NotFound is the error of opening a file that is not there.
func NotFound(file string) *Exception {
	return Builtin("FileNotFoundError", 2, "No such file or directory", file)
}

// osErrors are the classes whose third argument is a file name, which Python
// takes out of .args and shows behind the message.
var osErrors = map[string]bool{
	"OSError": true, "FileNotFoundError": true, "PermissionError": true, "IsADirectoryError": true,
	"NotADirectoryError": true, "FileExistsError": true, "ConnectionRefusedError": true,
	"ConnectionResetError": true, "BrokenPipeError": true, "TimeoutError": true, "BlockingIOError": true,
	"ConnectionError": true, "ConnectionAbortedError": true, "ProcessLookupError": true,
	"ChildProcessError": true, "InterruptedError": true, "IOError": true,
}

func (e *Exception) isOS() bool { return e.Module == "builtins" && osErrors[e.Class] }

func (e *Exception) isJSON() bool { return e.Class == "JSONDecodeError" && len(e.Args) == 3 }

// ShownArgs is what Python shows as the exception's .args: an OSError hides
// its file name there, and a JSON error has only its message.
func (e *Exception) ShownArgs() Tuple {
	switch {
	case e.isOS() && len(e.Args) > 2:
		return e.Args[:2]
	case e.isJSON():
		return Tuple{e.jsonText()}
	}
	return e.Args
}

// Error is Python's str() of the exception.
func (e *Exception) Error() string {
	args := e.ShownArgs()
	builtin := e.Module == "builtins"
	switch {
	case e.isOS() && len(e.Args) >= 2:
		s := "[Errno " + Str(e.Args[0]) + "] " + Str(e.Args[1])
		if len(e.Args) > 2 && e.Args[2] != nil {
			s += ": " + Repr(e.Args[2])
		}
		return s
	case builtin && e.Class == "KeyError" && len(args) == 1:
		return Repr(args[0])
	case builtin && e.Class == "SyntaxError" && len(args) == 2:
		return syntaxText(args)
	case len(args) == 0:
		return ""
	case len(args) == 1:
		return Str(args[0])
	}
	return Repr(args)
}

// syntaxText shows the place behind the message of a syntax error.
func syntaxText(args Tuple) string {
	place, _ := args[1].(Tuple)
	if len(place) < 2 {
		return Str(args[0])
	}
	file, isText := place[0].(string)
	line, isNumber := place[1].(int)
	switch {
	case isText && isNumber:
		return fmt.Sprintf("%s (%s, line %d)", Str(args[0]), path.Base(file), line)
	case isText:
		return fmt.Sprintf("%s (%s)", Str(args[0]), path.Base(file))
	case isNumber:
		return fmt.Sprintf("%s (line %d)", Str(args[0]), line)
	}
	return Str(args[0])
}

// jsonText is the message that a JSON error makes of its three arguments.
func (e *Exception) jsonText() string {
	doc, _ := e.Args[1].(string)
	pos, _ := e.Args[2].(int)
	before := doc
	if at := runeOffset(doc, pos); at >= 0 {
		before = doc[:at]
	}
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return Str(e.Args[0]) + ": line " + strconv.Itoa(line) + " column " + strconv.Itoa(column) +
		" (char " + strconv.Itoa(pos) + ")"
}

// runeOffset is the byte offset of the n-th character, -1 beyond the end.
func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	if n == 0 {
		return len(s)
	}
	return -1
}

// repr is Class(arg, …).
func (e *Exception) repr(b *strings.Builder) {
	b.WriteString(e.Class)
	b.WriteByte('(')
	for i, a := range e.ShownArgs() {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, a)
	}
	b.WriteByte(')')
}
