package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"stockade/internal/control"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// client is a run of fail2ban-client, or of fail2ban-server, which is the
// client for every command but a sole start.
type client struct {
	env    Env
	server bool
	opts   *options
	// given are the options as they were on the command line: they override
	// the configuration that this very run sends.
	given options
	log   *logbook.Book
	// prompt is true in interactive mode.
	prompt bool
}

func newClient(env Env, server bool) *client {
	return &client{env: env, server: server}
}

func (c *client) println(text string) { fmt.Fprintln(c.env.Stdout, text) }

func (c *client) logf(level logbook.Level, format string, args ...any) {
	c.log.Logf(level, clientLogger, format, args...)
}

// main runs the program.
func (c *client) main() int {
	opts, words, err := parseOptions(c.env.Args, c.usage, c.println)
	var text shown
	switch {
	case errors.Is(err, errDone):
		return 0
	case errors.As(err, &text):
		c.println(text.text)
		c.refuse()
		return failed
	case err != nil:
		c.refuse()
		return failed
	}
	c.opts, c.given = opts, *opts
	c.log = newLog(c.env, opts.verbosity)
	if err := opts.settle(c.env); err != nil {
		c.println(err.Error())
		if !c.server {
			c.logf(logbook.Error, "%v", errOptions)
		}
		return failed
	}
	c.logf(logbook.Info, "Using socket file %s", opts.socket)
	c.logf(logbook.Info, "Using pid file %s, [%s] logging to %s", opts.pidfile, opts.loglevel, opts.logtarget)
	c.catchSignals()
	return c.run(words)
}

// refuse says that the command line makes no sense; the server keeps silent.
func (c *client) refuse() {
	if !c.server {
		fmt.Fprintln(c.env.Stderr, errOptions)
	}
}

// catchSignals ends a client that is told to stop. A server in the foreground
// has handlers of its own.
func (c *client) catchSignals() {
	if c.becomesServer(nil) {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		s := <-signals
		number, _ := s.(syscall.Signal)
		c.println("")
		c.logf(logbook.Warning, "Caught signal %d. Exiting", int(number))
		os.Exit(failed)
	}()
}

// becomesServer tells whether this very process is to serve.
func (c *client) becomesServer(words []string) bool {
	return c.server && (c.opts.foreground || c.env.Getenv(daemonMark) != "") && len(words) <= 1
}

// run does what options and command say.
func (c *client) run(words []string) int {
	alone := len(words) == 0 && !c.opts.interactive
	if c.opts.dump {
		if status := c.dump(); status != 0 || !c.opts.test {
			return status
		}
		c.println("OK: configuration test is successful")
		return 0
	}
	if c.opts.test {
		if !c.testConfiguration(alone) {
			return failed
		}
		if alone {
			c.println("OK: configuration test is successful")
			return 0
		}
	}
	if c.server && (len(words) == 0 && !c.opts.interactive || len(words) == 1 && words[0] == "start") {
		return c.startServer()
	}
	if c.opts.interactive {
		return c.interact(words)
	}
	if len(words) == 0 {
		c.usage()
		return failed
	}
	if c.command(words) {
		return 0
	}
	return failed
}

// command carries one command out and reports whether it went well.
func (c *client) command(words []string) bool {
	switch {
	case len(words) == 1 && words[0] == "start":
		return c.start()
	case words[0] == "restart" && len(words) > 1:
		return c.command(append([]string{"reload", "--restart"}, words[1:]...))
	case words[0] == "restart":
		return c.restart()
	case words[0] == "reload":
		return c.reload(words[1:])
	case words[0] == "ping" && len(words) == 2:
		timeout, err := pyobj.AsFloat(words[1])
		if err != nil {
			c.logf(logbook.Error, "%v", err)
			return false
		}
		return c.exchange(words, nil, time.Duration(timeout*float64(time.Second)))
	}
	return c.exchange(words, nil, 0)
}

// exchange sends one request and prints the reply. A nil request is the words
// themselves.
func (c *client) exchange(words []string, request []any, timeout time.Duration) bool {
	if request == nil {
		request = toAny(words)
	}
	conn, err := control.Dial(context.Background(), c.opts.socket, timeout)
	if err != nil {
		c.unreachable(words, err)
		return false
	}
	defer conn.Close()
	return c.ask(conn, words, request)
}

func toAny(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// ask sends a request on a connection and prints the reply.
func (c *client) ask(conn *control.Conn, words []string, request []any) bool {
	value, ok := c.answer(conn, words, request)
	if ok {
		c.show(words, value)
	}
	return ok
}

// answer sends a request on a connection and gives the value of the reply. An
// error is printed.
func (c *client) answer(conn *control.Conn, words []string, request []any) (value any, ok bool) {
	reply, err := conn.Call(request)
	if err != nil {
		c.unreachable(words, err)
		return nil, false
	}
	value, failure, err := control.Split(reply)
	switch {
	case err != nil:
		c.logf(logbook.Error, "%v", replyFault(reply, err))
	case failure != nil:
		c.logf(logbook.Error, "NOK: %s", pyobj.Repr(failure.ShownArgs()))
		c.println(control.FailureText(failure))
	}
	return value, err == nil && failure == nil
}

// show prints the value of a reply.
func (c *client) show(words []string, value any) {
	text, err := control.Beautify(words, value, c.utf8())
	if err != nil {
		c.log.Logf(logbook.Warning, "fail2ban.beautifier", "Beautifier error. Please report the error")
		c.log.Logf(logbook.Error, "fail2ban.beautifier", "Beautify %s with %s failed", pyobj.Repr(value), pyobj.Repr(words))
	}
	c.println(text)
}

// replyFault is what the reference's client says of a reply that is no pair.
func replyFault(reply any, err error) error {
	if _, isText := reply.(string); isText {
		return errors.New("'str' object has no attribute 'args'")
	}
	return err
}

// utf8 says whether the terminal shows more than ASCII, by the locale.
func (c *client) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := c.env.Getenv(name); v != "" {
			v = strings.ToLower(v)
			// Python takes the C locale for UTF-8.
			return v == "c" || v == "posix" || strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// unreachable says why there is no reply.
func (c *client) unreachable(words []string, err error) {
	var transport *control.TransportError
	errors.As(err, &transport)
	switch {
	case errors.Is(err, syscall.ENOENT):
		c.logf(logbook.Error, "Failed to access socket path: %s. Is fail2ban running?", c.opts.socket)
	case errors.Is(err, syscall.EACCES):
		c.logf(logbook.Error, "Permission denied to socket: %s, (you must be root)", c.opts.socket)
	case transport != nil && (transport.TimedOut || words[0] == "ping"):
		c.logf(logbook.Error, "%v", err)
	case transport != nil:
		c.logf(logbook.Error, "[%v] Unable to contact server. Is it running?", err)
	default:
		c.logf(logbook.Error, "%v", err)
	}
}

// ping tells whether a server answers within the time.
func (c *client) ping(timeout time.Duration) bool {
	conn, err := control.Dial(context.Background(), c.opts.socket, timeout)
	if err != nil {
		return false
	}
	defer conn.Close()
	reply, err := conn.Call([]any{"ping", timeout.Seconds()})
	if err != nil {
		return false
	}
	value, _, _ := control.Split(reply)
	return value == "pong"
}
