package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"stockade/internal/api"
	"stockade/internal/config"
	"stockade/internal/event"
	"stockade/internal/server"
)

// door is the API of the server that is meant.
func (s *stockade) door(options values) (*api.Client, string) {
	socket := api.SocketPath(s.findSocket(options["socket"], options["conf"]))
	return api.Dial(socket), socket
}

// fetch prints what the API answers.
func (s *stockade) fetch(options values, path string) int {
	client, socket := s.door(options)
	var value json.RawMessage
	if err := client.Call(context.Background(), http.MethodGet, path, nil, &value); err != nil {
		s.complain("%v", doorError(socket, err))
		return wentWrong
	}
	s.printJSON(value)
	return 0
}

// printJSON prints a value so that people can read it, too.
func (s *stockade) printJSON(value json.RawMessage) {
	var b bytes.Buffer
	if err := json.Indent(&b, value, "", "  "); err != nil {
		b.Reset()
		b.Write(value)
	}
	s.printf("%s\n", b.String())
}

// doorError says in plain words why the API does not answer.
func doorError(socket string, err error) error {
	if version, pingErr := serverVersion(mainSocket(socket), quickPing*10); pingErr == nil && errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("the server on %s has no API (version %s)", mainSocket(socket), version)
	}
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EACCES) {
		return unreachableText(socket, err)
	}
	return err
}

// mainSocket is the socket beside an API's.
func mainSocket(path string) string { return strings.TrimSuffix(path, "-api.sock") + ".sock" }

// eventsVerb prints what happens, until it is interrupted or the server ends.
func (s *stockade) eventsVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=", "json")
	if err != nil || len(rest) > 0 {
		return s.misuse("events", err)
	}
	client, socket := s.door(options)
	stream, err := client.Events(context.Background(), -1)
	if err != nil {
		s.complain("%v", doorError(socket, err))
		return wentWrong
	}
	defer stream.Close()
	if options.has("json") {
		_, err = io.Copy(s.env.Stdout, stream)
	} else {
		err = s.tell(stream)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.complain("%v", err)
		return wentWrong
	}
	return 0
}

// maxEventLine bounds one event: a log line may be 64 KiB, and be escaped.
const maxEventLine = 1 << 20

// tell prints events in plain words.
func (s *stockade) tell(stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEventLine)
	for lines.Scan() {
		var e event.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue
		}
		text := narration(e)
		if text == "" {
			text = strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Kind, e.Jail, printable(e.ID)))
		}
		s.printf("%s  %s\n", e.Time.Local().Format(time.DateTime), text)
	}
	return lines.Err()
}

// planVerb shows what a reload would change, and changes nothing.
func (s *stockade) planVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=", "json", "library=")
	if err != nil || len(rest) > 1 {
		return s.misuse("plan", err)
	}
	jail := strings.Join(rest, "")
	opts := config.Options{Dir: options["conf"], Explicit: options["conf"] != "", Library: s.env.Library}
	if options["library"] == "none" {
		opts.Library = nil
	}
	tree, err := config.Load(opts)
	var result *config.Result
	if err == nil {
		result, err = tree.Stream(jail, config.Start)
	}
	if err != nil {
		s.complain("read the configuration: %v", err)
		return wentWrong
	}
	client, socket := s.door(options)
	if opts.Library != nil {
		// As the server has it, which has put them there.
		conf := opts.Dir
		if conf == "" {
			conf = config.DefaultDir
		}
		carried{conf, opts.Library, socket}.place(result.Stream, func(carried, string) bool { return true })
	}
	request := api.PlanRequest{Jail: jail, Stream: result.Stream.Words(), Sidecar: config.EncodeSidecar(result.Stream)}
	var value json.RawMessage
	if err := client.Call(context.Background(), http.MethodPost, "/v1/plan", request, &value); err != nil {
		s.complain("%v", doorError(socket, err))
		return wentWrong
	}
	if options.has("json") {
		s.printJSON(value)
		return 0
	}
	var changes []server.Change
	if err := json.Unmarshal(value, &changes); err != nil {
		s.complain("read the plan: %v", err)
		return wentWrong
	}
	s.printPlan(changes, result.Bad)
	return 0
}

// planWords say what happens to a jail.
var planWords = map[string]string{
	"start": "starts", "stop": "stops", "restart": "restarts", "change": "changes", "keep": "stays as it is", "broken": "is broken",
}

func (s *stockade) printPlan(changes []server.Change, bad []string) {
	for _, c := range changes {
		word := planWords[c.Kind]
		if word == "" {
			word = c.Kind
		}
		s.printf("%s %s", c.Jail, word)
		if c.Why != "" {
			s.printf(": %s", c.Why)
		}
		if c.Bans > 0 {
			s.printf(", %d ban(s) are lifted", c.Bans)
		}
		s.printf("\n")
		for _, o := range c.Options {
			s.printf("  %s: %s -> %s\n", o.Option, orNothing(o.Old), orNothing(o.New))
		}
	}
	for _, name := range bad {
		s.printf("%s has errors and is left as it is\n", name)
	}
	if len(changes)+len(bad) == 0 {
		s.printf("nothing changes\n")
	}
}

func orNothing(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return text
}

// printable shows a text from a log on a terminal: what could steer the
// terminal is escaped.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}
