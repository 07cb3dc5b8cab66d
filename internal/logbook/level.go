package logbook

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"stockade/internal/pyobj"
)

// Level is how serious a record is, in Python's numbers.
type Level int

// The levels that have names.
const (
	Critical Level = 50
	Error    Level = 40
	Warning  Level = 30
	Notice   Level = 25
	Info     Level = 20
	Msg      Level = 18
	Debug    Level = 10
	Trace    Level = 7
	Heavy    Level = 5
	NotSet   Level = 0
)

// levelNames are the words that a setting may use, in upper case.
var levelNames = map[string]Level{
	"CRITICAL": Critical, "FATAL": Critical, "ERROR": Error, "WARNING": Warning, "WARN": Warning,
	"NOTICE": Notice, "INFO": Info, "MSG": Msg, "DEBUG": Debug,
	"TRACEDEBUG": Trace, "HEAVYDEBUG": Heavy, "NOTSET": NotSet,
}

// shownNames are the words in a log line.
var shownNames = map[Level]string{
	Critical: "CRITICAL", Error: "ERROR", Warning: "WARNING", Notice: "NOTICE", Info: "INFO",
	Msg: "MSG", Debug: "DEBUG", Trace: "TRACE", Heavy: "HEAVY", NotSet: "NOTSET",
}

// ParseLevel understands a name in any case, or a number of plain digits.
func ParseLevel(text string) (Level, error) {
	if l, ok := levelNames[strings.ToUpper(text)]; ok {
		return l, nil
	}
	if n, err := strconv.Atoi(text); err == nil && strings.Trim(text, "0123456789") == "" {
		return Level(n), nil
	}
	return 0, pyobj.Builtin("ValueError", "Invalid log level "+pyobj.Repr(strings.ToUpper(text)))
}

// String is the word that stands in a log line.
func (l Level) String() string {
	if s, ok := shownNames[l]; ok {
		return s
	}
	return fmt.Sprintf("#%02d-Lev.", int(l))
}

// levelOf is the level of a record of the standard library's logger.
func levelOf(l slog.Level) Level {
	switch {
	case l < slog.LevelDebug:
		return Trace
	case l < slog.LevelInfo:
		return Debug
	case l == slog.LevelInfo:
		return Info
	case l < slog.LevelWarn:
		return Notice
	case l < slog.LevelError:
		return Warning
	case l == slog.LevelError:
		return Error
	}
	return Critical
}
