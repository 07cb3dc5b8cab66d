package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"stockade/internal/action"
	"stockade/internal/api"
	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/logbook"
	"stockade/internal/server"
)

// serverLogger is the name under which the server's life is logged.
const serverLogger = "fail2ban.server"

// replyGrace is how long clients are given to take their replies at the end.
const replyGrace = 5 * time.Second

// startServer is fail2ban-server without a command.
func (c *client) startServer() int {
	daemon := c.env.Getenv(daemonMark) != ""
	switch {
	case daemon || c.opts.foreground && c.opts.async:
		return c.serve(nil, daemon)
	case c.opts.async:
		if err := c.daemonize(); err != nil {
			c.logf(logbook.Error, "Could not start server: %v", err)
			return failed
		}
		return 0
	}
	result, ok := c.prepareServer()
	if !ok {
		c.logf(logbook.Error, "Async configuration of server failed")
		return failed
	}
	if c.opts.foreground {
		return c.serve(result, false)
	}
	if !c.launch(result) {
		return failed
	}
	return 0
}

// prepareServer is prepare for a foreground server, which itself says what it
// thinks of an existing socket.
func (c *client) prepareServer() (*config.Result, bool) {
	if !c.opts.foreground {
		return c.prepare()
	}
	if c.ping(quickPing) {
		c.logf(logbook.Error, "Server already running")
		return nil, false
	}
	return c.readConfiguration("", config.Start)
}

// serve is the server itself, configured by a result or, if that is nil, by
// whoever connects.
func (c *client) serve(result *config.Result, daemon bool) int {
	os.Unsetenv(daemonMark)
	d := &daemonProcess{client: c, daemon: daemon, manager: serviceManager()}
	if err := d.open(); err != nil {
		c.logf(logbook.Error, "Could not start server: %v", err)
		return failed
	}
	defer d.book.Close()
	if err := d.listen(c.opts.socket, c.opts.force); err != nil {
		d.book.Logf(logbook.Error, serverLogger, "Could not start server: %v", err)
		d.server.Shutdown(action.Lift)
		d.farewell()
		return failed
	}
	if result != nil {
		problems, err := d.configure(result)
		if err == nil && !c.reportProblems(problems, result) {
			err = errNoJail
			d.book.Logf(logbook.Error, serverLogger, "Could not start server: %v", err)
		}
		if err != nil {
			d.server.Shutdown(action.Lift)
			d.end()
			return failed
		}
		c.println("Server ready")
	}
	d.manager.ready(d.server)
	watched, quiet := context.WithCancel(context.Background())
	defer quiet()
	go d.manager.reassure(watched, d.server)
	server.Settle()
	d.wait()
	d.end()
	return 0
}

// errNoJail ends a server in the foreground that would watch nothing.
var errNoJail = errors.New("there is no jail without errors")

// daemonProcess is what a serving process consists of.
type daemonProcess struct {
	client   *client
	daemon   bool
	book     *logbook.Book
	server   *server.Server
	table    *control.Table
	manager  *manager
	listener *control.Listener
	socket   *control.Socket
	api      *api.Server
	// farewell closes the doors and removes what others must not find.
	farewell func()
	// signals are caught from the beginning: whoever is told that the server is
	// ready may send one at once.
	signals chan os.Signal
}

// open makes the log and the server. The umask keeps everything that is
// written, by actions too, to the server's user.
func (d *daemonProcess) open() error {
	o := d.client.opts
	syscall.Umask(0o077)
	d.signals = make(chan os.Signal, 4)
	signal.Notify(d.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP)
	setProcessName(o.pname)
	d.book = logbook.New(logbook.Options{Stdout: d.client.env.Stdout, Stderr: d.client.env.Stderr, Version: Compatible})
	if err := d.book.SetSyslogSocket(o.syslogsocket); err != nil {
		return fmt.Errorf("set syslog socket: %w", err)
	}
	if err := d.book.SetLevel(o.loglevel); err != nil {
		return fmt.Errorf("set log level: %w", err)
	}
	if err := d.book.SetTarget(o.logtarget); err != nil {
		return fmt.Errorf("set log target %s: %w", o.logtarget, err)
	}
	d.server = server.New(server.Options{
		Book: d.book, Version: Compatible, Native: !o.noNative, Careful: !o.noLibrary, Strict: os.Getenv(strictMark) == "1", Pidfile: o.pidfile, Daemon: d.daemon,
	})
	d.server.Begin()
	d.table = control.NewTable(d.server)
	d.farewell = sync.OnceFunc(d.leave)
	d.table.BeforeLastReply(d.farewell)
	return nil
}

// setProcessName changes what ps shows as the command.
func setProcessName(name string) {
	// Where there is no such file there is no such name.
	_ = os.WriteFile("/proc/self/task/"+strconv.Itoa(os.Getpid())+"/comm", []byte(name), 0o600)
}

// listen binds the socket and begins to answer.
func (d *daemonProcess) listen(path string, force bool) error {
	l, err := control.Listen(path, force, d.book.Log)
	if err != nil {
		return err
	}
	d.listener = l
	d.socket = control.NewSocket(l, d.table.Handle, d.book.Log)
	go d.socket.Serve(context.Background())
	d.listenAPI(api.SocketPath(l.Path()))
	return nil
}

// listenAPI opens the second door. Without it the server does its work all the
// same.
func (d *daemonProcess) listenAPI(path string) {
	l, err := api.Listen(path)
	if err != nil {
		d.book.Logf(logbook.Warning, "stockade.api", "The API is not available: %v", err)
		return
	}
	d.api = api.New(d.server, d.table)
	go func() {
		if err := d.api.Serve(l); err != nil {
			d.book.Logf(logbook.Error, "stockade.api", "%v", err)
		}
	}()
	if address := d.client.opts.metrics; address != "" {
		d.listenMetrics(address)
	}
}

// listenMetrics answers Prometheus at an address of its own.
func (d *daemonProcess) listenMetrics(address string) {
	l, err := api.ListenMetrics(address)
	if err != nil {
		d.book.Logf(logbook.Error, "stockade.api", "The metrics are not available: %v", err)
		return
	}
	go func() {
		if err := d.api.ServeMetrics(l); err != nil {
			d.book.Logf(logbook.Error, "stockade.api", "%v", err)
		}
	}()
}

// configure carries the stream out, and tells what the server found wrong.
func (d *daemonProcess) configure(result *config.Result) ([]server.Problem, error) {
	request := []any{"server-stream", result.Stream.Words(), config.EncodeSidecar(result.Stream)}
	value, err := d.table.Do(context.Background(), control.Peer{UID: os.Getuid()}, request)
	if err != nil {
		d.book.Logf(logbook.Error, "fail2ban", "NOK: %v", err)
	}
	return control.ReadProblems(value), err
}

// wait serves until a command or a signal ends it.
func (d *daemonProcess) wait() {
	defer signal.Stop(d.signals)
	for {
		select {
		case <-d.server.Done():
			return
		case s := <-d.signals:
			d.signal(s)
		}
	}
}

// signal does what a signal asks for. SIGTERM leaves the bans in the kernel
// for a successor, until they expire there; an interrupt from the keyboard
// lifts them.
func (d *daemonProcess) signal(s os.Signal) {
	switch s {
	case syscall.SIGUSR1:
		d.book.Flush()
	case syscall.SIGHUP:
		if hasTerminal() && !d.daemon {
			go d.server.Shutdown(action.Lift)
			return
		}
		go d.reload()
	case syscall.SIGINT:
		go d.server.Shutdown(action.Lift)
	default:
		go d.server.Shutdown(action.Leave)
	}
}

// hasTerminal tells whether the process has a controlling terminal.
func hasTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

// reload reads the configuration again, as `reload` does.
func (d *daemonProcess) reload() {
	d.manager.reloading()
	defer d.manager.ready(d.server)
	c := *d.client
	c.log = d.book
	result, ok := c.readConfiguration("", config.Start)
	if !ok {
		return
	}
	request := []any{"reload", "--all", []any{}, result.Stream.Words(), config.EncodeSidecar(result.Stream)}
	if _, err := d.table.Do(context.Background(), control.Peer{UID: os.Getuid()}, request); err != nil {
		d.book.Logf(logbook.Error, serverLogger, "Reload by signal failed: %v", err)
	}
}

// leave closes both doors to new clients and says goodbye in the log.
func (d *daemonProcess) leave() {
	d.manager.tell("STOPPING=1")
	if d.api != nil {
		d.api.Close()
	}
	if d.listener != nil {
		if err := d.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			d.book.Logf(logbook.Error, serverLogger, "Unable to close the socket: %v", err)
		}
	}
	d.server.Farewell()
}

// end leaves, and lets the clients have their replies.
func (d *daemonProcess) end() {
	d.farewell()
	if err := d.socket.Close(replyGrace); err != nil && !errors.Is(err, net.ErrClosed) {
		d.book.Logf(logbook.Error, serverLogger, "Unable to close the socket: %v", err)
	}
}

// serverVersion asks a server what it is.
func serverVersion(socket string, timeout time.Duration) (string, error) {
	conn, err := control.Dial(context.Background(), socket, timeout)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	reply, err := conn.Call(control.IdentityRequest())
	if err != nil {
		return "", err
	}
	value, failure, err := control.Split(reply)
	if failure != nil {
		return "", failure
	}
	version, _ := value.(string)
	return version, err
}
