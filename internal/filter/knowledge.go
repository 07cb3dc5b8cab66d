package filter

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"time"

	"stockade/internal/datepattern"
)

// knowledge is what a filter has learnt from its lines: with its kind, it
// decides what becomes of the next ones. It is not changed.
type knowledge struct {
	dates *datepattern.Detector
	last  lastDate
	once  map[string]time.Time
	sess  sessions
	now   time.Time
}

// knowledge copies what the filter knows.
func (f *Filter) knowledge() *knowledge {
	k := &knowledge{dates: f.dates.Clone(f.env), last: f.last, once: maps.Clone(f.once), sess: f.sess.clone(), now: f.now}
	k.last.text = slices.Clone(f.last.text)
	return k
}

// learn makes the filter know this and nothing else.
func (f *Filter) learn(k *knowledge) {
	f.dates, f.last = k.dates.Clone(f.env), k.last
	f.last.text = slices.Clone(k.last.text)
	f.once, f.sess, f.now = maps.Clone(k.once), k.sess.clone(), k.now
}

// isOf says that a filter knows this. When it warned last is not compared, nor
// are times that depend on when the lines came.
func (k *knowledge) isOf(f *Filter) bool {
	return k.last.known == f.last.known && k.last.integer == f.last.integer && bytes.Equal(k.last.text, f.last.text) &&
		k.dates.Agrees(f.dates) && k.sess.agree(&f.sess, f.now)
}

// clone copies the sessions.
func (s *sessions) clone() sessions {
	var c sessions
	c.init()
	for r := range s.all() {
		n := *r
		n.data, n.users = slices.Clone(r.data), slices.Clone(r.users)
		n.matches, n.saved = slices.Clone(r.matches), slices.Clone(r.saved)
		n.aside = asideLines{slices.Clone(r.aside.text), slices.Clone(r.aside.ends)}
		n.older, n.newer = nil, nil
		c.add(&n)
	}
	return c
}

// agree says that the same is known of the same sessions. Those that are over
// do not count.
func (s *sessions) agree(o *sessions, now time.Time) bool {
	live := func(r *session) *session {
		for r != nil && now.After(r.until) {
			r = r.newer
		}
		return r
	}
	a, b := live(s.oldest), live(o.oldest)
	for a != nil && b != nil && a.agrees(b) {
		a, b = live(a.newer), live(b.newer)
	}
	return a == nil && b == nil
}

func (r *session) agrees(o *session) bool {
	return r.key == o.key && r.pending == o.pending && r.noFail == o.noFail && r.noted == o.noted && r.has == o.has &&
		slices.Equal(r.users, o.users) && slices.Equal(r.matches, o.matches) && slices.Equal(r.saved, o.saved) &&
		bytes.Equal(r.aside.text, o.aside.text) && slices.Equal(r.aside.ends, o.aside.ends) &&
		slices.EqualFunc(r.data, o.data, func(x, y Entry) bool {
			return x.Group == y.Group && x.Text == y.Text && x.Null == y.Null && reflect.DeepEqual(x.Other, y.Other)
		})
}
