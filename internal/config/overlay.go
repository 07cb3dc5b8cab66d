package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"stockade/internal/ini"
)

// overlay is the user's directory with the embedded library under it. Paths
// are the user's: base directory joined with a relative name.
type overlay struct {
	dir     string
	library fs.FS
	// parsed remembers every file that was read.
	parsed map[string]*sourceFile
	// dirs remembers folder listings by path.
	dirs map[string][]string
}

// sourceFile is one file of the tree, parsed.
type sourceFile struct {
	path    string
	library bool
	ini     *ini.File
	faults  []ini.Fault
}

func newOverlay(dir string, library fs.FS) *overlay {
	return &overlay{dir: dir, library: library, parsed: map[string]*sourceFile{}, dirs: map[string][]string{}}
}

// shown is the name under which people see a file.
func (f *sourceFile) shown() string {
	if f.library {
		return "library:" + f.path
	}
	return f.path
}

func (f *sourceFile) origin(line int) Origin {
	return Origin{File: f.shown(), Line: line, Library: f.library}
}

// libraryName gives the library's name for a path, if it lies below the base
// directory and the library has such a file.
func (o *overlay) libraryName(path string) (string, bool) {
	if o.library == nil {
		return "", false
	}
	rel, err := filepath.Rel(o.dir, path)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	info, err := fs.Stat(o.library, rel)
	if err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	return rel, true
}

// exists tells whether a path names something in the overlay. A folder or a
// broken link on disk counts as the reference counts it: the first exists, the
// second does not.
func (o *overlay) exists(path string) bool {
	if _, ok := o.parsed[path]; ok {
		return true
	}
	if _, err := os.Stat(path); err == nil || !missing(err) {
		return true
	}
	_, ok := o.libraryName(path)
	return ok
}

// missing tells whether an error of stat says that there is no such file.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || strings.HasSuffix(err.Error(), "not a directory")
}

// includable tells whether a path is a file that an include may name.
func (o *overlay) includable(path string) bool {
	if info, err := os.Stat(path); err == nil {
		return !info.IsDir()
	}
	_, ok := o.libraryName(path)
	return ok
}

// read gives the parsed file of a path.
func (o *overlay) read(path string) *sourceFile {
	if f, ok := o.parsed[path]; ok {
		return f
	}
	f := o.parse(path)
	o.parsed[path] = f
	return f
}

func (o *overlay) parse(path string) *sourceFile {
	info, err := os.Stat(path)
	if err != nil && missing(err) {
		if name, ok := o.libraryName(path); ok {
			return o.parseLibrary(name)
		}
	}
	f := &sourceFile{path: path}
	if err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeCharDevice == 0 {
		err = fmt.Errorf("it is %s, not a file", fileKind(info.Mode()))
	}
	if err != nil {
		f.faults = []ini.Fault{{Kind: ini.Unreadable, File: path, Err: innermost(err)}}
		return f
	}
	r, err := os.Open(path)
	if err != nil {
		f.faults = []ini.Fault{{Kind: ini.Unreadable, File: path, Err: innermost(err)}}
		return f
	}
	defer func() { _ = r.Close() }()
	f.ini, f.faults = ini.Parse(path, sized{r, info.Size()}, ini.Limits{})
	return f
}

func (o *overlay) parseLibrary(name string) *sourceFile {
	f := &sourceFile{path: name, library: true}
	text, err := fs.ReadFile(o.library, name)
	if err != nil {
		f.faults = []ini.Fault{{Kind: ini.Unreadable, File: f.shown(), Err: innermost(err)}}
		return f
	}
	f.ini, f.faults = ini.ParseString(f.shown(), string(text))
	return f
}

// sized is a reader that knows how long it is, so that a buffer is made once.
type sized struct {
	io.Reader
	size int64
}

// Size gives the length of the file as it was when opened.
func (s sized) Size() int64 { return s.size }

func fileKind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// innermost strips the operation and path that os errors carry: whoever prints
// the fault names the file already.
func innermost(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// glob lists the files of a folder on disk that end in suffix and are not
// hidden, sorted by code point.
func (o *overlay) glob(dir, suffix string) []string {
	names, ok := o.dirs[dir]
	if !ok {
		if d, err := os.Open(dir); err == nil {
			names, _ = d.Readdirnames(-1)
			_ = d.Close()
			sort.Strings(names)
		}
		o.dirs[dir] = names
	}
	var out []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") {
			out = append(out, filepath.Join(dir, name))
		}
	}
	return out
}

// group lists the existing files of a logical name in read order: conf, .d
// confs, local, .d locals.
func (o *overlay) group(base string) []string {
	var files []string
	if o.exists(base + ".conf") {
		files = append(files, base+".conf")
	}
	files = append(files, o.glob(base+".d", ".conf")...)
	if o.exists(base + ".local") {
		files = append(files, base+".local")
	}
	return append(files, o.glob(base+".d", ".local")...)
}

// libraryNames lists the files of a folder of the library.
func (o *overlay) libraryNames(folder string) []string {
	if o.library == nil {
		return nil
	}
	entries, err := fs.ReadDir(o.library, folder)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
