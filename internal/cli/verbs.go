package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"stockade/internal/config"
	"stockade/internal/control"
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

// ask sends a command to the running server and prints the reply.
func (s *stockade) ask(options map[string]string, words ...string) int {
	value, err := s.call(options, words)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	text, err := control.Beautify(words, value, true)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	s.printf("%s\n", text)
	return 0
}

// call sends a command to the running server.
func (s *stockade) call(options map[string]string, words []string) (any, error) {
	socket := s.findSocket(options["socket"], options["conf"])
	conn, err := control.Dial(context.Background(), socket, 0)
	if err != nil {
		return nil, unreachableText(socket, err)
	}
	defer conn.Close()
	reply, err := conn.Call(toAny(words))
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
	options, rest, err := s.parse(args, "socket", "conf")
	if err != nil || len(rest) > 1 {
		return s.misuse("status", err)
	}
	if len(rest) == 1 {
		return s.ask(options, "status", rest[0])
	}
	return s.ask(options, "status", "--all")
}

func (s *stockade) banVerb(args []string) int {
	options, rest, err := s.parse(args, "socket", "conf")
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
	all := slices.Contains(args, "--all")
	options, rest, err := s.parse(slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--all" }), "socket", "conf")
	if all {
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
	options, rest, err := s.parse(args, "conf")
	if err != nil || len(rest) > 0 {
		return s.misuse("check", err)
	}
	findings := config.Check(config.CheckOptions{Options: config.Options{
		Dir: options["conf"], Explicit: options["conf"] != "", Library: s.env.Library,
	}})
	if err := config.WriteText(s.env.Stdout, findings); err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	if len(findings) == 0 {
		s.printf("nothing is wrong\n")
	}
	return config.ExitStatus(findings)
}

func (s *stockade) filterVerb(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return s.misuse("filter", nil)
	}
	s.complain("the filters cannot be tested yet")
	return wentWrong
}
