package source

import (
	"errors"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source/journal"
)

// together gathers those of the listeners from the i-th on that are given the
// next batch in one: mates at the same place.
func (r *journalReader) together(i int) []*Subscription {
	s := r.subs[i]
	r.group = append(r.group[:0], s)
	if s.mates == nil {
		return r.group
	}
	for _, o := range r.subs[i+1:] {
		if o.able && o.mates == s.mates && o.journal.alongside(&s.journal) && o.catchingUp() == s.catchingUp() {
			o.able = false
			r.group = append(r.group, o)
		}
	}
	return r.group
}

// serve delivers one batch to a group. It returns true when there may be more
// for it.
func (r *journalReader) serve(group []*Subscription) (more bool) {
	more = r.serveFirst(group)
	for _, o := range group[1:] {
		o.journal.follow(&group[0].journal)
	}
	return more
}

// serveFirst moves only the first of the group on.
func (r *journalReader) serveFirst(group []*Subscription) (more bool) {
	s := group[0]
	var out journalBatch
	defer out.end()
	for range scansPerTurn {
		p, err := s.journal.next(func(f *journalFile) { r.using = f })
		if err != nil {
			r.giveUp(p.from, err)
			break
		}
		if p == nil {
			r.hand(group, &out)
			r.enter(group)
			return false
		}
		full, err := r.compose(group, p, &out)
		if err != nil {
			r.giveUp(p.from, err)
			break
		}
		if full {
			break
		}
	}
	r.hand(group, &out)
	return true
}

// journalBatch is a block that is being filled. It is made when there is
// something to put into it.
type journalBatch struct {
	blk  *block
	used int
}

func (b *journalBatch) end() {
	if b.blk != nil {
		b.blk.drop()
	}
}

func (b *journalBatch) add(line []byte, t time.Time, stamp string) {
	cut := max(len(line)-MaxLine, 0)
	n := copy(b.blk.buf[b.used:], line[:len(line)-cut])
	text := b.blk.buf[b.used : b.used+n : b.used+n]
	b.blk.lines = append(b.blk.lines, Line{Text: text, Cut: int64(cut), Time: t, Stamp: stamp})
	b.used += n
}

// full says that a further line may not find room.
func (b *journalBatch) full() bool {
	return len(b.blk.lines) >= linesPerBatch || len(b.blk.buf)-b.used < MaxLine
}

// compose puts the next entry of a place into a batch, if it is wanted. It
// returns true when the batch is to be delivered first, or now.
func (r *journalReader) compose(group []*Subscription, p *journalPlace, out *journalBatch) (deliver bool, err error) {
	r.using = p.from
	wanted, err := p.filter.Matches(&p.head)
	if err != nil {
		return false, err
	}
	if !wanted {
		return false, p.pass()
	}
	p.missed = 0
	var t time.Time
	r.line, t, err = r.composer.Compose(r.line[:0], &p.head)
	if errors.Is(err, journal.ErrXZ) {
		for _, s := range group {
			s.tell(logbook.Error, journalLogger, err.Error())
		}
		err = nil
	}
	if err != nil {
		return false, err
	}
	if r.hub.clock.Now().Sub(t) < recentEntry && group[0].catchingUp() {
		if out.used > 0 {
			return true, nil // the older ones are not of the same kind
		}
		r.enter(group)
	}
	p.skip()
	if out.blk == nil {
		out.blk = newBlock(largeBlock)
	}
	out.add(r.line, t, r.stamps.Stamp(t))
	return out.full(), nil
}

// enter begins operation.
func (r *journalReader) enter(group []*Subscription) {
	for _, s := range group {
		if s.enter() {
			s.tell(logbook.Info, journalLogger, "Jail is in operation now (process new journal entries)")
		}
	}
}

func (r *journalReader) hand(group []*Subscription, out *journalBatch) {
	if out.blk == nil {
		return
	}
	r.active = r.hub.clock.Now()
	gather(group)
	for _, s := range group {
		out.blk.refs.Add(1)
		s.deliver(&Batch{
			Kind: Journal, Path: JournalPath, Lines: out.blk.lines,
			Company: s.company.id(), Board: &out.blk.board, blk: out.blk, bytes: int64(out.used),
		})
	}
}
