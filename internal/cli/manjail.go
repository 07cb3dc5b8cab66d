package cli

import "stockade/internal/manual"

// jailHelp says what each option of a jail is for, in the order in which an
// admin needs them.
var jailHelp = []usageLine{
	{"enabled", "Whether the jail runs. Default: false."},
	{"filter", "The filter that finds failures: the name of a file in filter.d, with parameters in brackets. Default: the name of the jail."},
	{"logpath", "The log files, one pattern a line; \"tail\" behind one skips what is in it already. Files that are not there yet are waited for."},
	{"backend", "Where lines come from. auto: the files or, where there is none, the journal. systemd: the journal. pyinotify, polling: the files. Default: auto."},
	{"journalmatch", "Which entries of the journal are read, see journalctl(1). Default: as the filter says."},
	{"maxretry", "How many failures within findtime lead to a ban. Default: 5."},
	{"findtime", "The time within which failures add up, in seconds or as 10m, 2h, 1d. Default: 10m."},
	{"bantime", "How long is banned; -1 is for ever. Default: 10m."},
	{"bantime.increment", "Whether the ban of who comes back is longer. Default: false."},
	{"bantime.factor", "A factor for the formula. Default: 1."},
	{"bantime.formula", "How the time grows, an expression with ban.Time, ban.Count and banFactor."},
	{"bantime.multipliers", "Factors for the first, second, third ban and so on, instead of a formula."},
	{"bantime.maxtime", "The longest time."},
	{"bantime.rndtime", "Up to this much is added by chance."},
	{"bantime.overalljails", "Whether bans of other jails count as earlier ones. Default: false."},
	{"ignoreip", "Who is never banned: addresses, networks, host names, and file:PATH for a list in a file."},
	{"ignoreself", "Whether this machine's own addresses are never banned. Default: true."},
	{"ignorecommand", "A command that exits with 0 for addresses never to be banned."},
	{"ignorecache", "How long its answers are kept, such as key=\"<ip>\", max-count=100, max-time=5m."},
	{"never", "Addresses and networks that no line of a log may have banned; orders of yours may."},
	{"never_self", "The same for the addresses of this machine's interfaces. Default: as ignoreself."},
	{"never_admins", "The same for the far ends of SSH sessions that were let in. Default: true."},
	{"never_gateway", "The same for the default gateway. Default: false."},
	{"never_resolvers", "The same for the resolvers of resolv.conf. Default: false."},
	{"never_wider", "The shortest prefixes that a line of a log may have banned, of IPv4 and of IPv6; no for any. Default: 8 16."},
	{"alarm_bans_per_minute", "How many bans a minute raise an alarm in log, status and events; 0 for none. Default: 1000."},
	{"max_bans_per_minute", "How many bans a minute log lines may lead to; more wait until it is quieter. Default: 0, no limit."},
	{"action", "What is done: names of files in action.d, with parameters in brackets, one a line. Default: %(action_)s, the ban alone."},
	{"usedns", "What is done with host names in logs. yes, warn: look them up. no: leave them. raw: ban the name itself. Default: warn."},
	{"failregex", "Expressions of the jail's own, one a line, besides those of the filter."},
	{"ignoreregex", "Expressions for lines that are no failures."},
	{"prefregex", "An expression that a line must match first; the others look at what it calls <F-CONTENT>."},
	{"maxlines", "Over how many lines an expression may reach. Default: 1."},
	{"maxmatches", "How many log lines are kept with a ban. Default: as maxretry."},
	{"datepattern", "How dates look in this log. Default: all that are known."},
	{"logencoding", "The encoding of the logs. Default: auto, that of the system."},
	{"logtimezone", "The zone of times in logs that name none. Default: that of the system."},
	{"skip_if_nologs", "Whether the jail is left out, without an error, when it has no log."},
	{"systemd_if_nologs", "Whether the jail then reads the journal."},
}

func jailPage() *manual.Page {
	p := newPage("jail.conf", "5", "configuration of Stockade and Fail2ban")
	p.Section("SYNOPSIS")
	p.Usage("fail2ban.conf fail2ban.d/*.conf fail2ban.local fail2ban.d/*.local",
		"jail.conf jail.d/*.conf jail.local jail.d/*.local",
		"filter.d/NAME.conf filter.d/NAME.local",
		"action.d/NAME.conf action.d/NAME.local")
	p.Section("DESCRIPTION")
	p.Text(`The files are read in this order, and what comes later wins, option by option. A
file that is not there is taken from the built-in library: a jail.local of two
lines is a whole configuration. Write what you change into .local files; those
ending in .conf belong to the packages.`)
	p.Example("[sshd]\nenabled = true")
	p.Text(`A file consists of [SECTIONS] with lines of NAME = VALUE; lines that begin with
a blank go on with the value before. What follows " ;" and lines that begin with
"#" or ";" are comments. %(NAME)s stands for the value of another option, of
the same section or of [DEFAULT]; %(SECTION/NAME)s for one of another section;
%% for a percent sign. An [INCLUDES] section may name files to be read before
and after.

"stockade check" reads everything and says what is wrong, with file and line.`)
	p.Section("OPTIONS OF A JAIL")
	p.Text("Each section of jail.conf is a jail; [DEFAULT] holds what is the same for all.")
	for _, l := range jailHelp {
		p.Item(l.command, l.does)
	}
	p.Section("OPTIONS OF FAIL2BAN.CONF")
	for _, l := range []usageLine{
		{"loglevel", "What is logged: CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG. Default: INFO."},
		{"logtarget", "Where: a file, SYSLOG, SYSTEMD-JOURNAL, SYSOUT, STDOUT or STDERR. Default: /var/log/fail2ban.log."},
		{"syslogsocket", "The socket of syslog. Default: auto."},
		{"socket", "Where the server listens. Default: /var/run/fail2ban/fail2ban.sock."},
		{"pidfile", "Where its process number is. Default: /var/run/fail2ban/fail2ban.pid."},
		{"dbfile", "The database, :memory: for one that is forgotten, None for none."},
		{"dbpurgeage", "How long bans are remembered. Default: 1d."},
		{"dbmaxmatches", "How many log lines are stored with a ban. Default: 10."},
		{"allowipv6", "Whether IPv6 is in use: auto, yes or no. Default: auto."},
	} {
		p.Item(l.command, l.does)
	}
	p.Section("FILTERS")
	p.Text(`The section [Definition] of a filter has failregex: one expression a line, in the
syntax of Python's re. <HOST> stands for the address; <ADDR>, <IP4>, <IP6>,
<SUBNET> and <F-ID>...</F-ID> are other ways to say who is meant. The date was
taken out of the line before. "stockade regex" shows what an expression makes
of a line, and "stockade filter test" tries a filter on labelled lines.`)
	p.Section("ACTIONS")
	p.Text(`The section [Definition] of an action has actionstart, actionstop, actioncheck,
actionban, actionunban and a few more: commands for the shell, in which <ip>,
<port> and the like stand for what is meant. Firewall actions that are not
changed run without a shell; "stockade check" says which.`)
	seeAlso(p, "stockade(1), fail2ban-client(1), fail2ban-regex(1)")
	return p
}
