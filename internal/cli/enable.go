package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stockade/internal/config"
	"stockade/internal/source"
)

// jailVerb switches a jail on or off in the configuration.
func (s *stockade) jailVerb(args []string) int {
	options, rest, err := s.parse(args, "conf=")
	if err != nil || len(rest) != 2 || rest[0] != "enable" && rest[0] != "disable" {
		return s.misuse("jail", err)
	}
	dir, name, on := confDir(options), rest[1], rest[0] == "enable"
	w, err := s.wouldWatch(dir, name)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	path, changed, err := switchJail(dir, name, on)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	state := map[bool]string{true: "on", false: "off"}[on]
	if !changed {
		s.printf("%s is %s already: %s\n", name, state, path)
	} else {
		s.printf("%s is %s now: %s\n", name, state, path)
	}
	if on {
		s.explain(w, source.HasJournal())
	}
	s.printf("a running Stockade takes it up with:  stockade reload\n")
	return 0
}

func confDir(options values) string {
	if dir := options["conf"]; dir != "" {
		return dir
	}
	return config.DefaultDir
}

// wouldWatch tells what a jail will do once it is enabled; an error says that
// it cannot work.
func (s *stockade) wouldWatch(dir, name string) (watched, error) {
	stream, err := s.streamOf(dir, name)
	if err != nil {
		return watched{}, err
	}
	return watchedOf(stream, name), nil
}

// streamOf makes the commands of a jail as if it were enabled.
func (s *stockade) streamOf(dir, name string) (config.Stream, error) {
	tree, err := config.Load(config.Options{Dir: dir, Library: s.env.Library, Enable: []string{name}})
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if !slices.Contains(tree.Jails(), name) {
		return nil, fmt.Errorf("there is no jail %q. What there is: stockade library list", name)
	}
	result, err := tree.Stream(name, config.Start)
	if err != nil {
		return nil, fmt.Errorf("read the jail %s: %w", name, err)
	}
	if !slices.Contains(result.Good, name) {
		for _, f := range result.Findings {
			if f.Severity == config.Error {
				return nil, fmt.Errorf("jail %s cannot work: %w", name, &f)
			}
		}
		return nil, fmt.Errorf("jail %s cannot work. To see why: stockade check", name)
	}
	return result.Stream, nil
}

var (
	sectionHead = regexp.MustCompile(`^\[([^\]]+)\]`)
	enabledLine = regexp.MustCompile(`(?i)^enabled\s*[=:]\s*(\S*)`)
)

// switchJail writes whether a jail is enabled into a file of its own, which is
// read after all others. The rest of the file is kept.
func switchJail(dir, name string, on bool) (path string, changed bool, err error) {
	// A jail's name becomes a file's name.
	if strings.ContainsAny(name, "/\\\x00\n") || strings.HasPrefix(name, ".") {
		return "", false, fmt.Errorf("%q is no name for a file: enable the jail in jail.local", name)
	}
	path = filepath.Join(dir, "jail.d", name+".local")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return path, false, err
	}
	text := setEnabled(string(old), name, on)
	if text == string(old) {
		return path, false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return path, false, err
	}
	return path, true, replaceFile(path, []byte(text), 0o644)
}

// setEnabled sets the option in the text of a configuration file.
func setEnabled(text, name string, on bool) string {
	want := fmt.Sprintf("enabled = %t\n", on)
	lines := strings.SplitAfter(text, "\n")
	head := -1
	for i, line := range lines {
		if m := sectionHead.FindStringSubmatch(line); m != nil {
			if head >= 0 {
				break
			}
			if m[1] == name {
				head = i
			}
			continue
		}
		if head < 0 {
			continue
		}
		if m := enabledLine.FindStringSubmatch(line); m != nil {
			if isTrue(m[1]) != on {
				lines[i] = want
			}
			return strings.Join(lines, "")
		}
	}
	if head < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + "[" + name + "]\n" + want
	}
	lines[head] = strings.TrimSuffix(lines[head], "\n") + "\n" + want
	return strings.Join(lines, "")
}

func isTrue(word string) bool {
	switch strings.ToLower(word) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

// reloadVerb has the running server read its configuration again, of all jails
// or of one.
func (s *stockade) reloadVerb(args []string) int {
	given, rest, err := s.parse(args, "socket=", "conf=")
	if err != nil || len(rest) > 1 {
		return s.misuse("reload", err)
	}
	c := newClient(s.env, false)
	c.log = newLog(s.env, 1)
	socket := s.findSocket(given["socket"], given["conf"])
	// A server of `+"`stockade run`"+` keeps everything in the directory of its socket.
	own := filepath.Clean(socket) == filepath.Join(runDir, socketName)
	c.opts = &options{conf: confDir(given), explicitConf: given.has("conf"), socket: socket, verbosity: 1}
	if own {
		c.opts = runOptions(absolute(runDir), given["conf"])
	}
	c.given = *c.opts
	name := "--all"
	jail := strings.Join(rest, "")
	if jail != "" {
		name = jail
	}
	result, ok := c.readConfiguration(jail, config.Start)
	if !ok {
		s.complain("nothing was changed. To see what is wrong: stockade check%s", confHint(given["conf"]))
		return wentWrong
	}
	if own {
		result.Stream = adapt(result.Stream, absolute(runDir), os.Geteuid() == 0)
	}
	if _, err := s.request(socket, []any{"reload", name, []any{}, result.Stream.Words(), config.EncodeSidecar(result.Stream)}); err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	s.printf("reloaded")
	if len(result.Bad) > 0 {
		s.printf("; with errors and left as they were: %s. To see why: stockade check%s", strings.Join(result.Bad, ", "), confHint(given["conf"]))
	}
	s.printf("\n")
	return 0
}
