package cli

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"stockade/internal/action"
	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/datepattern"
	"stockade/internal/filter"
)

// socketName is the name of the socket in the directory of `stockade run`.
const socketName = "fail2ban.sock"

// runDir is the directory of `stockade run` unless it is told another.
const runDir = "run"

// findSocket is the socket of the server that is meant: the one named, else
// that of a `stockade run` from here, else the configured one.
func (s *stockade) findSocket(named, conf string) string {
	if named != "" {
		return named
	}
	local := filepath.Join(runDir, socketName)
	if _, err := os.Stat(local); err == nil && conf == "" {
		return local
	}
	opts := config.Options{Dir: conf, Explicit: conf != "", Library: s.env.Library}
	if t, err := config.LoadServer(opts); err == nil {
		return t.Server().Socket
	}
	return defaultSocket
}

// defaultSocket is where a server listens that nobody told anything.
const defaultSocket = "/var/run/fail2ban/fail2ban.sock"

// show sends a command to the running server and prints the reply.
func (s *stockade) show(options values, words ...string) error {
	value, err := s.call(options, words)
	if err != nil {
		return err
	}
	text, err := control.Beautify(words, value, true)
	if err != nil {
		return err
	}
	s.printf("%s\n", text)
	return nil
}

// call sends a command to the running server.
func (s *stockade) call(options values, words []string) (any, error) {
	return s.request(s.findSocket(options["socket"], options["conf"]), toAny(words))
}

// request sends a request to the server of a socket.
func (s *stockade) request(socket string, words []any) (any, error) {
	conn, err := control.Dial(context.Background(), socket, 0)
	if err != nil {
		return nil, unreachableText(socket, err)
	}
	defer conn.Close()
	reply, err := conn.Call(words)
	if err != nil {
		return nil, err
	}
	value, failure, err := control.Split(reply)
	if failure != nil {
		return nil, errors.New(control.FailureText(failure))
	}
	return value, err
}

// unreachableText says in plain words why no server answers.
func unreachableText(socket string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nothing answers on " + socket + ". Is it running? To start it: stockade run")
	case errors.Is(err, syscall.EACCES):
		return errors.New("you may not use " + socket + ". Try it as root")
	}
	return err
}

func (s *stockade) statusVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=", "json")
	if err != nil || len(rest) > 1 {
		return s.misuse("status", err)
	}
	if options.has("json") {
		path := "/v1/status"
		if len(rest) == 1 {
			path = "/v1/jails/" + url.PathEscape(rest[0])
		}
		return s.fetch(options, path)
	}
	if err := s.printStatus(options, rest); err != nil {
		s.complain("%v", err)
		// It may be known why there is no such jail.
		s.printFaults(options, rest)
		return wentWrong
	}
	s.printFaults(options, rest)
	s.printEnforced(options, rest)
	s.printPause(options)
	return 0
}

func (s *stockade) banVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=")
	if err != nil || len(rest) < 2 {
		return s.misuse("ban", err)
	}
	value, err := s.call(options, append([]string{"set", rest[0], "banip"}, rest[1:]...))
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	n, _ := value.(int)
	s.printf("%d banned in %s", n, rest[0])
	if known := len(rest) - 1 - n; known > 0 {
		s.printf(", %d banned before", known)
	}
	s.printf("\n")
	return 0
}

func (s *stockade) unbanVerb(args []string) int {
	options, rest, err := s.parse(args, "socket=", "conf=", "all")
	if options.has("all") {
		rest = []string{"--all"}
	}
	if err != nil || len(rest) == 0 {
		return s.misuse("unban", err)
	}
	value, err := s.call(options, append([]string{"unban"}, rest...))
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	n, _ := value.(int)
	switch n {
	case 0:
		s.printf("nothing was banned\n")
	case 1:
		s.printf("1 ban lifted\n")
	default:
		s.printf("%d bans lifted\n", n)
	}
	return 0
}

// misuse says how a verb is used.
func (s *stockade) misuse(name string, err error) int {
	if err != nil {
		s.complain("%v", err)
	}
	for _, v := range verbs() {
		if v.name == name {
			s.complain("usage: stockade %s %s", v.name, v.operands)
		}
	}
	return misused
}

func (s *stockade) checkVerb(args []string) int {
	options, rest, err := s.parse(args, "conf=", "json")
	if err != nil || len(rest) > 1 {
		return s.misuse("check", err)
	}
	dir := options["conf"]
	if len(rest) == 1 {
		dir = rest[0]
	}
	findings := s.check(dir)
	write := config.WriteText
	if options.has("json") {
		write = config.WriteJSON
	}
	if err := write(s.env.Stdout, findings); err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	return config.ExitStatus(findings)
}

// check reads the configuration of a directory and says what is wrong with it.
func (s *stockade) check(dir string) []config.Finding {
	return config.Check(config.CheckOptions{
		Options: config.Options{Dir: dir, Explicit: dir != "", Library: s.env.Library},
		Native:  runsNatively, Expand: filter.SearchText, DatePattern: tryDatePattern,
	})
}

// runsNatively tells whether an action needs no command, or why it does.
func runsNatively(a config.ActionSource) (bool, string) {
	kind, why := action.Native(&action.Source{Name: a.Name, Files: a.Files, Library: a.Library, Digest: a.Digest})
	return kind != "", why
}

// tryDatePattern tells what is wrong with a datepattern.
func tryDatePattern(pattern string) error {
	return datepattern.New(datepattern.Env{}).AppendOption(pattern)
}
