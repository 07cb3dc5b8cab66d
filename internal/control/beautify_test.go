package control

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"stockade/internal/pickle"
	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

func statusOfOne() []any {
	return []any{
		pyobj.Tuple{"Filter", []any{pyobj.Tuple{"Currently failed", 1}, pyobj.Tuple{"Total failed", 7}, pyobj.Tuple{"File list", []any{"/a", "/b"}}}},
		pyobj.Tuple{"Actions", []any{pyobj.Tuple{"Currently banned", 0}, pyobj.Tuple{"Total banned", 2}, pyobj.Tuple{"Banned IP list", []any{}}}},
	}
}

func TestRepliesArePrinted(t *testing.T) {
	tests := []struct {
		request string
		value   any
		want    string
	}{
		{"ping", "pong", "Server replied: pong"},
		{"version", "1.1.1", "1.1.1"},
		{"stop", nil, "Shutdown successful"},
		{"stop one", nil, "Jail stopped"},
		{"start one", nil, "Jail started"},
		{"add one", "one", "Added jail one"},
		{"flushlogs", "rolled over", "logs: rolled over"},
		{"echo", []any{}, ""},
		{"echo a b", []any{"a", "b"}, "a b"},
		{"server-status", "Server ready", "Server ready"},
		{"set one findtime 1mo", 2629800.0, "2629800.0"},
		{"banned", []any{pyobj.NewDict("one", []any{"it's"})}, `[{'one': ["it's"]}]`},
		{"get loglevel", "INFO", "Current logging level is 'INFO'"},
		{"get dbfile", nil, "Database currently disabled"},
		{"get dbpurgeage", 86400.5, "Current database purge age is:\n`- 86400seconds"},
		{"get one logpath", []any{}, "No file is currently monitored"},
		{"get one logpath", []any{"/a", "/b"}, "Current monitored log file(s):\n|- /a\n`- /b"},
		{"get one failregex", []any{"x", "y"}, "The following regular expression are defined:\n|- [0]: x\n`- [1]: y"},
		{"get one journalmatch", []any{[]any{"A=1", "B=2"}, []any{"C=3"}}, "Current match filter:\nA=1 B=2 + C=3"},
		{"get one datepattern", nil, "Current date pattern set to: Not set/required"},
		{"get one datepattern", pyobj.Tuple{nil, "Epoch"}, "Current date pattern set to: Epoch"},
		{"get one datepattern", pyobj.Tuple{"%Y", "Year"}, "Current date pattern set to: %Y (Year)"},
		{"get one actions", []any{"a", "b"}, "The jail one has the following actions:\na, b"},
		{"get one actionproperties a", []any{}, "No properties for jail one action a"},
		{"get one banip", []any{}, ""},
		{"get one banip ,", []any{"a", "b"}, "a,b"},
		{"get one banip --with-time", []any{"a \tx", "b \ty"}, "a \tx\nb \ty"},
		{"set one banip a", 1, "1"},
		{"status", []any{pyobj.Tuple{"Number of jail", 0}, pyobj.Tuple{"Jail list", ""}}, "Status\n|- Number of jail:\t0\n`- Jail list:\t"},
		{"status one", statusOfOne(), "Status for the jail: one\n|- Filter\n|  |- Currently failed:\t1\n|  |- Total failed:\t7\n|  `- File list:\t/a /b\n" +
			"`- Actions\n   |- Currently banned:\t0\n   |- Total banned:\t2\n   `- Banned IP list:\t"},
		{"status --all", []any{pyobj.Tuple{"Number of jail", 0}, pyobj.Tuple{"Jail list", ""}, &pyobj.Dict{}}, "Status\n|- Number of jail:\t0\n`- Jail list:\t"},
		{"stats", &pyobj.Dict{}, "No jails found."},
	}
	for _, tt := range tests {
		got, err := Beautify(strings.Fields(tt.request), tt.value, true)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v\n got %q\nwant %q", tt.request, err, got, tt.want)
		}
	}
}

func TestStatisticsTable(t *testing.T) {
	value := pyobj.NewDict("a-very-long-name", []any{"polling", pyobj.Tuple{1, 12345}, pyobj.Tuple{0, 2}})
	want := strings.Join([]string{
		"                  |          | Filter      | Actions  ",
		" Jail             | Backend  |-------------x-----------",
		"                  |          | cur |   tot | cur | tot",
		"------------------x----------x-------------x-----------",
		" a-very-long-name | polling  |   1 | 12345 |   0 |   2",
		"-------------------------------------------------------",
	}, "\n")
	if got, err := Beautify([]string{"stats"}, value, false); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func TestRepliesOfUnexpectedShapeAreShownRaw(t *testing.T) {
	got, err := Beautify([]string{"status", "web", "stats"}, []any{"polling", pyobj.Tuple{0, 0}, pyobj.Tuple{0, 1}}, true)
	if err == nil || got != `['Status for the jail: web', '|- p']['polling', (0, 0), (0, 1)]` {
		t.Errorf("%v %s", err, got)
	}
}

func TestFailuresArePrinted(t *testing.T) {
	for _, tt := range []struct {
		x    *pyobj.Exception
		want string
	}{
		{pyobj.UnknownJail("x"), "Sorry but the jail 'x' does not exist"},
		{pyobj.DuplicateJail("x"), "The jail 'x' already exists"},
		{pyobj.Builtin("IndexError", "list index out of range"), "Sorry but the command is invalid"},
		{pyobj.Builtin("KeyError", "Invalid Action name: x"), "'Invalid Action name: x'"},
		{pyobj.NotFound("/p"), "[Errno 2] No such file or directory: '/p'"},
	} {
		if got := FailureText(tt.x); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// TestRecordedRepliesArePrintedAsRecorded prints what the reference's servers
// answered, as its clients printed it. The recording holds texts of the
// reference's configuration and is not part of this repository.
func TestRecordedRepliesArePrintedAsRecorded(t *testing.T) {
	path, ok := testenv.Shared(t, "spec/protocol-vectors.json")
	if !ok {
		testenv.Skip(t, "the recorded exchanges are not on this machine")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			ID          string
			RequestArgs any      `json:"request_args"`
			CLIArgs     []string `json:"cli_args"`
			ResponseHex string   `json:"response_hex"`
			Stdout      *string  `json:"cli_stdout"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, v := range file.Vectors {
		b, err := hex.DecodeString(v.ResponseHex)
		words := v.CLIArgs
		if err != nil || v.Stdout == nil || len(words) == 0 || words[0] == "reload" || words[0] == "restart" || len(words) == 1 && words[0] == "start" {
			continue
		}
		reply, err := pickle.Loads(b, replyLimits)
		if err != nil {
			continue // a compiled expression, which is refused
		}
		value, failure, err := Split(reply)
		var got string
		switch {
		case err != nil:
			continue
		case failure != nil:
			got = FailureText(failure)
		default:
			got, _ = Beautify(words, value, true)
		}
		compared++
		if got+"\n" != *v.Stdout {
			t.Errorf("%s %q\n got %q\nwant %q", v.ID, words, got, *v.Stdout)
		}
	}
	t.Logf("%d replies compared", compared)
}
