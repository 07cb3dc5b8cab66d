package action

import (
	"slices"
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// secretNames are how parameters end that hold a key, in stock actions and in
// those that people write.
var secretNames = []string{"apikey", "api_key", "token", "password", "passwd", "pass", "secret", "auth"}

// minSecret is the shortest value that is taken for a secret: shorter ones
// stand in too many other words.
const minSecret = 4

// secrets are the values that have no place in the log.
func (p *properties) secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for name, v := range p.values {
		name, _, _ = strings.Cut(strings.ToLower(name), "?")
		value := pyobj.Str(v)
		if len(value) >= minSecret && !strings.ContainsAny(value, "<>") &&
			slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(name, end) }) {
			all = append(all, value)
		}
	}
	return all
}

// hide takes secrets out of log lines: a command that fails is logged with its
// text, and the text holds them.
func hide(logs []logbook.Record, secrets []string) {
	for _, s := range secrets {
		for i := range logs {
			logs[i].Text = strings.ReplaceAll(logs[i].Text, s, "***")
		}
	}
}
