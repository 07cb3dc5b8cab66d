package control

import (
	"context"
	"errors"
	"regexp"
	"time"

	"stockade/internal/action"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// sleep holds up the one client that asked for it; in the reference all wait.
func sleep(c *call) (any, error) {
	w, err := c.word(1)
	if err != nil {
		return nil, err
	}
	seconds, err := pyobj.AsFloat(w)
	if err != nil {
		return nil, err
	}
	if seconds < 0 {
		return nil, pyobj.Builtin("ValueError", "sleep length must be non-negative")
	}
	timer := time.NewTimer(time.Duration(min(seconds, 1e9) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil, nil
	case <-c.ctx.Done():
		return nil, context.Cause(c.ctx)
	}
}

// skippedJail is the text of a config-error that costs a jail something.
var skippedJail = regexp.MustCompile(`(?s)^Jail '(.*?)' (skipped|starts without one of its actions), because of wrong configuration: (.*)$`)

// configError writes what a client could not read into the server's log.
func configError(c *call) (any, error) {
	text, err := c.text(1)
	if err != nil {
		return nil, err
	}
	c.srv.Book().Logf(logbook.Error, transmitterLogger, "%s", text)
	if m := skippedJail.FindStringSubmatch(text); m != nil && c.stage != nil {
		c.stage.Told(m[1], m[2] != "skipped", placed(c.origin.Origin, m[3]))
	}
	return nil, nil
}

// add makes a jail.
func add(c *call) (any, error) {
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	backend := "auto"
	if len(c.words) > 2 {
		backend, _ = c.text(2)
	}
	if err := c.jails.AddJail(name, backend); err != nil {
		return nil, err
	}
	c.written.begin(name)
	return name, nil
}

// start starts a jail.
func start(c *call) (any, error) {
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	return nil, c.jails.StartJail(name)
}

// stop stops a jail, all jails, or the server. The reply comes when it is done.
func stop(c *call) (any, error) {
	if len(c.words) == 1 {
		c.table.shutdown(action.Lift)
		return nil, nil
	}
	return alone(func(c *call) (any, error) {
		name, _ := c.text(1)
		if name == "--all" {
			c.srv.StopJails()
			return nil, nil
		}
		return nil, c.srv.StopJail(name)
	})(c)
}

// banned lists the bans of all jails, or the jails that ban given IDs.
func banned(c *call) (any, error) {
	ids := c.texts(1)
	if len(ids) == 0 {
		list := []any{}
		for _, j := range c.srv.Jails() {
			ids, err := bannedIDs(c, j)
			if err != nil {
				continue
			}
			list = append(list, pyobj.NewDict(j.Name(), ids))
		}
		return list, nil
	}
	found := make([]any, len(ids))
	for i, text := range ids {
		names := []any{}
		id := ipaddr.Parse(text)
		for _, j := range c.srv.Jails() {
			if has, err := holds(c, j, id); err == nil && has {
				names = append(names, j.Name())
			}
		}
		found[i] = names
	}
	return found, nil
}

// bannedIDs lists the bans of a jail in the order of banning.
func bannedIDs(c *call, j *jail.Jail) ([]any, error) {
	v, err := j.View(c.ctx, true)
	return list(v.BannedIDs), err
}

func holds(c *call, j *jail.Jail, id ipaddr.ID) (bool, error) {
	v, err := j.Do(c.ctx, func(s *jail.State) (any, error) { return s.Has(id), nil })
	has, _ := v.(bool)
	return has, err
}

// list makes a Python list of texts.
func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

// unban lifts bans in all jails, and makes the database forget them.
func unban(c *call) (any, error) {
	words := c.texts(1)
	if len(words) == 0 {
		return nil, errInvalid()
	}
	total := 0
	for _, j := range c.srv.Jails() {
		n, err := 0, error(nil)
		if words[0] == "--all" {
			n, err = j.UnbanAll(c.ctx)
		} else {
			n, err = j.UnbanIP(c.ctx, parseIDs(words))
		}
		total += n
		if err := c.unless(err); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func parseIDs(texts []string) []ipaddr.ID {
	ids := make([]ipaddr.ID, len(texts))
	for i, s := range texts {
		ids[i] = ipaddr.Parse(s)
	}
	return ids
}

// unless drops the errors that do not concern the client: an action that
// failed is in the log and in the status, and a jail that went away meanwhile
// has nothing left to do.
func (c *call) unless(err error) error {
	if err == nil || c.ctx.Err() == nil {
		return nil
	}
	return context.Cause(c.ctx)
}

// gone turns the error of a jail that was stopped meanwhile into the one for a
// jail that there is not.
func gone(name string, err error) error {
	if errors.Is(err, jail.ErrStopped) {
		return pyobj.UnknownJail(name)
	}
	return err
}
