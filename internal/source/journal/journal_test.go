package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/source/journal/journaltest"
)

const start = journaltest.Start

type record = journaltest.Record

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// all reads what is left, as lines.
func all(t testing.TB, c *Cursor, m *Match) (lines []string, times []time.Time) {
	t.Helper()
	filter := m.In(c.File)
	var comp Composer
	for {
		var e Entry
		ok, err := c.Peek(&e)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return lines, times
		}
		c.Skip()
		wanted, err := filter.Matches(&e)
		if err != nil {
			t.Fatal(err)
		}
		if !wanted {
			continue
		}
		line, at, err := comp.Compose(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		lines, times = append(lines, string(line)), append(times, at)
	}
}

// kinds are the forms of files that systemd writes.
var kinds = map[string][]string{
	"compact, keyed": {"SYSTEMD_JOURNAL_COMPACT=1", "SYSTEMD_JOURNAL_KEYED_HASH=1"},
	"regular, keyed": {"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=1"},
	"regular, old":   {"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
	"compact, old":   {"SYSTEMD_JOURNAL_COMPACT=1", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
}

func TestEntriesOfAllKindsOfFilesAreRead(t *testing.T) {
	for name, env := range kinds {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.journal")
			records := journaltest.Samples(1000)
			journaltest.Write(t, path, records, env...)
			f := open(t, path)
			if f.Len() != 1000 || f.compact != strings.HasPrefix(name, "compact") || f.keyed != strings.HasSuffix(name, "keyed") {
				t.Fatalf("%d entries, compact %v, keyed %v", f.Len(), f.compact, f.keyed)
			}
			c := Begin(f)
			lines, times := all(t, &c, &Match{})
			for i, line := range lines {
				want := "srv sshd: " // process number 0 is none
				if i > 0 {
					want = fmt.Sprintf("srv sshd[%d]: ", i)
				}
				want += strings.TrimPrefix(records[i].Fields[4], "MESSAGE=")
				if line != want || times[i].UnixMicro() != int64(records[i].Time) {
					t.Fatalf("entry %d is %.100q at %v", i, line, times[i])
				}
			}
			if len(lines) != 1000 {
				t.Errorf("%d entries", len(lines))
			}
			one, _ := ParseMatch([][]string{{"_SYSTEMD_UNIT=cron.service"}})
			c = Begin(f)
			if lines, _ := all(t, &c, one); len(lines) != 333 || !strings.Contains(lines[0], "number 1") {
				t.Errorf("%d entries match", len(lines))
			}
		})
	}
}

func TestSeekByTimeIsExact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.journal")
	const n = 5000
	journaltest.Write(t, path, journaltest.Samples(n))
	f := open(t, path)
	for _, at := range []int{-1, 0, 1, 2, 3, 4, 5, 100, 2499, 4998, 4999, 5000} {
		for _, between := range []uint64{0, 1} {
			c := Cursor{File: f}
			if err := c.SeekTime(uint64(start + at*1000 + int(between))); err != nil {
				t.Fatal(err)
			}
			want := min(max(at+int(between), 0), n)
			if c.Index() != uint64(want) {
				t.Errorf("seek to entry %d (+%d): %d", at, between, c.Index())
			}
			var e Entry
			if ok, err := c.Peek(&e); ok != (want < n) || err != nil || ok && e.Realtime != uint64(start+want*1000) {
				t.Errorf("entry there: %v %v %+v", ok, err, e)
			}
		}
	}
	c := Cursor{File: f}
	if err := c.SeekEnd(); err != nil || !c.AtEnd() {
		t.Errorf("end: %v", err)
	}
}

func TestMatchLanguage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.journal")
	var records []record
	for i, f := range [][]string{{"A=1", "B=1"}, {"A=1", "B=2"}, {"A=2", "B=1"}, {"A=2", "B=2"}, {"C=3"}, {"A=1", "A=2", "C=3"}} {
		records = append(records, record{Time: start + uint64(i), Monotonic: uint64(i), Fields: append(f, fmt.Sprintf("MESSAGE=%d", i))})
	}
	journaltest.Write(t, path, records)
	f := open(t, path)
	for _, c := range []struct {
		lines [][]string
		want  string
	}{
		{nil, "0 1 2 3 4 5"},
		{[][]string{{"A=1"}}, "0 1 5"},
		{[][]string{{"A=1", "B=1"}}, "0"},
		{[][]string{{"A=1", "A=2", "B=1"}}, "0 2"},
		{[][]string{{"A=1", "B=1", "+", "C=3"}}, "0 4 5"},
		{[][]string{{"A=1", "B=1"}, {"C=3", "A=2"}}, "0 5"},
		{[][]string{{"A=9"}}, ""},
		{[][]string{{"A=9", "+", "B=2"}}, "1 3"},
		{[][]string{{"+", "B=2", "+"}}, "1 3"},
	} {
		m, err := ParseMatch(c.lines)
		if err != nil {
			t.Fatal(err)
		}
		cur := Begin(f)
		lines, _ := all(t, &cur, m)
		if got := strings.Join(lines, " "); got != c.want {
			t.Errorf("%v: %q, want %q", c.lines, got, c.want)
		}
	}
	for _, bad := range []string{"A", "=x", "a=1", "__CURSOR=1", "A B=1"} {
		if _, err := ParseMatch([][]string{{bad}}); err == nil {
			t.Errorf("%q is taken for a match", bad)
		}
	}
}

func TestJumpSkipsNoWantedEntry(t *testing.T) {
	for name, env := range kinds {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.journal")
			rnd := rand.New(rand.NewPCG(9, 9))
			records := journaltest.Samples(4000)
			for i := range records {
				if rnd.IntN(300) == 0 {
					records[i].Fields = append(records[i].Fields, "RARE=1")
				}
				if rnd.IntN(500) == 0 {
					records[i].Fields = append(records[i].Fields, "RARE=2")
				}
			}
			journaltest.Write(t, path, records, env...)
			f := open(t, path)
			for _, lines := range [][][]string{
				{{"RARE=1"}},
				{{"RARE=1", "_SYSTEMD_UNIT=ssh.service"}},
				{{"RARE=1", "RARE=2"}},
				{{"RARE=1", "_SYSTEMD_UNIT=ssh.service", "+", "RARE=2", "_SYSTEMD_UNIT=cron.service"}},
				{{"RARE=3"}},
				{{"RARE=3", "+", "_PID=3999"}},
			} {
				m, _ := ParseMatch(lines)
				c := Begin(f)
				want, _ := all(t, &c, m)
				filter := m.In(f)
				var got []string
				var e Entry
				var comp Composer
				c = Begin(f)
				looked := 0
				for {
					if err := filter.Jump(&c); err != nil {
						t.Fatal(err)
					}
					ok, err := c.Peek(&e)
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					looked++
					c.Skip()
					if ok, _ := filter.Matches(&e); ok {
						line, _, _ := comp.Compose(nil, &e)
						got = append(got, string(line))
					}
				}
				if !slices.Equal(got, want) || looked > 200 {
					t.Errorf("%v: %d entries, want %d; %d looked at", lines, len(got), len(want), looked)
				}
			}
		})
	}
}

func TestGrowingFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.journal")
	in, wait := journaltest.Writer(t, path)
	records := journaltest.Samples(30_000)
	for i := range records { // large enough to make the file grow more than once
		records[i].Fields = append(records[i].Fields, fmt.Sprintf("X=%d%s", i, strings.Repeat("y", 400)))
	}
	unit, _ := ParseMatch([][]string{{"_SYSTEMD_UNIT=nginx.service"}})
	var f *File
	var c Cursor
	var filter *Filter
	seen := 0
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; i < len(records); i += 1000 {
		if _, err := in.Write(journaltest.Export(records[i : i+1000])); err != nil {
			t.Fatal(err)
		}
		for f == nil && time.Now().Before(deadline) {
			var err error
			if f, err = Open(path); err == nil {
				c, filter = Begin(f), unit.In(f)
			}
		}
		for time.Now().Before(deadline) {
			var e Entry
			ok, err := c.Peek(&e)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			c.Skip()
			if ok, err := filter.Matches(&e); err != nil {
				t.Fatal(err)
			} else if ok {
				seen++
			}
		}
	}
	wait()
	for {
		var e Entry
		if ok, err := c.Peek(&e); !ok {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		c.Skip()
		if ok, _ := filter.Matches(&e); ok {
			seen++
		}
	}
	if c.Index() != 30_000 || seen != 10_000 {
		t.Errorf("%d entries were read, %d matched", c.Index(), seen)
	}
	_ = f.Close()
}

// Matching trap 32 among them.
func TestLineIsComposedAsTheReferenceDoes(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"_HOSTNAME=srv", "SYSLOG_IDENTIFIER=sshd", "SYSLOG_PID=101", "_PID=102", "MESSAGE=msg"}, "srv sshd[101]: msg"},
		{[]string{"_HOSTNAME=srv", "_COMM=sshd", "_PID=102", "MESSAGE=msg\nnext"}, `srv sshd[102]: msg\nnext`},
		{[]string{"_HOSTNAME=srv", "_COMM=sshd", "SYSLOG_PID=0x10", "MESSAGE=msg"}, "srv sshd[16]: msg"},
		{[]string{"_HOSTNAME=srv", "_COMM=sshd", "SYSLOG_PID=abc", "MESSAGE=msg"}, "srv sshd[abc]: msg"},
		{[]string{"_HOSTNAME=srv", "_COMM=sshd", "SYSLOG_PID=0", "_PID=5", "MESSAGE=msg"}, "srv sshd[5]: msg"},
		{[]string{"_HOSTNAME=srv", "_COMM=sshd", "SYSLOG_PID= 07_1 ", "MESSAGE=msg"}, "srv sshd[71]: msg"},
		{[]string{"_HOSTNAME=srv", "_PID=102", "MESSAGE=msg"}, "srv msg"},
		{[]string{"_COMM=x", "MESSAGE=msg"}, "x: msg"},
		{[]string{"MESSAGE=msg"}, "msg"},
		{[]string{"_HOSTNAME=srv", "_COMM=x"}, "srv x: "},
		{[]string{"X=1"}, ""},
		{[]string{"_HOSTNAME=srv", "SYSLOG_IDENTIFIER=kernel", "_PID=102", "MESSAGE=msg"}, "srv kernel[102]: msg"},
		{[]string{"_HOSTNAME=srv", "SYSLOG_IDENTIFIER=kernel", "MESSAGE=msg"}, "srv kernel: [    5.000000] msg"},
		{[]string{"_HOSTNAME=srv", "SYSLOG_IDENTIFIER=kernel", "_SOURCE_MONOTONIC_TIMESTAMP=12345678", "MESSAGE=msg"}, "srv kernel: [   12.345678] msg"},
		{[]string{"SYSLOG_IDENTIFIER=a\nb", "MESSAGE=x", "MESSAGE=y"}, `a\nb: x y`},
		{[]string{"_COMM=x", "SYSLOG_PID=-5", "MESSAGE=\r\nm\xff\r"}, "x[-5]: \r\\nm\xff\r"},
	} {
		path := filepath.Join(t.TempDir(), "x.journal")
		journaltest.Write(t, path, []record{{Time: start + 725_500, Monotonic: 5_000_000, Fields: c.fields}})
		cur := Begin(open(t, path))
		lines, times := all(t, &cur, &Match{})
		if len(lines) != 1 || lines[0] != c.want {
			t.Errorf("%q: %q, want %q", c.fields, lines, c.want)
			continue
		}
		if times[0].UnixMicro() != start+725_500 {
			t.Errorf("time %v", times[0])
		}
	}
}

func TestTimeIsThatOfTheSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.journal")
	journaltest.Write(t, path, []record{{Time: start, Monotonic: 1, Fields: []string{"_SOURCE_REALTIME_TIMESTAMP=1795335100000001", "MESSAGE=m"}}, {Time: start, Monotonic: 2, Fields: []string{"_SOURCE_REALTIME_TIMESTAMP=x", "MESSAGE=m"}}})
	c := Begin(open(t, path))
	_, times := all(t, &c, &Match{})
	if times[0].UnixMicro() != 1_795_335_100_000_001 || times[1].UnixMicro() != start {
		t.Errorf("times %v", times)
	}
}

func TestStampLeavesZeroMicrosecondsOut(t *testing.T) {
	old := time.Local
	time.Local = time.FixedZone("", 3600)
	defer func() { time.Local = old }()
	var s Stamper
	if got := s.Stamp(time.UnixMicro(start + 725_500)); got != "2026-11-22T09:12:43.725500+01:00 " {
		t.Error(got)
	}
	if got := s.Stamp(time.UnixMicro(start)); got != "2026-11-22T09:12:43+01:00 " {
		t.Error(got)
	}
	if got := s.Stamp(time.UnixMicro(start + 1_000_070)); got != "2026-11-22T09:12:44.000070+01:00 " {
		t.Error(got)
	}
}

func TestHashesAreTheFormats(t *testing.T) {
	// The reference vector of SipHash-2-4: key 00..0f, data 00..0e.
	var key ID
	var data []byte
	for i := range 16 {
		key[i] = byte(i)
		if i < 15 {
			data = append(data, byte(i))
		}
	}
	if got := siphash(key, data); got != 0xa129ca6149be45e5 {
		t.Errorf("siphash %x", got)
	}
	// From the comments of lookup3.c.
	if got := jenkins([]byte("Four score and seven years ago")); uint32(got>>32) != 0x17770551 || uint32(got) != 0xce7226e6 {
		t.Errorf("jenkins %x", got)
	}
}

func TestLZ4BlocksAreUnpacked(t *testing.T) {
	// "abcabcabcabcabcabcabcabcX" and 20 more literals: a match that overlaps
	// itself, and a length that needs another byte.
	packed := []byte{0x3f, 'a', 'b', 'c', 3, 0, 2, 0xf0, 5}
	packed = append(packed, "X0123456789abcdefghi"...)
	want := strings.Repeat("abc", 8) + "X0123456789abcdefghi"
	got, err := unpackLZ4(nil, packed, len(want))
	if err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	for cut := range packed {
		if _, err := unpackLZ4(nil, packed[:cut], len(want)); err == nil {
			t.Errorf("cut at %d: no error", cut)
		}
	}
	f := &File{}
	if _, err := f.unpack(nil, objectXZ); !errors.Is(err, ErrXZ) {
		t.Errorf("xz: %v", err)
	}
}

// tiny writes a journal file of a few hundred bytes, for the fuzzer: real ones
// begin with megabytes of hash tables.
func tiny(entries [][]string, flags uint32) []byte {
	b := make([]byte, 272)
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	object := func(kind byte, size int) int {
		at := len(b)
		b = append(b, make([]byte, (size+7)&^7)...)
		b[at] = kind
		put(at+8, uint64(size))
		return at
	}
	copy(b, "LPKSHHRH")
	binary.LittleEndian.PutUint32(b[hdrFlags:], flags)
	copy(b[hdrFileID:], "0123456789abcdef")
	put(hdrHeaderSize, 272)
	f := &File{keyed: flags&keyedHash != 0, compact: flags&compactFile != 0}
	copy(f.ID[:], b[hdrFileID:])
	const buckets = 4
	table := object(typeHashTable, objectHeader+buckets*16) + objectHeader
	put(hdrDataHash, uint64(table))
	put(hdrDataSize, buckets*16)
	known := map[string]int{}
	var places []int
	for i, fields := range entries {
		var items []int
		for _, field := range fields {
			at, ok := known[field]
			if !ok {
				at = object(typeData, int(f.dataHead())+len(field))
				copy(b[at+int(f.dataHead()):], field)
				h := f.hash([]byte(field))
				put(at+16, h)
				bucket := table + int(h%buckets)*16
				if last := binary.LittleEndian.Uint64(b[bucket+8:]); last == 0 {
					put(bucket, uint64(at))
				} else {
					put(int(last)+24, uint64(at))
				}
				put(bucket+8, uint64(at))
				known[field] = at
			}
			items = append(items, at)
		}
		width := 16
		if f.compact {
			width = 4
		}
		at := object(typeEntry, entryItems+len(items)*width)
		put(at+16, uint64(i+1))
		put(at+24, start+uint64(i)*1000)
		put(at+32, uint64(i))
		for j, item := range items {
			if f.compact {
				binary.LittleEndian.PutUint32(b[at+entryItems+4*j:], uint32(item))
			} else {
				put(at+entryItems+16*j, uint64(item))
			}
		}
		places = append(places, at)
	}
	for first := 0; first < len(places); first += 2 { // arrays of two
		array := object(typeEntryArray, arrayItems+16)
		if f.compact {
			binary.LittleEndian.PutUint64(b[array+8:], arrayItems+8)
		}
		for j, at := range places[first:min(first+2, len(places))] {
			if f.compact {
				binary.LittleEndian.PutUint32(b[array+arrayItems+4*j:], uint32(at))
			} else {
				put(array+arrayItems+8*j, uint64(at))
			}
		}
		if first == 0 {
			put(hdrEntryArray, uint64(array))
		} else {
			put(places[0], uint64(array)) // where the array before keeps its next one
		}
		places[0] = array + 16
	}
	put(hdrEntries, uint64(len(entries)))
	put(hdrData, uint64(len(known)))
	put(hdrHeadTime, start)
	put(hdrTailTime, start+uint64(len(entries)-1)*1000)
	return b
}

var tinyEntries = [][]string{
	{"MESSAGE=one", "_SYSTEMD_UNIT=ssh.service", "_PID=1"},
	{"MESSAGE=two", "_SYSTEMD_UNIT=cron.service", "_COMM=x"},
	{"MESSAGE=three", "_SYSTEMD_UNIT=ssh.service", "_HOSTNAME=h"},
	{"MESSAGE=four"},
	{"MESSAGE=five", "_SYSTEMD_UNIT=ssh.service"},
}

func TestTinyFilesOfTheFuzzerAreWhole(t *testing.T) {
	for _, flags := range []uint32{0, keyedHash, compactFile, compactFile | keyedHash} {
		f, err := parse(tiny(tinyEntries, flags))
		if err != nil {
			t.Fatal(err)
		}
		m, _ := ParseMatch([][]string{{"_SYSTEMD_UNIT=ssh.service"}})
		c := Begin(f)
		if lines, _ := all(t, &c, m); strings.Join(lines, "|") != "one|h three|five" {
			t.Errorf("flags %d: %q", flags, lines)
		}
		if err := c.SeekTime(start + 2500); err != nil || c.Index() != 3 {
			t.Errorf("flags %d: seek to %d, %v", flags, c.Index(), err)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, flags := range []uint32{0, keyedHash, compactFile, compactFile | keyedHash} {
		f.Add(tiny(tinyEntries, flags))
	}
	packed := tiny(tinyEntries, compressedLZ4)
	for at := 272; at+16 <= len(packed); at += 8 {
		if packed[at] == typeData {
			packed[at+1] = objectLZ4
		}
	}
	f.Add(packed)
	f.Add([]byte("LPKSHHRH"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse(data)
		if err != nil {
			return
		}
		match, _ := ParseMatch([][]string{{"_SYSTEMD_UNIT=ssh.service", "+", "MESSAGE=x"}})
		filter := match.In(file)
		c := Begin(file)
		var comp Composer
		var e Entry
		for range 100 {
			ok, err := c.Peek(&e)
			if !ok || err != nil {
				break
			}
			c.Skip()
			_, _ = filter.Matches(&e)
			_ = filter.Jump(&c)
			_, _, _ = comp.Compose(nil, &e)
		}
		_ = c.SeekTime(start + 2500)
		_ = c.SeekEnd()
	})
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.journal")
	const n = 50_000
	journaltest.Write(b, path, journaltest.Samples(n))
	for _, c := range []struct {
		name  string
		match [][]string
	}{{"all", nil}, {"one of three", [][]string{{"_SYSTEMD_UNIT=ssh.service"}}}, {"none", [][]string{{"_SYSTEMD_UNIT=none"}}}} {
		b.Run(c.name, func(b *testing.B) {
			f := open(b, path)
			m, _ := ParseMatch(c.match)
			filter := m.In(f)
			var comp Composer
			var e Entry
			var buf []byte
			for b.Loop() {
				cur := Begin(f)
				for {
					ok, err := cur.Peek(&e)
					if err != nil {
						b.Fatal(err)
					}
					if !ok {
						break
					}
					cur.Skip()
					if ok, _ := filter.Matches(&e); ok {
						buf, _, _ = comp.Compose(buf[:0], &e)
					}
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
