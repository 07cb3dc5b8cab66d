package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// TestRotationLosesNothing writes numbered lines while the file is rotated at
// random moments, and finds each number once in the server's log.
//
// A rename guarantees everything for a file that the server has opened: the
// writer may go on with the old file for a while, as services do until they
// are told. A file that came and went between two looks was never seen, so a
// rename waits for one line of its file. Copytruncate can lose by its nature
// what is written between the last read and the cut; so the cut waits until
// all is read, and the writer with it. Everything else is random.
func TestRotationLosesNothing(t *testing.T) {
	lines := 20_000
	if testenv.Full() {
		lines = 200_000
	}
	for _, backend := range []string{"auto", "polling"} {
		t.Run(backend, func(t *testing.T) { rotate(t, backend, lines) })
	}
}

var found = regexp.MustCompile(` Found (\d+) `)

func rotate(t *testing.T, backend string, lines int) {
	in := place(t, stockade(t), testenv.NewNetns(t), fmt.Sprintf(`[numbers]
enabled = true
backend = %s
filter =
failregex = ^ gate app: number <F-ID>\d+</F-ID>$
datepattern = ^%%%%Y-%%%%m-%%%%dT%%%%H:%%%%M:%%%%S
maxretry = 1000000
action =
logpath = DIR/app.log
`, backend))
	in.write(t, "app.log", "")
	in.start(t)

	random := rand.New(rand.NewPCG(1, 2))
	log := writer{t: t, name: in.path("app.log")}
	log.open()
	waitFor := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("line %d is read", n), func() bool {
			all := found.FindAllStringSubmatch(in.tail(), -1)
			if len(all) == 0 {
				return false
			}
			last, _ := strconv.Atoi(all[len(all)-1][1])
			return last >= n
		})
	}
	old, first := 0, 0
	for written := 0; written < lines; {
		batch := min(1+random.IntN(400), lines-written)
		log.lines(written, batch)
		written += batch
		switch random.IntN(40) {
		case 0:
			waitFor(first)
			old++
			if err := os.Rename(log.name, fmt.Sprintf("%s.%d", log.name, old)); err != nil {
				t.Fatal(err)
			}
			late := min(random.IntN(50), lines-written)
			log.lines(written, late)
			written += late
			log.open()
			first = written
		case 1:
			waitFor(written - 1)
			if err := os.Truncate(log.name, 0); err != nil {
				t.Fatal(err)
			}
			first = written
		}
	}
	waitFor(lines - 1)
	seen := make([]int, lines)
	for _, match := range found.FindAllStringSubmatch(in.log(), -1) {
		n, _ := strconv.Atoi(match[1])
		seen[n]++
	}
	wrong := 0
	for n, count := range seen {
		if count != 1 {
			if wrong++; wrong <= 10 {
				t.Errorf("line %d was counted %d times", n, count)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d lines were not counted once", wrong, lines)
	}
}

// writer is a service with an open log file.
type writer struct {
	t    *testing.T
	name string
	file *os.File
}

// open opens the file of that name, which may be a new one by now.
func (w *writer) open() {
	w.t.Helper()
	if w.file != nil {
		_ = w.file.Close()
	}
	var err error
	if w.file, err = os.OpenFile(w.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// lines writes n numbered lines in one go.
func (w *writer) lines(from, n int) {
	w.t.Helper()
	var b strings.Builder
	now := time.Now().Format("2006-01-02T15:04:05")
	for i := range n {
		fmt.Fprintf(&b, "%s gate app: number %d\n", now, from+i)
	}
	if _, err := w.file.WriteString(b.String()); err != nil {
		w.t.Fatal(err)
	}
}

// tail is the end of the server's log.
func (in *instance) tail() string {
	f, err := os.Open(in.path("fail2ban.log"))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	const length = 1 << 16
	size, _ := f.Seek(0, 2)
	buf := make([]byte, length)
	n, _ := f.ReadAt(buf, max(0, size-length))
	return string(buf[:n])
}
