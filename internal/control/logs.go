package control

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// addLogPath watches a file. It must be there, unless it comes with a
// configuration: then it is waited for.
func addLogPath(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	p := jail.LogPath{Path: pyobj.Str(args[0]), Pending: c.origin.Pending, User: c.origin.User}
	if len(args) > 2 {
		return nil, pyobj.Builtin("ValueError", "Only one file can be added at a time")
	}
	if len(args) == 2 {
		switch args[1] {
		case "head":
		case "tail":
			p.Tail = true
		default:
			return nil, pyobj.Builtin("ValueError", "File option must be 'head' or 'tail'")
		}
	}
	err := readable(p.Path)
	return j.Do(c.ctx, func(s *jail.State) (any, error) {
		switch {
		case strings.HasPrefix(s.Backend(), "systemd"):
			// It reads no files.
			return logPaths(s), nil
		case err != nil && !p.Pending && c.stage == nil:
			return nil, err
		case err != nil:
			p.Pending = true
		}
		s.AddLogPath(p)
		return logPaths(s), nil
	})
}

// readable opens a file once, as the reference does, for its error.
func readable(path string) error {
	f, err := os.Open(path)
	if err == nil {
		return f.Close()
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return pyobj.Builtin(osErrorClass(err), int(errno), ErrnoText(errno), path)
	}
	return err
}

func osErrorClass(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "FileNotFoundError"
	case errors.Is(err, fs.ErrPermission):
		return "PermissionError"
	}
	return "OSError"
}

func delLogPath(_ *call, s *jail.State, v any) (any, error) {
	s.DelLogPath(pyobj.Str(v))
	return logPaths(s), nil
}

// logPaths lists the files that are read.
func logPaths(s *jail.State) []any {
	files := []any{}
	for _, p := range s.LogPaths() {
		if !p.Pending {
			files = append(files, p.Path)
		}
	}
	return files
}

// addJournalMatch adds to what is looked for in the journal. A jail that reads
// files has no such list for the client, but one of backend auto may read the
// journal later.
func addJournalMatch(c *call, j *jail.Jail, args []any) (any, error) {
	return j.Do(c.ctx, func(s *jail.State) (any, error) {
		if c.stage == nil && !readsJournal(s) {
			return journalMatches(s), nil
		}
		err := s.AddJournalMatch(texts(args), readsJournal(s) || strings.HasPrefix(s.Backend(), "systemd"))
		return journalMatches(s), err
	})
}

func delJournalMatch(c *call, j *jail.Jail, args []any) (any, error) {
	return j.Do(c.ctx, func(s *jail.State) (any, error) {
		if !readsJournal(s) {
			return journalMatches(s), nil
		}
		err := s.DelJournalMatch(texts(args))
		return journalMatches(s), err
	})
}

func readsJournal(s *jail.State) bool { return s.UsedBackend() == "systemd" }

// journalMatches is a list of lists of words.
func journalMatches(s *jail.State) []any {
	out := []any{}
	if !readsJournal(s) {
		return out
	}
	for _, m := range s.JournalMatches() {
		out = append(out, list(m))
	}
	return out
}

func texts(args []any) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = pyobj.Str(a)
	}
	return out
}
