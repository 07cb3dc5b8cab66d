package cli

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"stockade/library"
)

// libraryVerb shows the built-in configuration, or writes it into a directory.
func (s *stockade) libraryVerb(args []string) int {
	options, rest, err := s.parse(args, "force", "system=", "sums=")
	if err != nil || len(rest) == 0 {
		return s.misuse("library", err)
	}
	files := s.env.Library
	if system, ok := options["system"]; ok {
		if _, err := fs.Stat(files, "paths-"+system+".conf"); err != nil {
			s.complain("there are no paths for the system %q. What there is: %s", system, strings.Join(systems(files), ", "))
			return misused
		}
		files = library.For(system)
	}
	switch {
	case rest[0] == "list" && len(rest) == 1:
		return s.listLibrary(files)
	case rest[0] == "show" && len(rest) == 2:
		return s.showLibrary(files, rest[1])
	case rest[0] == "export" && len(rest) == 2:
		return s.exportLibrary(files, rest[1], options["sums"], options.has("force"))
	}
	return s.misuse("library", nil)
}

// systems are those that have a file of paths.
func systems(files fs.FS) []string {
	// The pattern is right.
	names, _ := fs.Glob(files, "paths-*.conf")
	var found []string
	for _, n := range names {
		n = strings.TrimSuffix(strings.TrimPrefix(n, "paths-"), ".conf")
		if n != "common" {
			found = append(found, n)
		}
	}
	return found
}

var sectionLine = regexp.MustCompile(`(?m)^\[([^\]]+)\]`)

// jailNames are the jails of jail.conf, in its order.
func jailNames(files fs.FS) ([]string, error) {
	text, err := fs.ReadFile(files, "jail.conf")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range sectionLine.FindAllSubmatch(text, -1) {
		if name := string(m[1]); name != "DEFAULT" && name != "INCLUDES" {
			names = append(names, name)
		}
	}
	return names, nil
}

func (s *stockade) listLibrary(files fs.FS) int {
	jails, err := jailNames(files)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	s.printf("jails\n")
	for _, name := range jails {
		s.printf("  %s\n", name)
	}
	for _, kind := range []string{"filter", "action"} {
		entries, err := fs.ReadDir(files, kind+".d")
		if err != nil {
			s.complain("%v", err)
			return wentWrong
		}
		s.printf("%ss\n", kind)
		for _, e := range entries {
			if !e.IsDir() {
				s.printf("  %s\n", strings.TrimSuffix(e.Name(), ".conf"))
			}
		}
	}
	return 0
}

// showLibrary prints a file, by its path or by the name of a filter or action,
// or the section of a jail. A name that several things have prints all.
func (s *stockade) showLibrary(files fs.FS, name string) int {
	found := 0
	show := func(title string, text []byte) {
		if found++; found > 1 {
			s.printf("\n")
		}
		s.printf("# ---- %s\n\n%s", title, text)
	}
	if section := jailSection(files, name); section != nil {
		show("jail.conf", section)
	}
	for _, file := range []string{name, "filter.d/" + name + ".conf", "action.d/" + name + ".conf", "action.d/" + name} {
		if text, err := fs.ReadFile(files, path.Clean(file)); err == nil {
			show(path.Clean(file), text)
		}
	}
	if found == 0 {
		s.complain("the library has no jail, filter, action or file %q. What there is: stockade library list", name)
		return wentWrong
	}
	return 0
}

// jailSection is a jail's part of jail.conf, nil if there is none.
func jailSection(files fs.FS, name string) []byte {
	text, err := fs.ReadFile(files, "jail.conf")
	if err != nil {
		return nil
	}
	head := []byte("\n[" + name + "]\n")
	i := bytes.Index(text, head)
	if i < 0 || name == "DEFAULT" || name == "INCLUDES" {
		return nil
	}
	text = text[i+1:]
	if next := sectionLine.FindIndex(text[1:]); next != nil {
		text = text[:next[0]+1]
	}
	// What stands right before the next section speaks of that one.
	lines := strings.SplitAfter(string(text), "\n")
	for len(lines) > 0 {
		last := strings.TrimSpace(lines[len(lines)-1])
		if last != "" && !strings.HasPrefix(last, "#") {
			break
		}
		lines = lines[:len(lines)-1]
	}
	return []byte(strings.Join(lines, ""))
}
