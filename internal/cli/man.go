package cli

import (
	"os"
	"path/filepath"
	"strings"

	"stockade/internal/manual"
	"stockade/internal/trial"
)

// manWord is the first argument by which the packages have the manual pages
// written into a directory.
const manWord = "__man"

// writeManual writes every page.
func writeManual(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, page := range manualPages() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manualPages are the manual pages, from what the help is made of.
func manualPages() map[string]*manual.Page {
	return map[string]*manual.Page{
		"stockade.1": stockadePage("stockade"),
		// The manual that people know by this name sends them to the others.
		"fail2ban.1":        stockadePage("fail2ban"),
		"fail2ban-client.1": clientPage(),
		"fail2ban-server.1": serverPage(),
		"fail2ban-regex.1":  regexPage(),
		"jail.conf.5":       jailPage(),
	}
}

func newPage(name, section, title string) *manual.Page {
	return manual.New(name, section, "Stockade "+Version, title)
}

func stockadePage(name string) *manual.Page {
	p := newPage(name, "1", "keeps out addresses that attack")
	p.Section("SYNOPSIS")
	p.Usage("stockade VERB ...")
	p.Section("DESCRIPTION")
	p.Text(programDoc + `
It reads the configuration of Fail2ban, answers its client and uses its
database. Without a configuration it runs on one of its own, which is built in
and lies below the files in /etc/fail2ban.

By the names fail2ban-client, fail2ban-server and fail2ban-regex it is these
programs, with their options and answers.`)
	p.Section("VERBS")
	for _, v := range verbs() {
		p.Item(strings.TrimSpace(v.name+" "+v.operands), upperFirst(v.does)+".")
	}
	p.Section("EXIT STATUS")
	p.Text("0 when all went well, 1 when it did not, 2 for a command line that makes no sense.")
	p.Section("EXAMPLES")
	p.Example(`stockade detect              # which jails fit this machine
stockade jail enable sshd    # switch one on
stockade status sshd         # who is banned
stockade unban 192.0.2.1     # let somebody in again
stockade check               # what is wrong with the configuration`)
	manFiles(p)
	seeAlso(p, "fail2ban-client(1), fail2ban-server(1), fail2ban-regex(1), jail.conf(5)")
	return p
}

func clientPage() *manual.Page {
	p := newPage("fail2ban-client", "1", "configures and asks the running server")
	p.Section("SYNOPSIS")
	p.Usage("fail2ban-client [OPTIONS] <COMMAND>")
	p.Section("DESCRIPTION")
	p.Text("Sends a command to the server on its socket and prints the answer. It starts the server where there is none.")
	p.Section("OPTIONS")
	optionItems(p)
	p.Section("COMMANDS")
	for _, l := range usageCommands {
		if l.command == "" {
			p.Subsection(l.does)
			continue
		}
		p.Item(l.command, upperFirst(l.does)+".")
	}
	p.Section("EXIT STATUS")
	p.Text("0 when all went well, 255 when it did not.")
	manFiles(p)
	seeAlso(p, "stockade(1), fail2ban-server(1), jail.conf(5)")
	return p
}

func serverPage() *manual.Page {
	p := newPage("fail2ban-server", "1", "watches the logs and bans")
	p.Section("SYNOPSIS")
	p.Usage("fail2ban-server [OPTIONS]")
	p.Section("DESCRIPTION")
	p.Text(`Starts the server, in the background unless -f is given. Everything else that
fail2ban-client understands is understood here, too.

SIGTERM ends the server and leaves the bans in place for the next one; the
kernel lifts them within a minute if none comes. "fail2ban-client stop" lifts
them at once. SIGHUP reads the configuration again, SIGUSR1 opens the log file
anew.`)
	p.Section("OPTIONS")
	optionItems(p)
	manFiles(p)
	seeAlso(p, "stockade(1), fail2ban-client(1), jail.conf(5)")
	return p
}

func regexPage() *manual.Page {
	p := newPage("fail2ban-regex", "1", "tries filters on log lines")
	p.Section("SYNOPSIS")
	p.Usage("fail2ban-regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]")
	p.Section("DESCRIPTION")
	p.Text(`Runs log lines through a filter and reports what matched.

LOG is a log line, several lines, the path of a log file, or systemd-journal.
REGEX is an expression, the name of a filter or jail, with parameters if you
like (sshd[mode=aggressive]), or the path of a filter's file. IGNOREREGEX
replaces those of the filter.

What made a line match, or how far each expression got, tells "stockade regex".`)
	p.Section("OPTIONS")
	for _, o := range trial.RegexOptions() {
		term := strings.Join(o.Names, ", ")
		if o.Value != "" {
			term += " <" + o.Value + ">"
		}
		p.Item(term, upperFirst(o.Help)+".")
	}
	p.Section("EXAMPLES")
	p.Example(`fail2ban-regex /var/log/auth.log sshd
fail2ban-regex --print-all-matched /var/log/auth.log 'sshd[mode=aggressive]'
fail2ban-regex 'Nov 22 10:00:00 gate app: bad login from 192.0.2.1' 'bad login from <HOST>$'`)
	seeAlso(p, "stockade(1), fail2ban-client(1), jail.conf(5)")
	return p
}

// optionItems are the options of the help, one item each.
func optionItems(p *manual.Page) {
	for line := range strings.Lines(usageOptions) {
		term, about, _ := strings.Cut(strings.TrimSpace(line), "  ")
		p.Item(term, strings.TrimSpace(about))
	}
}

func manFiles(p *manual.Page) {
	p.Section("FILES")
	for _, f := range []usageLine{
		{"/etc/fail2ban", "The configuration, see jail.conf(5)."},
		{"/var/lib/fail2ban/fail2ban.sqlite3", "The database: bans, and how far the logs were read."},
		{"/var/log/fail2ban.log", "The log."},
		{"/run/fail2ban/fail2ban.sock", "The socket on which the server listens."},
		{"/run/fail2ban/fail2ban-api.sock", "The socket on which it speaks HTTP and JSON."},
	} {
		p.Item(f.command, f.does)
	}
}

func seeAlso(p *manual.Page, pages string) {
	p.Section("SEE ALSO")
	p.Text(pages)
}
