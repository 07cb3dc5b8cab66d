package config

import (
	"os"
	"path/filepath"
	"strings"
)

// globFiles lists the files a log path stands for, in the order of their
// folders, as Python's glob does. Links that lead nowhere come apart.
func globFiles(pattern string) (files, dangling []string) {
	for _, f := range globNames(pattern) {
		if _, err := os.Stat(f); err != nil {
			dangling = append(dangling, f)
			continue
		}
		files = append(files, f)
	}
	return files, dangling
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

// globNames lists all names a pattern stands for, links to nowhere included.
func globNames(pattern string) []string {
	if strings.IndexByte(pattern, 0) >= 0 {
		return nil
	}
	dir, base := splitPath(pattern)
	if !hasMagic(pattern) {
		if exists(pattern, base == "", dir) {
			return []string{pattern}
		}
		return nil
	}
	dirs := []string{dir}
	if dir != pattern && hasMagic(dir) {
		dirs = globNames(dir)
	}
	var out []string
	for _, d := range dirs {
		switch {
		case !hasMagic(base):
			if path := join(d, base); exists(path, base == "", d) {
				out = append(out, path)
			}
		default:
			for _, name := range list(d) {
				if (name[0] != '.' || base[0] == '.') && matchName(base, name) {
					out = append(out, join(d, name))
				}
			}
		}
	}
	return out
}

// splitPath splits like Python's os.path.split: the folder loses its trailing
// slashes unless it is nothing else.
func splitPath(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/') + 1
	dir, base = path[:i], path[i:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, base
}

func join(dir, base string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + base
	}
	return dir + "/" + base
}

// exists asks for a name without following links; a pattern that ends in a
// slash wants a folder.
func exists(path string, folder bool, dir string) bool {
	if folder {
		info, err := os.Stat(dir)
		return err == nil && info.IsDir()
	}
	_, err := os.Lstat(path)
	return err == nil
}

// list gives the names of a folder in the order the system has them.
func list(dir string) []string {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return nil
	}
	defer func() { _ = d.Close() }()
	names, _ := d.Readdirnames(-1)
	return names
}

// matchName matches a name with *, ? and [a-z] or [!a-z].
func matchName(pattern, name string) bool {
	p, s := []rune(pattern), []rune(name)
	pi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		if pi < len(p) && p[pi] == '*' {
			star, mark = pi, si
			pi++
			continue
		}
		if pi < len(p) {
			if width, ok := matchRune(p[pi:], s[si]); ok {
				pi += width
				si++
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		pi, si = star+1, mark
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

// matchRune matches one character and tells how much of the pattern it took.
func matchRune(p []rune, r rune) (width int, ok bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		if end := classEnd(p); end > 0 {
			return end + 1, inClass(p[1:end], r)
		}
	}
	return 1, p[0] == r
}

// classEnd finds the "]" that closes a class, 0 when there is none.
func classEnd(p []rune) int {
	i := 1
	if i < len(p) && p[i] == '!' {
		i++
	}
	if i < len(p) && p[i] == ']' {
		i++
	}
	for i < len(p) && p[i] != ']' {
		i++
	}
	if i >= len(p) {
		return 0
	}
	return i
}

func inClass(class []rune, r rune) bool {
	negated := len(class) > 0 && class[0] == '!'
	if negated {
		class = class[1:]
	}
	found := false
	for i := 0; i < len(class); i++ {
		if i+2 < len(class) && class[i+1] == '-' {
			found = found || class[i] <= r && r <= class[i+2]
			i += 2
			continue
		}
		found = found || class[i] == r
	}
	return found != negated
}
