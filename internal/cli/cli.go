// Package cli is the programs: fail2ban-client, fail2ban-server and
// fail2ban-regex with the options, texts and exit statuses that Fail2ban 1.1.1
// has, and stockade with verbs of its own for people.
//
// It owns what is read from a command line and printed on a terminal, how a
// server is started, put into the background and waited for. What commands do
// is control's.
package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"stockade/internal/logbook"
)

// Version is what `stockade version` says; the linker may set it.
var Version = "0.1.0"

// Compatible is the version of Fail2ban that the old names say they are.
const Compatible = "1.1.1"

// failed is the exit status of everything that went wrong: programs of
// Fail2ban know only this one and 0.
const failed = 255

// Env is what a program is given.
type Env struct {
	// Name is the program's name, Args what stands behind it.
	Name string
	Args []string

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Library is the embedded configuration, Samples its labelled lines.
	Library, Samples fs.FS
}

// OS is the environment of this process.
func OS(library, samples fs.FS) Env {
	return Env{
		Name: filepath.Base(os.Args[0]), Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Library: library, Samples: samples,
	}
}

// Main runs the program of the name that it was called by and returns its exit
// status.
func Main(env Env) int {
	if len(env.Args) > 0 && env.Args[0] == completeWord {
		return complete(env, env.Args[1:])
	}
	if len(env.Args) == 2 && env.Args[0] == manWord {
		if err := writeManual(env.Args[1]); err != nil {
			fmt.Fprintf(env.Stderr, "stockade: cannot write the manual: %v\n", err)
			return wentWrong
		}
		return 0
	}
	switch strings.TrimSuffix(env.Name, ".exe") {
	case "fail2ban-client":
		return newClient(env, false).main()
	case "fail2ban-server":
		return newClient(env, true).main()
	case "fail2ban-regex":
		return regexMain(env)
	}
	return stockadeMain(env)
}

// clientLogger is the name under which the programs themselves log.
const clientLogger = "fail2ban"

// newLog makes the log of a program, on its standard error.
func newLog(env Env, verbosity int) *logbook.Book {
	book := logbook.New(logbook.Options{Stdout: env.Stdout, Stderr: env.Stderr, Version: Compatible})
	// Both are known to be right.
	_ = book.SetTarget("STDERR")
	_ = book.SetLevel(clientLevel(verbosity))
	return book
}

// clientLevel is the level of a program's own log by -v and -q.
func clientLevel(verbosity int) string {
	switch {
	case verbosity <= 0:
		return "ERROR"
	case verbosity == 1:
		return "WARNING"
	case verbosity == 2:
		return "INFO"
	case verbosity == 3:
		return "DEBUG"
	}
	return "HEAVYDEBUG"
}
