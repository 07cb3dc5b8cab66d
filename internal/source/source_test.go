package source

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/logbook"
)

// deadline is how long a test waits for what must happen.
const deadline = 20 * time.Second

// got is a delivered line, copied.
type got struct {
	text   string
	pos    Position
	stored bool
	inOp   bool
	old    bool
	cut    int64
}

// listener collects what a subscription is given.
type listener struct {
	t     testing.TB
	sub   *Subscription
	lines chan got
	notes chan logbook.Record

	mu   sync.Mutex
	kept []*Batch
	stop bool
}

func newListener(t testing.TB) *listener {
	return &listener{t: t, lines: make(chan got, 1<<15), notes: make(chan logbook.Record, 1000)}
}

func listen(t testing.TB, h *Hub, path string, opts SubscribeOptions) *listener {
	t.Helper()
	l := newListener(t)
	l.subscribe(h, path, opts)
	return l
}

func (l *listener) subscribe(h *Hub, path string, opts SubscribeOptions) {
	l.t.Helper()
	opts.Sink = l.take
	opts.Notice = func(r logbook.Record) { l.notes <- r }
	sub, err := h.Subscribe(path, opts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.sub = sub
}

// pause keeps batches from now on instead of releasing them.
func (l *listener) pause() { l.mu.Lock(); l.stop = true; l.mu.Unlock() }

// resume releases what was kept, and everything from now on at once.
func (l *listener) resume() {
	l.mu.Lock()
	l.stop = false
	kept := l.kept
	l.kept = nil
	l.mu.Unlock()
	for _, b := range kept {
		b.Release()
	}
}

func (l *listener) take(b *Batch) {
	for i, ln := range b.Lines {
		p, ok := b.Position(i)
		l.lines <- got{text: string(ln.Text), pos: p, stored: ok, inOp: b.InOperation, old: b.Old, cut: ln.Cut}
	}
	l.mu.Lock()
	stop := l.stop
	if stop {
		l.kept = append(l.kept, b)
	}
	l.mu.Unlock()
	if !stop {
		b.Release()
	}
}

// next waits for n lines.
func (l *listener) next(n int) []got {
	l.t.Helper()
	var out []got
	timeout := time.After(deadline)
	for len(out) < n {
		select {
		case g := <-l.lines:
			out = append(out, g)
		case <-timeout:
			l.t.Fatalf("%d of %d lines came: %.300q", len(out), n, fmt.Sprint(out))
		}
	}
	return out
}

// want waits for exactly these lines.
func (l *listener) want(lines ...string) []got {
	l.t.Helper()
	out := l.next(len(lines))
	for i, g := range out {
		if g.text != lines[i] {
			l.t.Fatalf("line %d is %.200q, want %.200q", i, g.text, lines[i])
		}
	}
	return out
}

// note waits for a message.
func (l *listener) note(part string) logbook.Record {
	l.t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case r := <-l.notes:
			if strings.Contains(r.Text, part) {
				return r
			}
		case <-timeout:
			l.t.Fatalf("no message with %q came", part)
		}
	}
}

// settled runs the reader once more and fails if lines are left.
func (l *listener) settled() {
	l.t.Helper()
	r := l.sub.feeder.(*reader)
	r.do(func() { r.pass() })
	r.do(func() { r.pass() })
	select {
	case g := <-l.lines:
		l.t.Fatalf("a line too many: %.200q", g.text)
	default:
	}
}

func newHub(t testing.TB, opts Options) *Hub {
	h := New(opts)
	t.Cleanup(h.Close)
	return h
}

func logFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.log")
	write(t, path, content)
	return path
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func sha(line string) string {
	sum := sha1.Sum([]byte(line))
	return hex.EncodeToString(sum[:])
}

// backends runs a test with notifications and with polling.
func backends(t *testing.T, f func(t *testing.T, h *Hub)) {
	t.Run("notified", func(t *testing.T) { f(t, newHub(t, Options{})) })
	t.Run("polled", func(t *testing.T) { f(t, newHub(t, Options{Polling: true})) })
}

func TestFileIsReadAndFollowed(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "one\ntwo\r\r\n\n")
		l := listen(t, h, path, SubscribeOptions{})
		first := l.want("one", "two", "")
		if first[0].inOp || first[1].pos != (Position{path, sha("one\n"), 10}) {
			t.Errorf("first lines: %+v", first)
		}
		add(t, path, "three\n")
		if third := l.want("three"); !third[0].inOp || third[0].pos.Pos != 17 {
			t.Errorf("appended line: %+v", third)
		}
		l.settled()
		if s := l.sub.State(); !s.InOperation || s.Lines != 4 || s.Lag != 0 || s.Err != nil {
			t.Errorf("state: %+v", s)
		}
	})
}

// Matching trap 29.
func TestPartialLastLineWaitsForItsNewline(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "")
		l := listen(t, h, path, SubscribeOptions{})
		add(t, path, "bad 198.51.100.2")
		l.settled()
		add(t, path, "2\n")
		l.want("bad 198.51.100.22")
	})
}

// Matching trap 28, control trap 22: the hash is SHA-1 with the newline.
func TestPositionAndHashAreKnownAtOnce(t *testing.T) {
	path := logFile(t, "first\nsecond\nthird\n")
	h := newHub(t, Options{})
	for _, c := range []struct {
		name string
		opts SubscribeOptions
		want float64
	}{
		{"new", SubscribeOptions{}, 0},
		{"tail", SubscribeOptions{Tail: true}, 19},
		{"stored", SubscribeOptions{Start: Position{Hash: sha("first\n"), Pos: 6}}, 6},
		{"stored for another file", SubscribeOptions{Start: Position{Hash: sha("other\n"), Pos: 6}}, 0},
		{"stored beyond the end", SubscribeOptions{Start: Position{Hash: sha("first\n"), Pos: 600}}, 0},
		{"stored with an old program's md5", SubscribeOptions{Start: Position{Hash: strings.Repeat("a", 32), Pos: 6}}, 0},
	} {
		l := listen(t, h, path, c.opts)
		want := Position{path, sha("first\n"), c.want}
		l.sub.Idle(true)
		p := l.sub.Position()
		if c.opts.Start.Pos == 0 && p.Pos != 0 && !c.opts.Tail {
			p.Pos = 0 // already acknowledged
		}
		if p != want && l.sub.State().Lines == 0 {
			t.Errorf("%s: %+v, want %+v", c.name, p, want)
		}
		l.sub.Close()
	}
}

func TestEmptyFileAndIncompleteFirstLineHaveNoHash(t *testing.T) {
	h := newHub(t, Options{})
	for _, content := range []string{"", "no end"} {
		l := listen(t, h, logFile(t, content), SubscribeOptions{})
		if p := l.sub.Position(); p.Hash != "" || p.Pos != 0 {
			t.Errorf("%q: %+v", content, p)
		}
	}
}

func TestStoredPositionIsReadFrom(t *testing.T) {
	path := logFile(t, "first\nsecond\nthird\n")
	h := newHub(t, Options{})
	l := listen(t, h, path, SubscribeOptions{Start: Position{Hash: sha("first\n"), Pos: 6}})
	l.want("second", "third")
	l = listen(t, h, path, SubscribeOptions{Start: Position{Hash: sha("first\n"), Pos: 13}})
	l.want("third")
	l.settled()
}

func TestTailSkipsWhatIsThereAndIsInOperationAtOnce(t *testing.T) {
	path := logFile(t, "old\npart")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{Tail: true})
	if !l.sub.State().InOperation {
		t.Error("not in operation")
	}
	add(t, path, "ial\nnew\n")
	if lines := l.want("partial", "new"); !lines[0].inOp {
		t.Error("lines not in operation")
	}
}

func TestMissingFileIsWaitedFor(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := filepath.Join(t.TempDir(), "x.log")
		l := listen(t, h, path, SubscribeOptions{})
		if err := l.sub.State().Err; !os.IsNotExist(err) {
			t.Errorf("state: %v", err)
		}
		add(t, path, "here\n")
		l.want("here")
		if err := l.sub.State().Err; err != nil {
			t.Errorf("state afterwards: %v", err)
		}
	})
}

func TestMissingDirectoryIsWaitedFor(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		path := filepath.Join(dir, "x.log")
		l := listen(t, h, path, SubscribeOptions{})
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		add(t, path, "here\n")
		l.want("here")
		// The directory goes and comes back.
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
		l.note("Log absence detected")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		add(t, path, "again\n")
		l.want("again")
	})
}

// Matching trap 30, first part: the reference loses these lines.
func TestRenamedFileIsReadToItsEndFirst(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "a1\n")
		l := listen(t, h, path, SubscribeOptions{})
		l.want("a1")
		old, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		fmt.Fprintln(old, "a2")
		rename(t, path, path+".1")
		fmt.Fprintln(old, "a3")
		l.want("a2", "a3")
		fmt.Fprintln(old, "a4")
		add(t, path, "b1\n")
		l.want("a4", "b1")
		fmt.Fprintln(old, "a5")
		late := l.want("a5")
		if !late[0].old || late[0].stored {
			t.Errorf("a late line of the old file: %+v", late)
		}
		add(t, path, "b2\n")
		if b2 := l.want("b2"); b2[0].old || b2[0].pos != (Position{path, sha("b1\n"), 6}) {
			t.Errorf("line of the new file: %+v", b2)
		}
		r := l.note("Log rotation detected for " + path)
		if r.Level != logbook.Msg || !strings.Contains(r.Text, "'"+sha("a1\n")+"')") {
			t.Errorf("message: %+v", r)
		}
		l.settled()
	})
}

func TestTruncatedFileIsReadFromItsStart(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "a1\na2\na3\n")
		l := listen(t, h, path, SubscribeOptions{})
		l.want("a1", "a2", "a3")
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		l.note("Log rotation detected for " + path)
		add(t, path, "b1\n")
		if b := l.want("b1"); b[0].pos != (Position{path, sha("b1\n"), 3}) {
			t.Errorf("position: %+v", b)
		}
	})
}

func TestTruncationIsSeenThoughTheFileHasGrownBeyondThePlace(t *testing.T) {
	path := logFile(t, "a1\na2\na3\n")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	l.want("a1", "a2", "a3")
	r := l.sub.feeder.(*reader)
	r.do(func() { // the reader does not look meanwhile
		write(t, path, "b1\nb2\nb3\nb4\n")
	})
	l.want("b1", "b2", "b3", "b4")
	r.do(func() { write(t, path, "c1\nc2\nc3\nc4\n") }) // the very same size
	l.want("c1", "c2", "c3", "c4")
	l.settled()
}

func TestHoleLeftByATruncationIsSkipped(t *testing.T) {
	path := logFile(t, strings.Repeat("a line of the old log\n", 50_000))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(0, 2); err != nil {
		t.Fatal(err)
	}
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	l.next(50_000)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	l.note("Log rotation")
	fmt.Fprintln(f, "new")
	l.want("new")
	l.settled()
}

func TestNulBytesInsideALineStay(t *testing.T) {
	path := logFile(t, "a\n")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	add(t, path, "\x00b\x00c\n")
	l.want("a", "\x00b\x00c")
}

// Matching trap 30, last part: the reference reads the line twice.
func TestEmptyFileThatIsReplacedIsReadOnce(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "")
		l := listen(t, h, path, SubscribeOptions{})
		write(t, path+".new", "one\n")
		rename(t, path+".new", path)
		l.want("one")
		add(t, path, "two\n")
		l.want("two")
		l.settled()
	})
}

func TestUnreadableFileIsToldOnceAndReadLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.Mkdir(path, 0o755); err != nil { // root may read everything: a directory is no log
		t.Fatal(err)
	}
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	if r := l.note("Unable to open " + path); r.Level != logbook.Error {
		t.Errorf("level: %v", r.Level)
	}
	r := l.sub.feeder.(*reader)
	r.do(func() { r.pass() })
	select {
	case again := <-l.notes:
		t.Errorf("told again: %v", again)
	default:
	}
	listen(t, r.hub, path, SubscribeOptions{}).note("Unable to open " + path) // who comes later is told as well
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	add(t, path, "now\n")
	l.want("now")
}

func TestVeryLongLinesAreCutAndCounted(t *testing.T) {
	exact := strings.Repeat("x", MaxLine)
	for _, c := range []struct {
		name string
		size int
	}{{"fits", MaxLine}, {"a little longer", MaxLine + 1}, {"more than a block", 300_000}, {"much more", 3 << 20}} {
		t.Run(c.name, func(t *testing.T) {
			path := logFile(t, "before\n")
			l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
			l.want("before")
			long := strings.Repeat("x", c.size)
			add(t, path, long[:c.size/2])
			l.settled()
			add(t, path, long[c.size/2:]+"\nafter\n")
			lines := l.want(exact, "after")
			if cut := int64(c.size - MaxLine); lines[0].cut != cut {
				t.Errorf("cut %d, want %d", lines[0].cut, cut)
			}
			if p := lines[0].pos.Pos; p != float64(7+c.size+1) {
				t.Errorf("position after it: %v", p)
			}
			if n := l.sub.State().Cut; (n == 1) != (c.size > MaxLine) {
				t.Errorf("%d lines counted as cut", n)
			}
		})
	}
}

func TestWideEncodingsAreSplitAtTheirOwnNewlines(t *testing.T) {
	// U+010A has a byte 0x0A of its own.
	path := logFile(t, "")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{Split: SplitWide([]byte("\n\x00"))})
	add(t, path, "a\x00\x0a\x01b\x00\n\x00c\x00\n")
	l.want("a\x00\x0a\x01b\x00\n\x00")
	add(t, path, "\x00")
	l.want("c\x00\n\x00")
	big := listen(t, newHub(t, Options{}), path, SubscribeOptions{Split: SplitWide([]byte("\x00\n"))})
	big.settled()
}

func TestSlowListenerHoldsUpNobodyAndLosesNothing(t *testing.T) {
	path := logFile(t, "")
	h := newHub(t, Options{})
	slow, fast := listen(t, h, path, SubscribeOptions{Window: 1}), listen(t, h, path, SubscribeOptions{})
	slow.pause()
	var all []string
	for i := range 100 {
		line := fmt.Sprintf("line %d", i)
		all = append(all, line)
		add(t, path, line+"\n")
		fast.want(line)
	}
	if n := slow.sub.State().Lines; n >= 100 {
		t.Errorf("the slow listener got %d lines without giving any back", n)
	}
	if slow.sub.State().Lag == 0 {
		t.Error("no lag is told")
	}
	// A rotation meanwhile: the slow one still gets the old file first.
	rename(t, path, path+".1")
	add(t, path, "new\n")
	fast.want("new")
	slow.resume()
	slow.want(append(all, "new")...)
	slow.settled()
}

func TestListenersThatBeginElsewhereCatchUpAndShare(t *testing.T) {
	var content strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&content, "line number %d of the file\n", i)
	}
	path := logFile(t, content.String())
	h := newHub(t, Options{})
	first := listen(t, h, path, SubscribeOptions{})
	hash := sha("line number 0 of the file\n")
	at := strings.Index(content.String(), "line number 15000 ")
	second := listen(t, h, path, SubscribeOptions{Start: Position{Hash: hash, Pos: float64(at)}})
	third := listen(t, h, path, SubscribeOptions{Tail: true})
	add(t, path, "last\n")
	for _, c := range []struct {
		l    *listener
		from int
	}{{first, 0}, {second, 15000}, {third, 20000}} {
		lines := c.l.next(20_001 - c.from)
		for i, g := range lines[:len(lines)-1] {
			if want := fmt.Sprintf("line number %d of the file", c.from+i); g.text != want {
				t.Fatalf("line %q, want %q", g.text, want)
			}
		}
		if lines[len(lines)-1].text != "last" {
			t.Fatalf("last line: %q", lines[len(lines)-1].text)
		}
		c.l.settled()
	}
}

func TestPositionStandsUntilABatchIsReleased(t *testing.T) {
	path := logFile(t, "")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	l.pause()
	add(t, path, "one\n")
	l.want("one")
	if p := l.sub.Position(); p.Pos != 0 {
		t.Errorf("position before the release: %+v", p)
	}
	l.resume()
	if p := l.sub.Close(); p != (Position{path, sha("one\n"), 4}) {
		t.Errorf("position at the end: %+v", p)
	}
}

func TestIdleHaltsDeliveryAndLosesNothing(t *testing.T) {
	path := logFile(t, "")
	h := newHub(t, Options{})
	l, other := listen(t, h, path, SubscribeOptions{}), listen(t, h, path, SubscribeOptions{})
	l.sub.Idle(true)
	add(t, path, "one\n")
	other.want("one")
	l.settled()
	l.sub.Idle(false)
	l.want("one")
}

func TestClosedSubscriptionGetsNothingMore(t *testing.T) {
	path := logFile(t, "")
	h := newHub(t, Options{})
	l, other := listen(t, h, path, SubscribeOptions{}), listen(t, h, path, SubscribeOptions{})
	l.sub.Close()
	l.sub.Close()
	add(t, path, "one\n")
	other.want("one")
	if len(l.lines) != 0 {
		t.Error("a line came after Close")
	}
	again := listen(t, h, path, SubscribeOptions{})
	again.want("one")
	h.Close()
	if _, err := h.Subscribe(path, SubscribeOptions{Sink: func(*Batch) {}}); err == nil {
		t.Error("a closed hub takes subscriptions")
	}
}

func TestRestOfAFileRotatedWhileDownIsReadFirst(t *testing.T) {
	path := logFile(t, "a1\na2\na3\n")
	rename(t, path, path+".1")
	write(t, path, "b1\n")
	write(t, path+".2", "z1\nz2\n")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{Start: Position{Hash: sha("a1\n"), Pos: 3}})
	lines := l.want("a2", "a3", "b1")
	if lines[1].pos != (Position{path, sha("a1\n"), 9}) || lines[2].pos != (Position{path, sha("b1\n"), 3}) {
		t.Errorf("positions: %+v", lines)
	}
	l.settled()
}

func TestSymbolicLinkThatIsTurnedIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "current")
	write(t, filepath.Join(dir, "1"), "a\n")
	write(t, filepath.Join(dir, "2"), "b\n")
	if err := os.Symlink("1", path); err != nil {
		t.Fatal(err)
	}
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	l.want("a")
	if err := os.Symlink("2", path+".new"); err != nil {
		t.Fatal(err)
	}
	rename(t, path+".new", path)
	l.want("b")
	add(t, filepath.Join(dir, "2"), "c\n")
	l.want("c")
}

func TestDeletedFileThatComesBackIsNew(t *testing.T) {
	backends(t, func(t *testing.T, h *Hub) {
		path := logFile(t, "same line\n")
		l := listen(t, h, path, SubscribeOptions{})
		l.want("same line")
		for range 3 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			l.note("Log absence detected")
			write(t, path, "same line\n")
			l.want("same line")
		}
		l.settled()
	})
}

func TestManyFilesOneHub(t *testing.T) {
	h := newHub(t, Options{})
	dir := t.TempDir()
	came := make(chan string, 1000)
	for i := range 200 {
		path := filepath.Join(dir, fmt.Sprintf("%d.log", i))
		write(t, path, "")
		_, err := h.Subscribe(path, SubscribeOptions{Sink: func(b *Batch) {
			for _, ln := range b.Lines {
				came <- b.Path + " " + string(ln.Text)
			}
			b.Release()
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	missing := map[string]bool{}
	for i := range 200 {
		path, line := filepath.Join(dir, fmt.Sprintf("%d.log", i)), fmt.Sprintf("in %d", i)
		missing[path+" "+line] = true
		add(t, path, line+"\n")
	}
	timeout := time.After(deadline)
	for len(missing) > 0 {
		select {
		case text := <-came:
			if !missing[text] {
				t.Fatalf("%q is wrong, or comes twice", text)
			}
			delete(missing, text)
		case <-timeout:
			t.Fatalf("%d lines never came", len(missing))
		}
	}
}

func TestSplitLeavesNothingOut(t *testing.T) {
	data := []byte("a\n\nb\r\n\rc\x00\nrest")
	lines, used := split(nil, data, 100)
	var texts []string
	for _, l := range lines {
		texts = append(texts, string(l.Text))
	}
	if !slices.Equal(texts, []string{"a", "", "b", "\rc\x00"}) || used != bytes.LastIndexByte(data, '\n')+1 || lines[1].Offset != 103 {
		t.Errorf("lines %q, %d bytes, %+v", texts, used, lines)
	}
}
