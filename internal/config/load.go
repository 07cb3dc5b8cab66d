package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultDir is where configuration lives unless told otherwise.
const DefaultDir = "/etc/fail2ban"

// Version is the version of Fail2ban whose behaviour is kept; files see it as
// %(fail2ban_version)s.
const Version = "1.1.1"

// Tree is a loaded configuration.
type Tree struct {
	opts        Options
	overlay     *overlay
	general     *fileSet
	jails       *fileSet
	definitions map[string]*fileSet
	// filters are those read, by request: many jails share one.
	filters  map[string]*definition
	server   ServerOptions
	findings []Finding
}

// Load reads fail2ban.* and jail.* with their includes. Filters and actions
// are read when a stream asks for them. An error means that nothing can be
// made of the tree; its text is Fail2ban's where it has one.
func Load(opts Options) (*Tree, error) {
	t, err := open(opts)
	if err != nil {
		return nil, err
	}
	if err := t.loadGeneral(); err != nil {
		return nil, err
	}
	if err := t.loadJails(); err != nil {
		return nil, err
	}
	return t, nil
}

// LoadServer reads fail2ban.* only: what a client needs to find its server.
func LoadServer(opts Options) (*Tree, error) {
	t, err := open(opts)
	if err != nil {
		return nil, err
	}
	return t, t.loadGeneral()
}

// open prepares a tree without reading anything.
func open(opts Options) (*Tree, error) {
	if opts.Dir == "" {
		opts.Dir = DefaultDir
	}
	dir := filepath.Clean(opts.Dir)
	if _, err := os.Stat(dir); err != nil {
		absent := errors.Is(err, fs.ErrNotExist)
		if absent && (opts.Explicit || opts.Library == nil) {
			return nil, fmt.Errorf("Base configuration directory %s does not exist ", opts.Dir) // Fail2ban's text
		}
		if !absent {
			return nil, fmt.Errorf("read configuration directory: %w", err)
		}
	}
	return &Tree{opts: opts, overlay: newOverlay(dir, opts.Library), definitions: map[string]*fileSet{}, filters: map[string]*definition{}}, nil
}

// Findings are what was noticed while loading.
func (t *Tree) Findings() []Finding { return t.findings }

// loadSet reads fail2ban or jail and refuses what Fail2ban refuses as a whole.
func (t *Tree) loadSet(name, refusal string) (*fileSet, error) {
	set := t.overlay.load(name)
	if len(set.files) == 0 {
		return nil, fmt.Errorf("%s Found no accessible config files for '%s' under %s", refusal, name, t.overlay.dir)
	}
	if len(set.whole) > 0 {
		return nil, fmt.Errorf("%s %w", refusal, set.whole[0])
	}
	if len(set.includes) > 0 {
		return nil, set.includes[0]
	}
	return set, nil
}

// loadJails reads jail.*. Faults in one section cost that section only.
func (t *Tree) loadJails() error {
	set, err := t.loadSet("jail", "Read jails configuration failed.")
	if err != nil {
		return err
	}
	t.jails = set
	for _, f := range set.defaults.broken {
		p := faultProblem(f)
		p.Cure = strings.TrimPrefix(p.Cure+"; until then the later value holds", "; ")
		t.findings = append(t.findings, *p)
	}
	return nil
}

// Jails names all jails of the configuration in order of first appearance.
func (t *Tree) Jails() []string {
	var names []string
	for _, name := range t.jails.order {
		if name != "INCLUDES" {
			names = append(names, name)
		}
	}
	return names
}

// Files are all files read so far, in no particular order.
func (t *Tree) Files() []string {
	var names []string
	for _, f := range t.overlay.parsed {
		names = append(names, f.shown())
	}
	return names
}
