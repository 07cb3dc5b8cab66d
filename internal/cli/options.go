package cli

import (
	"errors"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/logbook"
	"stockade/internal/pyexpr"
)

// options are those of fail2ban-client and fail2ban-server.
type options struct {
	conf         string
	explicitConf bool
	socket       string
	pidfile      string
	pname        string
	loglevel     string
	logtarget    string
	syslogsocket string
	// metrics is the address for Prometheus, "" for none.
	metrics string
	// noLibrary leaves the embedded configuration out, noNative runs even
	// stock actions as commands.
	noLibrary, noNative bool

	dump, pretty, test, interactive bool
	force, foreground, async        bool
	verbosity                       int
	timeout                         time.Duration
}

// defaultTimeout is how long a start may take.
const defaultTimeout = 30 * time.Second

const shortOptions = "c:s:p:xfbdtviqVh"

var longOptions = []string{
	"loglevel=", "logtarget=", "syslogsocket=", "test", "async", "conf=", "pidfile=", "pname=", "socket=",
	"timeout=", "str2sec=", "help", "version", "dp", "dump-pretty", "library=", "native=",
}

// errDone ends a program that has done what an option asked for.
var errDone = errors.New("done")

// shown is the error of an option whose text belongs on standard output.
type shown struct{ text string }

func (s shown) Error() string { return s.text }

// parseOptions reads the options; rest is the command. print writes the answer
// of options that are a question, which end with errDone.
func parseOptions(args []string, usage func(), print func(string)) (o *options, rest []string, err error) {
	o = &options{conf: config.DefaultDir, pname: "fail2ban-server", verbosity: 1, timeout: defaultTimeout}
	flags, rest, err := getopt(args, shortOptions, longOptions)
	if err != nil {
		usage()
		return nil, nil, err
	}
	for _, f := range flags {
		if err := o.set(f, usage, print); err != nil {
			return nil, nil, err
		}
	}
	return o, rest, nil
}

func (o *options) set(f flag, usage func(), print func(string)) error {
	switch f.name {
	case "-c", "--conf":
		o.conf, o.explicitConf = f.value, true
	case "-s", "--socket":
		o.socket = f.value
	case "-p", "--pidfile":
		o.pidfile = f.value
	case "--pname":
		o.pname = f.value
	case "--loglevel":
		o.loglevel = f.value
	case "--logtarget":
		o.logtarget = f.value
	case "--syslogsocket":
		o.syslogsocket = f.value
	case "--library":
		o.noLibrary = f.value == "none"
	case "--native":
		o.noNative = f.value == "never"
	case "-d":
		o.dump = true
	case "--dp", "--dump-pretty":
		o.dump, o.pretty = true, true
	case "-t", "--test":
		o.test = true
	case "-i":
		o.interactive = true
	case "-v":
		o.verbosity++
	case "-q":
		o.verbosity--
	case "-x":
		o.force = true
	case "-b":
		o.foreground = false
	case "-f":
		o.foreground = true
	case "--async":
		o.async = true
	default:
		return o.ask(f, usage, print)
	}
	return nil
}

// ask deals with the options that want an answer at once.
func (o *options) ask(f flag, usage func(), print func(string)) error {
	switch f.name {
	case "--timeout", "--str2sec":
		v, err := pyexpr.Seconds(f.value)
		if err != nil {
			return shown{"ERROR: " + err.Error()}
		}
		if f.name == "--str2sec" {
			print(v.String())
			return errDone
		}
		seconds, _ := v.Float64()
		o.timeout = time.Duration(seconds * float64(time.Second))
		return nil
	case "-h", "--help":
		usage()
		return errDone
	case "-V":
		print(machineVersion(Compatible))
		return errDone
	}
	print("Fail2Ban v" + Compatible)
	return errDone
}

// machineVersion is the version in a form that sorts.
func machineVersion(v string) string {
	return strings.ReplaceAll(strings.ReplaceAll(v, ".dev", "."), ".fix", "")
}

// tree are the options for reading the configuration.
func (o *options) tree(env Env) config.Options {
	t := config.Options{
		Dir: o.conf, Explicit: o.explicitConf, Library: env.Library,
		Socket: o.socket, Pidfile: o.pidfile,
		Loglevel: o.loglevel, Logtarget: o.logtarget, Syslogsocket: o.syslogsocket,
	}
	if o.noLibrary {
		t.Library = nil
	}
	return t
}

// settle fills what the command line left open from fail2ban.conf.
func (o *options) settle(env Env) error {
	if o.loglevel != "" {
		if _, err := logbook.ParseLevel(o.loglevel); err != nil {
			return shown{"ERROR: " + err.Error()}
		}
	}
	t, err := config.LoadServer(o.tree(env))
	if err != nil {
		return shown{"ERROR: " + err.Error()}
	}
	s := t.Server()
	for _, p := range []struct {
		to   *string
		from string
	}{
		{&o.socket, s.Socket},
		{&o.pidfile, s.Pidfile},
		{&o.loglevel, s.Loglevel},
		{&o.logtarget, s.Logtarget},
		{&o.syslogsocket, s.Syslogsocket},
		{&o.metrics, s.Metrics},
	} {
		if *p.to == "" {
			*p.to = p.from
		}
	}
	return nil
}
