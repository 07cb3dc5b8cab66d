package cli

import (
	"fmt"
	"strings"
)

// The layout of the command list, which shell completion parses.
const (
	usageIndent = 4
	usageColumn = 41
	usageWrap   = 34
)

// usageLine is a command with what it does; a title has no command.
type usageLine struct{ command, does string }

// usage prints the help of fail2ban-client, or of fail2ban-server, which has no
// commands.
func (c *client) usage() {
	name, operand := "fail2ban-client", " <COMMAND>"
	if c.server {
		name, operand = "fail2ban-server", ""
	}
	out := c.env.Stdout
	fmt.Fprintf(out, "Usage: %s [OPTIONS]%s\n\nStockade %s, compatible with Fail2Ban v%s, reads log files for failed attempts\n"+
		"and bans the addresses that they come from by the firewall.\n\nOptions:\n%s", name, operand, Version, Compatible, usageOptions)
	if !c.server {
		fmt.Fprintf(out, "\nCommand:\n")
		for _, l := range usageCommands {
			writeUsage(out.Write, l)
		}
	}
	fmt.Fprintf(out, "\nReport bugs to whoever gave you Stockade, not to the project of Fail2ban.\n")
}

// writeUsage prints one command: padded to a column, the description wrapped.
func writeUsage(write func([]byte) (int, error), l usageLine) {
	lines := wrap(l.does, usageWrap)
	head := strings.Repeat(" ", usageIndent) + fmt.Sprintf("%-*s", usageColumn, l.command)
	if l.command == "" {
		head = strings.Repeat(" ", usageIndent+usageColumn)
	}
	if len(l.command) >= usageColumn {
		fmt.Fprintf(writerFunc(write), "%s\n", strings.Repeat(" ", usageIndent)+l.command)
		head = strings.Repeat(" ", usageIndent+usageColumn)
	}
	for _, text := range lines {
		fmt.Fprintf(writerFunc(write), "%s%s\n", head, text)
		head = strings.Repeat(" ", usageIndent+usageColumn)
	}
}

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// wrap breaks a text into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

const usageOptions = `    -c, --conf <DIR>        directory of the configuration
    -s, --socket <FILE>     path of the socket
    -p, --pidfile <FILE>    path of the pid file
    --pname <NAME>          name of the server's process (default fail2ban-server)
    --loglevel <LEVEL>      level of the log
    --logtarget <TARGET>    target of the log: a file, stdout, stderr, syslog, sysout or systemd-journal
    --syslogsocket auto|<FILE>
    -d                      print the configuration as commands
    --dp, --dump-pretty     the same, easier to read
    -t, --test              test the configuration (also before a start or reload)
    -i                      interactive mode
    -v                      say more
    -q                      say less
    -x                      start even if a socket file is there (it is removed)
    -b                      start the server in the background (default)
    -f                      start the server in the foreground
    --async                 start without reading the configuration (for internal use)
    --timeout               how long to wait for the server
    --str2sec <STRING>      print a time such as 1d12h in seconds
    --library none          leave the embedded configuration out
    --native never          run stock firewall actions as commands, too
    -h, --help              this help
    -V, --version           the version (-V prints it in a form for machines)
`

// usageCommands are the commands of the server and the client.
var usageCommands = []usageLine{
	{"", "BASIC"},
	{"start", "starts the server and its jails"},
	{"restart", "stops the server and starts it again"},
	{"restart [--unban] [--if-exists] <JAIL>", "restarts one jail (the same as 'reload --restart ... <JAIL>')"},
	{"reload [--restart] [--unban] [--all]", "reads the configuration again; with '--restart' the jails are stopped and started, with '--unban' their bans are lifted"},
	{"reload [--restart] [--unban] [--if-exists] <JAIL>", "the same for one jail"},
	{"stop", "stops all jails and the server"},
	{"unban --all", "lifts all bans of all jails and forgets them"},
	{"unban <IP> ... <IP>", "lifts the bans of these addresses in all jails and forgets them"},
	{"banned", "lists the banned addresses by jail"},
	{"banned <IP> ... <IP>", "lists for each address the jails that ban it"},
	{"status", "shows which jails there are"},
	{"status --all [FLAVOR]", "shows the state of all jails; FLAVOR is basic, short, cymru or stats"},
	{"stat[istic]s", "shows the state of all jails as a table"},
	{"ping", "asks whether the server is alive"},
	{"echo", "sends words to the server and prints them (for internal use)"},
	{"help", "prints this help (in interactive mode)"},
	{"version", "prints the version of the server"},
	{"", "LOGGING"},
	{"set loglevel <LEVEL>", "sets the level of the log to <LEVEL>: CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG, TRACEDEBUG, HEAVYDEBUG or a number"},
	{"get loglevel", "gets the level of the log"},
	{"set logtarget <TARGET>", "sets the target of the log to <TARGET>: STDOUT, STDERR, SYSOUT, SYSLOG, SYSTEMD-JOURNAL or a file"},
	{"get logtarget", "gets the target of the log"},
	{"set syslogsocket auto|<SOCKET>", "sets the socket of the target SYSLOG"},
	{"get syslogsocket", "gets the socket of the target SYSLOG"},
	{"flushlogs", "writes the log out and opens its file anew, for log rotation"},
	{"", "DATABASE"},
	{"set dbfile <FILE>", "sets the file of the database; 'None' means none"},
	{"get dbfile", "gets the file of the database"},
	{"set dbmaxmatches <INT>", "sets how many lines are stored with a ban"},
	{"get dbmaxmatches", "gets how many lines are stored with a ban"},
	{"set dbpurgeage <SECONDS>", "sets how long bans are remembered"},
	{"get dbpurgeage", "gets how long bans are remembered"},
	{"", "JAIL CONTROL"},
	{"add <JAIL> <BACKEND>", "makes the jail <JAIL>, reading by <BACKEND>"},
	{"start <JAIL>", "starts the jail <JAIL>"},
	{"stop <JAIL>", "stops the jail <JAIL> and removes it"},
	{"status <JAIL> [FLAVOR]", "shows the state of <JAIL>; FLAVOR is basic, short or cymru"},
	{"", "JAIL CONFIGURATION"},
	{"set <JAIL> idle on|off", "lets <JAIL> rest, or go on"},
	{"set <JAIL> ignoreself true|false", "says whether <JAIL> ignores this machine's own addresses"},
	{"set <JAIL> addignoreip <IP>", "adds <IP> to what <JAIL> ignores"},
	{"set <JAIL> delignoreip <IP>", "removes <IP> from what <JAIL> ignores"},
	{"set <JAIL> ignorecommand <VALUE>", "sets the command that decides what <JAIL> ignores"},
	{"set <JAIL> ignorecache <VALUE>", "sets the cache of ignored addresses of <JAIL>"},
	{"set <JAIL> addlogpath <FILE> ['tail']", "adds <FILE> to what <JAIL> reads, from its end with 'tail'"},
	{"set <JAIL> dellogpath <FILE>", "removes <FILE> from what <JAIL> reads"},
	{"set <JAIL> logencoding <ENCODING>", "sets the encoding of the logs of <JAIL>"},
	{"set <JAIL> addjournalmatch <MATCH>", "adds <MATCH> to what <JAIL> looks for in the journal"},
	{"set <JAIL> deljournalmatch <MATCH>", "removes <MATCH> from what <JAIL> looks for in the journal"},
	{"set <JAIL> addfailregex <REGEX>", "adds <REGEX> to the expressions of a failure in <JAIL>"},
	{"set <JAIL> delfailregex <INDEX>", "removes the expression of a failure at <INDEX> in <JAIL>"},
	{"set <JAIL> addignoreregex <REGEX>", "adds <REGEX> to the expressions of what is no failure in <JAIL>"},
	{"set <JAIL> delignoreregex <INDEX>", "removes the expression of what is no failure at <INDEX> in <JAIL>"},
	{"set <JAIL> findtime <TIME>", "sets within which <TIME> failures add up in <JAIL>"},
	{"set <JAIL> bantime <TIME>", "sets how long <JAIL> bans"},
	{"set <JAIL> datepattern <PATTERN>", "sets the pattern of dates in the logs of <JAIL>"},
	{"set <JAIL> usedns <VALUE>", "says what <JAIL> does with host names: yes, warn, no or raw"},
	{"set <JAIL> attempt <IP> [<failure1> ... <failureN>]", "counts a failure of <IP> in <JAIL>, by hand"},
	{"set <JAIL> banip <IP> ... <IP>", "bans these addresses in <JAIL>"},
	{"set <JAIL> unbanip [--report-absent] <IP> ... <IP>", "lifts the bans of these addresses in <JAIL>; with --report-absent one that is not banned is an error"},
	{"set <JAIL> maxretry <RETRY>", "sets how many failures lead to a ban in <JAIL>"},
	{"set <JAIL> maxmatches <INT>", "sets how many lines <JAIL> keeps of an address"},
	{"set <JAIL> maxlines <LINES>", "sets over how many lines <JAIL> searches"},
	{"set <JAIL> addaction <ACT>[ <PYTHONFILE> <JSONKWARGS>]", "adds the action <ACT> to <JAIL>"},
	{"set <JAIL> delaction <ACT>", "removes the action <ACT> from <JAIL>"},
	{"", "COMMAND ACTION CONFIGURATION"},
	{"set <JAIL> action <ACT> actionstart <CMD>", "sets the command that starts <ACT>"},
	{"set <JAIL> action <ACT> actionstop <CMD>", "sets the command that ends <ACT>"},
	{"set <JAIL> action <ACT> actioncheck <CMD>", "sets the command that checks <ACT>"},
	{"set <JAIL> action <ACT> actionban <CMD>", "sets the command by which <ACT> bans"},
	{"set <JAIL> action <ACT> actionunban <CMD>", "sets the command by which <ACT> lifts a ban"},
	{"set <JAIL> action <ACT> timeout <TIMEOUT>", "sets how long a command of <ACT> may take"},
	{"", "GENERAL ACTION CONFIGURATION"},
	{"set <JAIL> action <ACT> <PROPERTY> <VALUE>", "sets a property of <ACT>"},
	{"set <JAIL> action <ACT> <METHOD>[ <JSONKWARGS>]", "calls a method of <ACT>"},
	{"", "JAIL INFORMATION"},
	{"get <JAIL> banned", "lists the banned addresses of <JAIL>"},
	{"get <JAIL> banned <IP> ... <IP>]", "tells which of these addresses <JAIL> bans, as 1 or 0"},
	{"get <JAIL> logpath", "gets the files that <JAIL> reads"},
	{"get <JAIL> logencoding", "gets the encoding of the logs of <JAIL>"},
	{"get <JAIL> journalmatch", "gets what <JAIL> looks for in the journal"},
	{"get <JAIL> ignoreself", "tells whether <JAIL> ignores this machine's own addresses"},
	{"get <JAIL> ignoreip", "gets what <JAIL> ignores"},
	{"get <JAIL> ignorecommand", "gets the command that decides what <JAIL> ignores"},
	{"get <JAIL> failregex", "gets the expressions of a failure in <JAIL>"},
	{"get <JAIL> ignoreregex", "gets the expressions of what is no failure in <JAIL>"},
	{"get <JAIL> findtime", "gets within which time failures add up in <JAIL>"},
	{"get <JAIL> bantime", "gets how long <JAIL> bans"},
	{"get <JAIL> datepattern", "gets the pattern of dates in the logs of <JAIL>"},
	{"get <JAIL> usedns", "gets what <JAIL> does with host names"},
	{"get <JAIL> banip [<SEP>|--with-time]", "lists the banned addresses of <JAIL>, separated by <SEP> (a blank), or with start and end"},
	{"get <JAIL> maxretry", "gets how many failures lead to a ban in <JAIL>"},
	{"get <JAIL> maxmatches", "gets how many lines <JAIL> keeps of an address"},
	{"get <JAIL> maxlines", "gets over how many lines <JAIL> searches"},
	{"get <JAIL> actions", "lists the actions of <JAIL>"},
	{"", "COMMAND ACTION INFORMATION"},
	{"get <JAIL> action <ACT> actionstart", "gets the command that starts <ACT>"},
	{"get <JAIL> action <ACT> actionstop", "gets the command that ends <ACT>"},
	{"get <JAIL> action <ACT> actioncheck", "gets the command that checks <ACT>"},
	{"get <JAIL> action <ACT> actionban", "gets the command by which <ACT> bans"},
	{"get <JAIL> action <ACT> actionunban", "gets the command by which <ACT> lifts a ban"},
	{"get <JAIL> action <ACT> timeout", "gets how long a command of <ACT> may take"},
	{"", "GENERAL ACTION INFORMATION"},
	{"get <JAIL> actionproperties <ACT>", "lists the properties of <ACT>"},
	{"get <JAIL> actionmethods <ACT>", "lists the methods of <ACT>"},
	{"get <JAIL> action <ACT> <PROPERTY>", "gets a property of <ACT>"},
}
