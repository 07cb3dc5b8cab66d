package action

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
)

// command is an action that runs shell commands, as its properties say. It is
// used by one goroutine; its properties may be read and set by others.
type command struct {
	env   *Env
	name  string
	lock  string
	props *properties
	// raise makes a new ban epoch of the set and returns it.
	raise func() int
	// epoch is the set's when this action last lost bans by repairing itself.
	epoch atomic.Int64

	families []*family
}

// family is what an action remembers of one address family. The one named ""
// is that of an action which started without making a difference.
type family struct {
	name           string
	started, items bool
	// startText is the command that started it.
	startText string
}

const logAction = "fail2ban.CommandAction"

func newCommand(env *Env, name, lock string, props *properties, raise func() int) *command {
	return &command{env: env, name: name, lock: lock, props: props, raise: raise}
}

// family finds or makes the memory of a family.
func (c *command) family(name string) *family {
	for _, f := range c.families {
		if f.name == name {
			return f
		}
	}
	f := &family{name: name}
	c.families = append(c.families, f)
	return f
}

func (c *command) isStarted(name string) bool {
	return slices.ContainsFunc(c.families, func(f *family) bool { return f.name == name && f.started })
}

// with lists the families for which have is true, in the order in which they
// were first used.
func (c *command) with(have func(*family) bool) []string {
	var names []string
	for _, f := range c.families {
		if have(f) {
			names = append(names, f.name)
		}
	}
	return names
}

func (c *command) started() []string { return c.with(func(f *family) bool { return f.started }) }

// fault is a failure in the reference's words.
type fault struct{ text string }

func (f *fault) Error() string { return f.text }

func (c *command) operationFailed(operation string) error {
	return &fault{fmt.Sprintf("Error %s action Jail('%s')/%s: 'Script error'", operation, c.env.Jail, c.name)}
}

// text gives a command with its static tags replaced; "" if there is none.
func (c *command) text(tag, fam string) (string, error) {
	get := c.props.lookup(fam)
	if _, ok := get(tag); !ok {
		return "", nil
	}
	return expand("<"+tag+">", get)
}

// run executes a command text. An empty one succeeds.
func (c *command) run(text string, in *info, logs *[]logbook.Record) bool {
	if strings.TrimSpace(text) == "" {
		return true
	}
	s := substitute(text, in)
	timeout, shown := c.props.timeout()
	mu := c.env.Locks.of(c.lock)
	mu.Lock()
	out := execute(c.env.Clock, s, timeout, shown, 0)
	mu.Unlock()
	hide(out.logs, c.props.secrets())
	*logs = append(*logs, out.logs...)
	return out.ok
}

// forFamilies runs one operation for several families, the same text only once.
func (c *command) forFamilies(tag, operation string, fams []string, logs *[]logbook.Record, after func(fam, text string, ok bool)) error {
	var err error
	done := map[string]bool{}
	for _, fam := range fams {
		text, textErr := c.text(tag, fam)
		if textErr != nil {
			return textErr
		}
		key := text
		if fam != "" && fam != noFamily {
			key = withFamily(text, fam)
		}
		ok, known := done[key]
		if !known {
			ok = c.run(withFamily(text, fam), nobody(c.env, fam), logs)
			done[key] = ok
		}
		if after != nil {
			after(fam, key, ok)
		}
		if !ok {
			err = c.operationFailed(operation)
		}
	}
	return err
}

func withFamily(text, fam string) string {
	return replaceTags(text, func(tag string) (string, bool) { return fam, tag == "family" })
}

// allFamilies are those that an action starts for before it knows any ban.
func (c *command) allFamilies() []string {
	if list, ok := c.props.get("families"); ok {
		if fams := strings.FieldsFunc(pyobj.Str(list), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }); len(fams) > 0 {
			return fams
		}
	}
	if !c.props.conditional() {
		return []string{""}
	}
	if c.env.IPv6 != nil && !c.env.IPv6() {
		return []string{"inet4"}
	}
	return []string{"inet4", "inet6"}
}

// start runs at the jail's start.
func (c *command) start(logs *[]logbook.Record) error {
	if c.props.onDemand() {
		return nil
	}
	return c.startFamilies(c.allFamilies(), logs)
}

// startFamilies starts families, but none by a command that started another
// one already.
func (c *command) startFamilies(fams []string, logs *[]logbook.Record) error {
	var rest []string
	for _, fam := range fams {
		if text, err := c.text("actionstart", fam); err == nil && c.startedBy(fam, withFamily(text, fam)) {
			c.family(fam).started = true
			continue
		}
		rest = append(rest, fam)
	}
	return c.forFamilies("actionstart", "starting", rest, logs, func(fam, text string, ok bool) {
		f := c.family(fam)
		f.started, f.startText = ok, text
	})
}

// startedBy tells whether another family was started by this text.
func (c *command) startedBy(fam, text string) bool {
	return slices.ContainsFunc(c.families, func(f *family) bool { return f.name != fam && f.started && f.startText == text })
}

// noFamily is the family of IDs that are no address. The name shows in commands.
const noFamily = "None"

// famOf is the family under which a ticket's bans are remembered.
func famOf(t *ticket.Ticket) string {
	if f := t.Address().Family(); f != ipaddr.None {
		return f.String()
	}
	return noFamily
}

// ban applies a ban; tag is the property to run.
func (c *command) ban(t *ticket.Ticket, tag string, logs *[]logbook.Record) error {
	fam, in := famOf(t), newInfo(c.env, t)
	if c.props.onDemand() && !c.isStarted(fam) {
		fams := []string{fam}
		if fam == noFamily {
			fams = slices.DeleteFunc(c.allFamilies(), c.isStarted)
		}
		if err := c.startFamilies(fams, logs); err != nil {
			return c.failed("ban", in, err)
		}
	}
	ok, err := c.checked(tag, fam, in, false, logs)
	if err != nil {
		return c.failed("ban", in, err)
	}
	if !ok {
		return c.failed("ban", in, &fault{"Error banning " + t.Address().String()})
	}
	f := c.family(fam)
	f.started, f.items = true, true
	return nil
}

func (c *command) failed(what string, in *info, err error) error {
	return &fault{fmt.Sprintf("Failed to execute %s jail '%s' action '%s' info '%s': %v", what, c.env.Jail, c.name, in, err)}
}

// reban applies a ban again, by its own command if there is one.
func (c *command) reban(t *ticket.Ticket, logs *[]logbook.Record) error {
	tag := "actionreban"
	if text, _ := c.props.lookup(famOf(t))(tag); strings.TrimSpace(text) == "" {
		tag = "actionban"
	}
	err := c.ban(t, tag, logs)
	if err != nil {
		return &fault{strings.Replace(err.Error(), "Failed to execute ban", "Failed to execute reban", 1)}
	}
	return nil
}

// prolong tells that a ban lasts longer; most actions have nothing for it.
func (c *command) prolong(t *ticket.Ticket, logs *[]logbook.Record) error {
	in := newInfo(c.env, t)
	ok, err := c.checked("actionprolong", famOf(t), in, false, logs)
	if err == nil && !ok {
		err = &fault{"Error prolonging " + t.Address().String()}
	}
	if err != nil {
		return c.failed("prolong", in, err)
	}
	return nil
}

// unban lifts a ban, where one of its family was ever applied.
func (c *command) unban(t *ticket.Ticket, logs *[]logbook.Record) error {
	fam := famOf(t)
	if !slices.Contains(c.withItems(), fam) {
		return nil
	}
	in := newInfo(c.env, t)
	ok, err := c.checked("actionunban", fam, in, true, logs)
	if err == nil && !ok {
		err = &fault{"Error unbanning " + t.Address().String()}
	}
	if err != nil {
		return c.failed("unban", in, err)
	}
	return nil
}

// checked runs a command; if it fails, it looks whether the environment is
// sound, repairs it where it may, and tries once more.
func (c *command) checked(tag, fam string, in *info, lifting bool, logs *[]logbook.Record) (bool, error) {
	text, err := c.text(tag, fam)
	if err != nil {
		return false, err
	}
	if c.run(text, in, logs) {
		return true, nil
	}
	sound, err := c.check(fam, in, lifting, logs)
	if err != nil || !sound {
		return false, err
	}
	return c.run(text, in, logs), nil
}

func (c *command) log(logs *[]logbook.Record, level logbook.Level, text string) {
	*logs = append(*logs, logbook.Record{Level: level, Logger: logAction, Text: text})
}

// check runs actioncheck for a family and repairs what it finds broken. It
// tells whether all is well at the end.
func (c *command) check(fam string, in *info, lifting bool, logs *[]logbook.Record) (bool, error) {
	text, err := c.checkText("actioncheck", fam)
	if err != nil || text == "" || c.runPlain(text, logs) {
		return err == nil, err
	}
	if lifting && !c.props.truth("actionrepair_on_unban") {
		c.log(logs, logbook.Error, "Invariant check failed. Unban is impossible.")
		return false, nil
	}
	c.log(logs, logbook.Error, "Invariant check failed. Trying to restore a sane environment")
	c.epoch.Store(int64(c.raise()))
	if !c.repair(fam, logs) || !c.runPlain(text, logs) {
		c.log(logs, logbook.Critical, "Unable to restore environment")
		return false, nil
	}
	return true, nil
}

// repair runs actionrepair, or stops and starts the family.
func (c *command) repair(fam string, logs *[]logbook.Record) bool {
	text, err := c.checkText("actionrepair", fam)
	if err != nil {
		return false
	}
	if text != "" {
		if c.runPlain(text, logs) {
			return true
		}
		c.family(fam).started = false
		return false
	}
	if c.isStarted(fam) {
		_ = c.stopFamilies([]string{fam}, logs)
	}
	// Whether it started shows in the check that follows.
	_ = c.startFamilies([]string{fam}, logs)
	return true
}

// checkText is a text that knows no ticket, only the family.
func (c *command) checkText(tag, fam string) (string, error) {
	text, err := c.text(tag, fam)
	if err != nil || fam == "" || fam == noFamily {
		return strings.TrimSpace(text), err
	}
	return strings.TrimSpace(withFamily(text, fam)), nil
}

func (c *command) runPlain(text string, logs *[]logbook.Record) bool { return c.run(text, nil, logs) }

// canFlush tells whether the action lifts all bans at once.
func (c *command) canFlush() bool {
	return slices.ContainsFunc(c.withItems(), func(fam string) bool {
		text, ok := c.props.lookup(fam)("actionflush")
		return ok && strings.TrimSpace(text) != ""
	})
}

func (c *command) withItems() []string { return c.with(func(f *family) bool { return f.items }) }

// flush lifts all bans at once. Where it fails, the environment is checked.
func (c *command) flush(logs *[]logbook.Record) error {
	err := c.forFamilies("actionflush", "flushing", c.withItems(), logs, func(fam, _ string, ok bool) {
		if ok {
			c.family(fam).items = false
		}
	})
	return err
}

// checkAll runs the check of all started families.
func (c *command) checkAll(lifting bool, logs *[]logbook.Record) error {
	var failed error
	for _, fam := range c.started() {
		if ok, err := c.check(fam, nil, lifting, logs); err != nil || !ok {
			c.family(fam).started = false
			failed = &fault{fmt.Sprintf("the check of action '%s' failed", c.name)}
		}
	}
	return failed
}

func (c *command) stop(logs *[]logbook.Record) error { return c.stopFamilies(c.started(), logs) }

func (c *command) stopFamilies(fams []string, logs *[]logbook.Record) error {
	return c.forFamilies("actionstop", "stopping", fams, logs, func(fam, _ string, _ bool) {
		*c.family(fam) = family{name: fam}
	})
}

// reload tells a kept action that the configuration was read again.
func (c *command) reload(logs *[]logbook.Record) error {
	return c.forFamilies("actionreload", "reloading", c.started(), logs, nil)
}

// forget starts with no memory of what was started or banned.
func (c *command) forget() {
	c.families = nil
}

// defaultTimeout is what a command may take where nothing else is said.
const defaultTimeout = 60 * time.Second
