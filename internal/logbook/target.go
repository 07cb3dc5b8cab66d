package logbook

import (
	"strings"

	"stockade/internal/pyobj"
)

// targetSpec is a target as a user writes it: NAME[option=value, …].
type targetSpec struct {
	name    string
	options map[string]string
}

// parseTarget splits a target into name and options. The errors are those of
// the reference.
func parseTarget(text string) (targetSpec, error) {
	spec := targetSpec{name: text, options: map[string]string{}}
	if at := strings.IndexByte(text, '['); at >= 0 {
		if at == 0 || !strings.HasSuffix(strings.TrimRight(text, " \t"), "]") {
			return spec, pyobj.Builtin("ValueError", "unexpected option syntax")
		}
		spec.name = text[:at]
		inner := strings.TrimRight(text[at+1:], " \t")
		if err := spec.parseOptions(inner[:len(inner)-1]); err != nil {
			return spec, err
		}
	}
	if spec.name == "" {
		return spec, pyobj.Builtin("ValueError", "unexpected option syntax")
	}
	return spec, nil
}

// parseOptions reads name=value pairs, separated by commas, blanks or "][";
// values may stand in quotes.
func (t *targetSpec) parseOptions(text string) error {
	const separators = " \t\n,[]"
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(separators, text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return nil
		}
		equals := strings.IndexByte(text[at:], '=')
		name := ""
		if equals > 0 {
			name = strings.TrimRight(text[at:at+equals], " \t")
		}
		if name == "" || strings.ContainsAny(name, separators+`"'`) {
			return pyobj.Errorf("ValueError", "expected option, wrong syntax at %d: %s", at, text[at:])
		}
		at += equals + 1
		for at < len(text) && text[at] == ' ' {
			at++
		}
		end, value := at, ""
		if at < len(text) && (text[at] == '"' || text[at] == '\'') && strings.IndexByte(text[at+1:], text[at]) >= 0 {
			end = at + 1 + strings.IndexByte(text[at+1:], text[at])
			value = text[at+1 : end]
			end++
		} else {
			for end < len(text) && strings.IndexByte(separators, text[end]) < 0 {
				end++
			}
			value = text[at:end]
		}
		t.options[name] = value
		at = end
	}
}

// on reads a switch of the options.
func (t *targetSpec) on(name string, byDefault bool) bool {
	v, ok := t.options[name]
	if !ok {
		return byDefault
	}
	switch strings.ToLower(v) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

// kind is the name without what does not count.
func (t *targetSpec) kind() string { return strings.ToUpper(strings.TrimSpace(t.name)) }

// formatText is the format string that the target and its options ask for.
func (t *targetSpec) formatText() string {
	if f, ok := t.options["format"]; ok {
		return f
	}
	withTime, padded := true, true
	switch t.kind() {
	case "SYSOUT":
		withTime = false
	case "SYSLOG":
		withTime, padded = false, false
	case "SYSTEMD-JOURNAL":
		return "%(message)s"
	}
	f := narrowFormat
	if t.on("padding", padded) {
		f = paddedFormat
	}
	if t.on("datetime", withTime) {
		f = timeFormat + f
	}
	return f
}

// isStream says whether flushing answers "flushed": only the names in their
// exact spelling count.
func isStream(name string) bool {
	switch name {
	case "STDOUT", "STDERR", "SYSLOG", "SYSTEMD-JOURNAL":
		return true
	}
	return false
}
