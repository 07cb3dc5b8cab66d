package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/pickle"
	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

const endOfMessage = "<F2B_END_COMMAND>"

// recorded is one exchange of the recording: bytes asked and answered, with
// their terminators. An answer may be several replies, or none.
type recorded struct {
	ID, Group, Server string
	Request           string `json:"request_hex"`
	Response          string `json:"response_hex"`
}

// recordedTop was the directory above those of the recorded servers, whose
// names follow.
const recordedTop = "/var/lab/fail2ban-test"

var recordedDirs = map[string]string{"1.1.2.dev1": "mst", "1.0.2": "d102"}

// recording reads the exchanges with one server, in order. They hold texts of
// the reference's configuration and are not part of this repository.
func recording(t *testing.T, server string) []recorded {
	t.Helper()
	path, ok := testenv.Shared(t, "spec/protocol-vectors.json")
	if !ok {
		testenv.Skip(t, "the recorded exchanges are not on this machine")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []recorded }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(file.Vectors, func(v recorded) bool { return v.Server != server })
}

// wire is a connection that speaks the protocol without any client.
type wire struct {
	t    *testing.T
	path string
	net.Conn
}

func dialWire(t *testing.T, path string) *wire {
	t.Helper()
	w := &wire{t: t, path: path}
	w.redial()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func (w *wire) redial() {
	w.t.Helper()
	if w.Conn != nil {
		_ = w.Close()
	}
	conn, err := net.Dial("unix", w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	w.Conn = conn
}

// send writes bytes and reads so many replies, or to the end of the connection
// where none is expected.
func (w *wire) send(message []byte, replies int) []byte {
	w.t.Helper()
	if _, err := w.Write(message); err != nil {
		w.t.Fatal(err)
	}
	var all []byte
	block := make([]byte, 64<<10)
	for replies == 0 || bytes.Count(all, []byte(endOfMessage)) < replies {
		n, err := w.Read(block)
		all = append(all, block[:n]...)
		if errors.Is(err, io.EOF) && replies == 0 {
			w.redial()
			return all
		}
		if err != nil {
			w.t.Fatalf("after %q, which answers %q: %v", all, message, err)
		}
	}
	return all
}

// ask sends a request and gives the repr of the reply.
func (w *wire) ask(words ...any) string {
	w.t.Helper()
	return printed(w.send(append(pickle.Dumps(words), endOfMessage...), 1))
}

// printed is the repr of the replies, one a line.
func printed(answer []byte) string {
	var lines []string
	for _, b := range bytes.Split(answer, []byte(endOfMessage)) {
		if len(b) == 0 {
			continue
		}
		v, err := pickle.Loads(b, pickle.Limits{Calls: true})
		if err != nil {
			lines = append(lines, fmt.Sprintf("%v in %x", err, b))
			continue
		}
		lines = append(lines, pyobj.Repr(v))
	}
	return strings.Join(lines, "\n")
}

// moved puts the scratch directory in the place of the recorded ones. A
// message that names none is sent byte by byte as it was.
func moved(t *testing.T, message []byte, from, dir string) []byte {
	t.Helper()
	if !bytes.Contains(message, []byte(recordedTop)) {
		return message
	}
	v, err := pickle.Loads(bytes.TrimSuffix(message, []byte(endOfMessage)), pickle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer(from, dir, recordedTop, dir)
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			return replace.Replace(v)
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		}
		return v
	}
	return append(pickle.Dumps(walk(v)), endOfMessage...)
}

// rig is a server configured as the recorded ones were, by the stream that is
// part of the recording.
type rig struct {
	*wire
	dir, from string
}

func (s suite) rig(t *testing.T, all []recorded, lines []string) rig {
	t.Helper()
	dir := scratch(t)
	write(t, filepath.Join(dir, "jail.conf"), "[DEFAULT]\nbackend = polling\n")
	for _, name := range []string{"extra.log", "log/web.log", "db/.keep"} {
		write(t, filepath.Join(dir, name), "")
	}
	write(t, filepath.Join(dir, "log/auth.log"), strings.Join(lines, ""))
	s.startServer(t, dir)
	r := rig{dialWire(t, filepath.Join(dir, "f.sock")), dir, filepath.Join(recordedTop, recordedDirs[all[0].Server])}
	for _, v := range all {
		request, err := hex.DecodeString(v.Request)
		if err != nil || !bytes.Contains(request, []byte("reload")) || !bytes.Contains(request, []byte("--all")) {
			continue
		}
		words, err := pickle.Loads(bytes.TrimSuffix(moved(t, request, r.from, dir), []byte(endOfMessage)), pickle.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.ask("server-stream", words.([]any)[3]); !strings.HasPrefix(got, "(0,") {
			t.Fatalf("the recorded stream is answered %s", got)
		}
		return r
	}
	t.Fatal("there is no stream in the recording")
	return r
}

// replay runs the recorded exchanges and gives what was recorded and answered,
// by id. The recorded server was set up anew before the last group.
func (s suite) replay(t *testing.T, all []recorded) (want, got map[string]string) {
	t.Helper()
	want, got = map[string]string{}, map[string]string{}
	now := time.Now().Format("2006-01-02 15:04:05")
	var lines []string
	for _, id := range []string{"192.0.2.1", "2001:db8::1", "192.0.2.1", "2001:db8::1", "192.0.2.1", "2001:db8::1", "192.0.2.99"} {
		lines = append(lines, now+" host FAIL from "+id+"\n")
	}
	r := s.rig(t, all, lines)
	await(t, "the failures of the log", func() bool { return r.counted() })
	group := ""
	for _, v := range all {
		if v.Group != group {
			group = v.Group
			r = r.enter(t, s, all, group)
		}
		request, err := hex.DecodeString(v.Request)
		if err != nil {
			t.Fatal(err)
		}
		response, err := hex.DecodeString(v.Response)
		if err != nil {
			t.Fatal(err)
		}
		answer := r.send(moved(t, request, r.from, r.dir), bytes.Count(response, []byte(endOfMessage)))
		if bytes.Contains(request, []byte("line b")) {
			await(t, "the ban after an attempt", func() bool { return r.ask("get", "sshd", "banned", "192.0.2.77") == "(0, 1)" })
		}
		want[v.ID] = neutral(strings.NewReplacer(r.from, "$D", recordedTop, "$D").Replace(printed(response)), r.dir)
		got[v.ID] = neutral(printed(answer), r.dir)
	}
	return want, got
}

// counted tells whether the lines of the log led to what was recorded first.
func (r rig) counted() bool {
	return r.ask("status", "sshd", "stats") == "(0, ['polling', (1, 7), (2, 2)])"
}

// enter does what was done between the recorded groups.
func (r rig) enter(t *testing.T, s suite, all []recorded, group string) rig {
	t.Helper()
	switch group {
	case "stress":
		r.ask("unban", "--all")
		r.ask("set", "sshd", "banip", "192.0.2.44")
	case "raw":
		r = s.rig(t, all, nil)
		if all[0].Server == "1.0.2" {
			r.ask("set", "sshd", "banip", "192.0.2.44")
			r.ask("unban", "--all")
			break
		}
		r.ask("set", "sshd", "banip", "192.0.2.30", "192.0.2.40", "192.0.2.41", "192.0.2.42")
	}
	return r
}

// recordedExceptions are the exchanges of both recordings that are answered
// otherwise, with the reason.
var recordedExceptions = map[string]string{
	"basic-m-327":  "the version is 1.1.1",
	"raw-m-510":    "the version is 1.1.1",
	"ban-m-404":    "recorded a moment before the ban that the attempt led to",
	"ban-m-407":    "the same ban: two jails have it, not one",
	"ban-m-408":    "the same ban: it is gone already",
	"ban-m-418":    "running bans keep their end when bantime is changed",
	"ban-d-204":    "running bans keep their end when bantime is changed",
	"cfg-d-054":    "the order of a set, which differs between runs of the reference",
	"cfg-d-055":    "the order of a set, which differs between runs of the reference",
	"cfg-d-056":    "the order of a set, which differs between runs of the reference",
	"stress-m-494": "a compiled expression is answered as text: no client should have to call re.compile",
	"stress-d-280": "a compiled expression is answered as text: no client should have to call re.compile",
}

// onlyIn102 are the exchanges of 1.0.2 that 1.1.1 answers otherwise.
var onlyIn102 = strings.Fields(`
	basic-d-001 raw-d-303
	basic-d-006 basic-d-008 basic-d-009 basic-d-010 basic-d-013 basic-d-014 basic-d-015
	cfg-d-083 cfg-d-084 cfg-d-086 cfg-d-087 cfg-d-088
	ban-d-188 ban-d-207 ban-d-210
`)

// TestRecordedExchangesAreAnsweredAsRecorded replays all that was recorded of
// version 1.1.2.dev1.
func TestRecordedExchangesAreAnsweredAsRecorded(t *testing.T) {
	t.Parallel()
	all := recording(t, "1.1.2.dev1")
	want, got := ours().replay(t, all)
	compareRecorded(t, all, want, got)
}

// TestRecordedExchangesOf102AreAnsweredAsBy111 replays what was recorded of
// 1.0.2 but for what 1.1.1 answers otherwise.
func TestRecordedExchangesOf102AreAnsweredAsBy111(t *testing.T) {
	t.Parallel()
	all := recording(t, "1.0.2")
	want, got := ours().replay(t, all)
	alike := slices.DeleteFunc(slices.Clone(all), func(v recorded) bool { return slices.Contains(onlyIn102, v.ID) })
	compareRecorded(t, alike, want, got)
	if !testenv.Full() {
		return
	}
	want, got = theirs(t).replay(t, all)
	for _, v := range all {
		if recordedExceptions[v.ID] != "" {
			continue // the order of a set
		}
		if listed := slices.Contains(onlyIn102, v.ID); listed == (want[v.ID] == got[v.ID]) {
			t.Errorf("%s: listed as only in 1.0.2: %t\n1.1.1 answers %s\n1.0.2 answered %s", v.ID, listed, got[v.ID], want[v.ID])
		}
	}
}

// compareRecorded reports the answers that differ from the recorded ones, and
// the exceptions that are none.
func compareRecorded(t *testing.T, all []recorded, want, got map[string]string) {
	t.Helper()
	if len(recordedExceptions) > 15 {
		t.Errorf("%d exceptions", len(recordedExceptions))
	}
	for _, v := range all {
		why, excepted := recordedExceptions[v.ID]
		if same := want[v.ID] == got[v.ID]; same == excepted {
			t.Errorf("%s (exception: %q)\n got %.1500s\nwant %.1500s", v.ID, why, got[v.ID], want[v.ID])
		}
	}
	t.Logf("%d answers compared", len(all))
}
