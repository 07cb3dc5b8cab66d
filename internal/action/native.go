package action

import (
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// enforcing are the stock actions that have a native form and enforce bans, by
// their names. Tickets come to them in batches and in order, in the lane that
// waits for no command, so they must not wait for a network: one that talks to
// a far service keeps a queue of its own and answers at once.
var enforcing = map[string]func(parts) native{
	"nftables":           newNftables("multiport"),
	"nftables-multiport": newNftables("multiport"),
	"nftables-allports":  newNftables("allports"),

	"iptables":                       newIPTables,
	"iptables-multiport":             newIPTables,
	"iptables-allports":              newIPTables,
	"iptables-new":                   newIPTables,
	"iptables-multiport-log":         newIPTables,
	"iptables-ipset":                 newIPTables,
	"iptables-ipset-proto4":          newIPTables,
	"iptables-ipset-proto6":          newIPTables,
	"iptables-ipset-proto6-allports": newIPTables,

	"cloudflare":       newRemote,
	"cloudflare-token": newRemote,
	"netscaler":        newRemote,
}

// reporting are those that only tell others. Each has a bounded queue of its
// own, in which one ticket comes at a time and waiting harms nobody.
var reporting = map[string]func(parts) native{
	"mail":                         newMailer,
	"mail-whois":                   newMailer,
	"mail-whois-lines":             newMailer,
	"mail-buffered":                newMailer,
	"sendmail":                     newMailer,
	"sendmail-whois":               newMailer,
	"sendmail-whois-lines":         newMailer,
	"sendmail-whois-matches":       newMailer,
	"sendmail-whois-ipmatches":     newMailer,
	"sendmail-whois-ipjailmatches": newMailer,
	"sendmail-geoip-lines":         newMailer,
	"sendmail-buffered":            newMailer,
	"complain":                     newAbuseMail,
	"xarf-login-attack":            newAbuseMail,
	smtpKind:                       newSMTPAction,

	"abuseipdb":     newWebReport,
	"blocklist_de":  newWebReport,
	"ipthreat":      newWebReport,
	"mynetwatchman": newWebReport,
	"webhook":       newWebhook,
	"dshield":       newDShield,
}

// native is an action that runs no command of its files. All but fits, held,
// started and quit are called by one goroutine.
type native interface {
	// fits tells whether the parameters are within what this form can do, and
	// else which one is not. Then the action runs as commands.
	fits() (ok bool, why string)
	// start runs at the start of the jail.
	start(logs *[]logbook.Record) error
	// apply carries out a job and notes in each ticket's result what failed
	// (failed gives the words for that).
	apply(kind JobKind, tickets []*ticket.Ticket, results []*Result)
	// flush lifts all bans at once; it is asked only while canFlush.
	canFlush() bool
	flush() error
	// end takes everything away, or leaves it for the one that comes next.
	end(mode StopMode) error
	// check repairs what is broken.
	check(r *Result) error
	// reload takes changed parameters.
	reload() error
	// settle comes after the restored bans.
	settle() error
	// started are the address families in use, held the number of bans held.
	started() []string
	held() int
	// quit ends goroutines and leaves all else as it is.
	quit()
}

// parts are what a native action is made of.
type parts struct {
	env *Env
	// name is the action's, kind that of the stock action it stands for.
	name, kind string
	props      *properties
}

// param gives a parameter in one address family ("" for what does not differ)
// with its static tags replaced; false if there is none. A parameter that asks
// for the file's own default counts as none, because that default is ours too
// where the file is a stock one.
func (p *parts) param(name, family string) (string, bool, error) {
	get := p.props.lookup(family)
	raw, ok := get(name)
	if !ok || raw == "<known/"+name+">" {
		return "", false, nil
	}
	text, err := expand("<"+name+">", get)
	return text, err == nil, err
}

// words are how the reference speaks of what failed.
var words = map[JobKind][2]string{
	Ban: {"ban", "banning"}, Reban: {"reban", "banning"}, Prolong: {"prolong", "prolonging"}, Unban: {"unban", "unbanning"},
}

// failed notes that a ticket's job failed, in the reference's words.
func (p *parts) failed(kind JobKind, t *ticket.Ticket, r *Result, err error) {
	w := words[kind]
	r.fail(p.name, &fault{"Failed to execute " + w[0] + " jail '" + p.env.Jail + "' action '" + p.name + "' info '" +
		newInfo(p.env, t).String() + "': Error " + w[1] + " " + t.Address().String() + ": " + err.Error()})
}

// fault gives an error of starting, stopping and so on in the reference's words.
func (p *parts) fault(operation string, err error) error {
	return &fault{"Error " + operation + " action Jail('" + p.env.Jail + "')/" + p.name + ": " + err.Error()}
}

// plainForm is what most native actions answer to most questions.
type plainForm struct{}

func (plainForm) fits() (bool, string)          { return true, "" }
func (plainForm) start(*[]logbook.Record) error { return nil }
func (plainForm) canFlush() bool                { return false }
func (plainForm) flush() error                  { return nil }
func (plainForm) end(StopMode) error            { return nil }
func (plainForm) check(*Result) error           { return nil }
func (plainForm) reload() error                 { return nil }
func (plainForm) settle() error                 { return nil }
func (plainForm) started() []string             { return nil }
func (plainForm) held() int                     { return 0 }
func (plainForm) quit()                         {}

// Native tells which stock action a definition is that has a native form here,
// "" if none, and why. Ours, and those whose merged raw text is a stock one's,
// are; one edited line makes an action the user's own, to be run as commands.
func Native(src *Source) (kind, why string) {
	switch {
	case src == nil:
		return "", "its files are not known here, so it runs as commands"
	case src.Library:
		kind, why = src.Name, "it is Stockade's own"
	case src.Digest == "":
		return "", "the jail gives it commands of its own, so it runs as commands"
	default:
		names, whose := knownNames(src.Digest)
		if len(names) == 0 && strings.HasSuffix(src.Name, ".py") {
			return "", "it is a Python class, which runs in a process of its own"
		}
		if len(names) == 0 {
			return "", "its files differ from all stock ones, so it runs as commands"
		}
		kind, why = names[0], "its files are those of "+whose+" action "+names[0]
	}
	if !hasForm(kind) {
		return "", "there is no native form of " + kind
	}
	return kind, why
}

func hasForm(kind string) bool { return enforcing[kind] != nil || reporting[kind] != nil }

// newNative makes the native form of a kind, nil if there is none, and tells
// whether it only reports.
func newNative(p parts) (n native, reports bool) {
	if make := enforcing[p.kind]; make != nil {
		return make(p), false
	}
	if make := reporting[p.kind]; make != nil {
		return make(p), true
	}
	return nil, false
}
