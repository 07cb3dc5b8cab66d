package source

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// number is a When for lines that begin with seconds; others have no time.
func number(line []byte) (time.Time, bool) {
	text, _, _ := bytes.Cut(line, []byte(" "))
	n, err := strconv.ParseInt(string(text), 10, 64)
	return time.Unix(n, 0), err == nil
}

// relevant is where the first line of the time or later begins.
func relevant(data []byte, since int64) int64 {
	at := int64(0)
	for line := range bytes.Lines(data) {
		if t, ok := number(bytes.TrimRight(line, "\r\n")); ok && t.Unix() >= since && bytes.HasSuffix(line, []byte("\n")) {
			return at
		}
		at += int64(len(line))
	}
	return int64(len(data))
}

func checkSeek(t *testing.T, data []byte, since int64) int64 {
	t.Helper()
	got := seek(bytes.NewReader(data), 0, int64(len(data)), time.Unix(since, 0), number)
	if want := relevant(data, since); got > want {
		t.Fatalf("seek to %d ends at %d, after the first relevant line at %d", since, got, want)
	}
	if got > 0 && data[got-1] != '\n' {
		t.Fatalf("seek to %d ends at %d, inside a line", since, got)
	}
	return got
}

func TestSeekNeverSkipsARelevantLine(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var b bytes.Buffer
		now := int64(1000)
		for range rnd.IntN(3000) {
			now += int64(rnd.IntN(3))
			switch rnd.IntN(8) {
			case 0:
				fmt.Fprintf(&b, "undated %s\n", strings.Repeat("x", rnd.IntN(200)))
			case 1:
				fmt.Fprintf(&b, "%d %s\r\n", now, strings.Repeat("y", rnd.IntN(100)))
			default:
				fmt.Fprintf(&b, "%d line\n", now)
			}
		}
		if rnd.IntN(3) == 0 {
			fmt.Fprintf(&b, "%d no end", now)
		}
		for range 10 {
			checkSeek(t, b.Bytes(), 1000+int64(rnd.IntN(int(now-998))))
		}
	}
}

func TestSeekFindsTheFirstRelevantLineExactly(t *testing.T) {
	var b bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&b, "%d a line of the usual length, or nearly so\n", i)
	}
	for _, since := range []int64{0, 1, 777, 50_000, 99_999, 100_000} {
		if got, want := checkSeek(t, b.Bytes(), since), relevant(b.Bytes(), since); got != want {
			t.Errorf("seek to %d: %d, want %d", since, got, want)
		}
	}
}

func TestSeekSurvivesLongUndatedStretchesAndLongLines(t *testing.T) {
	var b bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&b, "%d x\n", i)
		if i == 1000 {
			b.WriteString(strings.Repeat("stack trace\n", 20_000))
			b.WriteString(strings.Repeat("z", 3<<20) + "\n")
		}
	}
	for since := int64(0); since < 2000; since += 37 {
		checkSeek(t, b.Bytes(), since)
	}
}

func TestFirstReadSeeksToTheTimeThatMatters(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "%d line\n", i)
	}
	path := logFile(t, b.String())
	h := newHub(t, Options{})
	calls := 0
	l := listen(t, h, path, SubscribeOptions{Since: time.Unix(49_990, 0), When: func(line []byte) (time.Time, bool) {
		calls++
		return number(line)
	}})
	if p := l.sub.Position(); p.Pos != 0 && l.sub.State().Lines == 0 {
		t.Errorf("position at first: %+v", p)
	}
	lines := l.next(10)
	if lines[0].text != "49990 line" || lines[9].text != "49999 line" || calls > 2000 {
		t.Errorf("lines %v, %d dates looked at", lines, calls)
	}
	l.settled()
	// Never before the stored position.
	at := strings.Index(b.String(), "49995 line")
	stored := Position{Hash: sha("0 line\n"), Pos: float64(at)}
	l = listen(t, h, path, SubscribeOptions{Start: stored, Since: time.Unix(49_990, 0), When: number})
	if lines := l.next(5); lines[0].text != "49995 line" {
		t.Errorf("lines %v", lines)
	}
}

func FuzzSeek(f *testing.F) {
	f.Add([]byte("1 a\n2 b\n3 c\n"), int64(2))
	f.Add(bytes.Repeat([]byte("5 x\n\n"), 5000), int64(6))
	f.Add([]byte("no date\n7 x"), int64(7))
	f.Fuzz(func(t *testing.T, data []byte, since int64) {
		var ordered []byte
		last := int64(-1 << 62)
		for line := range bytes.Lines(data) {
			if tm, ok := number(bytes.TrimRight(line, "\r\n")); ok {
				if tm.Unix() < last {
					continue
				}
				last = tm.Unix()
			}
			ordered = append(ordered, line...)
		}
		checkSeek(t, bytes.Repeat(ordered, 1), since)
	})
}

// TestSeekInAHugeFile looks for the last minutes of a log of 2 GB (in the long
// form).
func TestSeekInAHugeFile(t *testing.T) {
	total := 64 << 20
	if testenv.Full() {
		total = 2 << 30
	}
	path := filepath.Join(t.TempDir(), "huge.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 0, 1<<20)
	now := int64(0)
	for size := 0; size < total; size += len(block) {
		block = block[:0]
		for len(block) < 1<<20-100 {
			block = fmt.Appendf(block, "%d a line of the usual length that somebody wrote into a log\n", now)
			now++
		}
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	begun := time.Now()
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{When: number, Since: time.Unix(now-600, 0)})
	l.next(600)
	t.Logf("600 relevant lines of %d were there after %v", now, time.Since(begun))
}
