package jail

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"stockade/internal/filter"
	"stockade/internal/source"
)

// intake is what came of one source.
type intake struct {
	lines, undated, odd uint64
	// undatedRun and oddRun count those of them at the end, without another in
	// between: what was put right is not held against a log for ever.
	undatedRun, oddRun uint64
	// readAt is when the last line was looked at, dated the last date that
	// stood in a line.
	readAt, dated time.Time
	// oddBy is by how much the last odd date was off.
	oddBy time.Duration
}

// intake is that of a source.
func (s *State) intake(path string) *intake {
	in := s.intakes[path]
	if in == nil {
		if s.intakes == nil {
			s.intakes = map[string]*intake{}
		}
		in = &intake{}
		s.intakes[path] = in
	}
	return in
}

// note takes in what the filter made of a line.
func (in *intake) note(now time.Time, info *filter.Info) {
	in.lines++
	in.readAt = now
	switch {
	case info.Undated:
		in.undated++
		in.undatedRun++
	case info.Odd != 0:
		in.odd++
		in.oddRun++
		in.oddBy, in.dated, in.undatedRun = info.Odd, now.Add(info.Odd), 0
	case info.HasTime:
		in.dated, in.undatedRun, in.oddRun = info.Time, 0, 0
	}
}

// SourceView is how it goes with one source of a jail.
type SourceView struct {
	// Path is that of the file, or source.JournalPath.
	Path string
	// Waiting says that there is no such file yet, Err why it is not read.
	Waiting bool
	Err     error
	// CaughtUp says that the end was reached once, Lag how many bytes are
	// written and not dealt with.
	CaughtUp bool
	Lag      int64
	// Lines, Cut, Undated and Odd count all lines, those that were too long,
	// those without a valid date, and those whose date was far from the present.
	Lines, Cut, Undated, Odd uint64
	// UndatedRun and OddRun count the latest of them, since the last line that
	// was neither.
	UndatedRun, OddRun uint64
	// ReadAt is when the last line was dealt with, Dated the last date in one;
	// zero for never.
	ReadAt, Dated time.Time
	// OddBy is by how much the last odd date was off.
	OddBy time.Duration
}

// Sources tells how it goes with the sources of the jail, by path.
func (j *Jail) Sources(ctx context.Context) ([]SourceView, error) {
	v, err := j.Do(ctx, func(s *State) (any, error) {
		var list []SourceView
		for path, sub := range j.subs {
			list = append(list, s.sourceView(path, sub.sub))
		}
		if j.journal != nil {
			list = append(list, s.sourceView(source.JournalPath, j.journal))
		}
		for _, p := range s.paths {
			if _, read := j.subs[p.Path]; p.Pending && !read && !s.matched(p) {
				list = append(list, SourceView{Path: p.Path, Waiting: true})
			}
		}
		slices.SortFunc(list, func(a, b SourceView) int {
			if a.Path < b.Path {
				return -1
			}
			return 1
		})
		return list, nil
	})
	if err != nil {
		return nil, err
	}
	return v.([]SourceView), nil
}

// matched tells whether a pattern has led to a file.
func (s *State) matched(p LogPath) bool {
	return isPattern(p) && slices.ContainsFunc(s.paths, func(o LogPath) bool { return o.FromPattern })
}

func (s *State) sourceView(path string, sub *source.Subscription) SourceView {
	in, st := s.intake(path), sub.State()
	return SourceView{
		Path: path, Waiting: errors.Is(st.Err, fs.ErrNotExist), Err: st.Err, CaughtUp: st.InOperation, Lag: st.Lag,
		Lines: in.lines, Cut: st.Cut, Undated: in.undated, Odd: in.odd,
		UndatedRun: in.undatedRun, OddRun: in.oddRun,
		ReadAt: in.readAt, Dated: in.dated, OddBy: in.oddBy,
	}
}
