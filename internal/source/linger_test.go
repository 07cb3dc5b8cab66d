package source

import (
	"os"
	"testing"
	"time"

	"stockade/internal/clock"
)

// generations asks a reader how many files it has open.
func (l *listener) generations() (n int) {
	r := l.sub.feeder.(*reader)
	r.do(func() {
		r.pass()
		n = len(r.gens)
	})
	return n
}

func TestRotatedFileIsLetGoWhenNobodyWritesToIt(t *testing.T) {
	now := clock.NewManual(time.Unix(1_800_000_000, 0))
	path := logFile(t, "a1\n")
	l := listen(t, newHub(t, Options{Clock: now}), path, SubscribeOptions{})
	l.want("a1")
	rename(t, path, path+".1")
	write(t, path, "b1\n")
	l.want("b1")
	now.Advance(linger - time.Second)
	add(t, path+".1", "a2\n") // a late writer begins its time anew
	l.want("a2")
	now.Advance(linger - time.Second)
	if n := l.generations(); n != 2 {
		t.Errorf("%d files are open", n)
	}
	now.Advance(2 * time.Second)
	if n := l.generations(); n != 1 {
		t.Errorf("%d files are open afterwards", n)
	}
}

func TestDeletedFileGivesItsRoomBack(t *testing.T) {
	now := clock.NewManual(time.Unix(1_800_000_000, 0))
	path := logFile(t, "a1\n")
	l := listen(t, newHub(t, Options{Clock: now}), path, SubscribeOptions{})
	l.want("a1")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n := l.generations(); n != 1 {
		t.Errorf("%d files are open", n)
	}
	now.Advance(lingerUnlinked + time.Second)
	if n := l.generations(); n != 0 {
		t.Errorf("%d files are open afterwards", n)
	}
	write(t, path, "b1\n")
	l.want("b1")
}
