package source

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source/journal"
)

// JournalOptions say what of which journal is to be read.
type JournalOptions struct {
	// Matches are the configured journalmatch lines, each split like a shell
	// does; all are alternatives. None: every entry.
	Matches [][]string
	// Path, Files (globs are expanded), Flags, Namespace and Rotated are the
	// backend's arguments; Flags is -1 where it was not given.
	Path      string
	Files     []string
	Flags     int
	Namespace string
	Rotated   bool
	// Start is the stored position and Since now - findtime; reading begins at
	// the later one. Entries that were rotated away since Start are read too.
	Start Position
	Since time.Time
	// Mates, Window and Sink are as for files; mates have the same Matches. Notice gets the reference's messages
	// without the name of the jail, which stands before them in brackets.
	Mates  any
	Window int
	Sink   func(*Batch)
	Notice func(logbook.Record)

	root string // for tests: where the system's directories are
}

// journalKey tells journals apart that need readers of their own.
type journalKey struct {
	path, files, namespace, root string
	flags                        int
	rotated                      bool
}

func (o *JournalOptions) key() journalKey {
	return journalKey{o.Path, strings.Join(o.Files, "\x00"), o.Namespace, o.root, o.Flags, o.Rotated}
}

// SubscribeJournal begins to read the systemd journal. The error is about the
// options only: a journal that is not there is waited for.
func (h *Hub) SubscribeJournal(opts JournalOptions) (*Subscription, error) {
	if opts.Sink == nil {
		return nil, fmt.Errorf("subscribe to journal: a sink is needed")
	}
	match, err := journal.ParseMatch(opts.Matches)
	if err != nil {
		return nil, fmt.Errorf("subscribe to journal: %w", err)
	}
	if opts.Flags < 0 {
		opts.Flags = defaultFlags()
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, errClosed
	}
	key := opts.key()
	r := h.journals[key]
	if r == nil {
		r = newJournalReader(h, key, &opts)
		h.journals[key] = r
		h.running.Go(r.run)
	}
	s := newSubscription(JournalPath, r, h.clock, opts.Window, opts.Sink, opts.Notice)
	s.journal.match, s.journal.text, s.mates = match, fmt.Sprintf("%q", opts.Matches), opts.Mates
	s.acked = Position{Path: JournalPath, Hash: opts.Start.Hash, Pos: opts.Start.Pos}
	r.interested++
	h.mu.Unlock()
	r.do(func() { r.attach(s, &opts) })
	return h.unlessClosed(s)
}

// defaultFlags is -1, or what the reference's environment variable says.
func defaultFlags() int {
	n, err := strconv.ParseInt(os.Getenv("F2B_SYSTEMD_DEFAULT_FLAGS"), 0, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

// releaseJournal is release for the journal.
func (h *Hub) releaseJournal(r *journalReader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.interested--; r.interested == 0 {
		delete(h.journals, r.key)
		close(r.quit)
	}
}

// SetMatches replaces the journalmatch of a journal subscription. Entries that
// were passed over stay so.
func (s *Subscription) SetMatches(matches [][]string) error {
	match, err := journal.ParseMatch(matches)
	if err != nil {
		return fmt.Errorf("change journal match: %w", err)
	}
	if r, ok := s.feeder.(*journalReader); ok {
		r.do(func() {
			s.journal.match, s.journal.text = match, fmt.Sprintf("%q", matches)
			for _, p := range s.journal.places {
				p.filter = match.In(p.from.File)
			}
		})
	}
	return nil
}

// journalFile is an open file of the journal, shared by all who read it.
type journalFile struct {
	*journal.File
	listed bool // a name that is to be read leads to it
}

// journalPlace is where a listener stands in a file.
type journalPlace struct {
	from   *journalFile
	cursor journal.Cursor
	filter *journal.Filter
	head   journal.Entry // what comes next
	has    bool          // head is read
	missed int           // entries in a row that were not wanted
}

// journalCursor is where a listener stands in the journal as a whole.
type journalCursor struct {
	match  *journal.Match
	text   string // of the match
	places []*journalPlace
	begin  uint64 // microseconds; nothing older is wanted
}

func (c *journalCursor) placeIn(f *journalFile) *journalPlace {
	for _, p := range c.places {
		if p.from == f {
			return p
		}
	}
	return nil
}

// alongside says that another listener wants the same and stands at the same
// place.
func (c *journalCursor) alongside(o *journalCursor) bool {
	if c.text != o.text || len(c.places) != len(o.places) {
		return false
	}
	for _, p := range c.places {
		if q := o.placeIn(p.from); q == nil || q.cursor.Index() != p.cursor.Index() {
			return false
		}
	}
	return true
}

// follow goes to where another listener stands, from alongside.
func (c *journalCursor) follow(o *journalCursor) {
	for _, p := range o.places {
		if q := c.placeIn(p.from); q != nil {
			q.cursor, q.has, q.missed = p.cursor, false, p.missed
		}
	}
}

// add begins to read a file, at the listener's first time.
func (c *journalCursor) add(f *journalFile) error {
	p := &journalPlace{from: f, cursor: journal.Begin(f.File), filter: c.match.In(f.File)}
	if err := p.cursor.SeekTime(c.begin); err != nil {
		return err
	}
	c.places = append(c.places, p)
	return nil
}

// next finds the place with the entry that comes next over all files, nil at
// the end. Of an entry that is in several files only one is taken.
func (c *journalCursor) next(using func(*journalFile)) (*journalPlace, error) {
	var first *journalPlace
	for _, p := range c.places {
		if !p.has {
			using(p.from)
			ok, err := p.cursor.Peek(&p.head)
			if err != nil {
				return p, err
			}
			if p.has = ok; !ok {
				continue
			}
		}
		switch {
		case first == nil || p.head.Before(&first.head):
			first = p
		case p.head.Same(&first.head):
			p.skip()
		}
	}
	return first, nil
}

// patience is how many unwanted entries are looked at one by one before the
// next wanted one is looked up.
const patience = 32

// pass goes beyond an entry that is not wanted.
func (p *journalPlace) pass() error {
	p.skip()
	if p.missed++; p.missed < patience {
		return nil
	}
	p.missed = 0
	return p.filter.Jump(&p.cursor)
}

func (p *journalPlace) skip() {
	p.cursor.Skip()
	p.has = false
}
