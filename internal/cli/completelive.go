package cli

import (
	"context"
	"regexp"
	"strings"
	"time"

	"stockade/internal/control"
	"stockade/internal/pyobj"
)

// completeTime is how long the running server may take: somebody is waiting
// with a finger on a key.
const completeTime = 500 * time.Millisecond

// ask puts a question to the running server; nil if it does not answer at once.
func (c *completer) ask(words ...string) any {
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	defer cancel()
	s := &stockade{env: c.env}
	conn, err := control.Dial(ctx, s.findSocket(c.socket, c.conf), completeTime)
	if err != nil {
		return nil
	}
	defer conn.Close()
	reply, err := conn.Call(toAny(words))
	if err != nil {
		return nil
	}
	value, failure, err := control.Split(reply)
	if failure != nil || err != nil {
		return nil
	}
	return value
}

// jails are those that run: status is a list of pairs, the second of which has
// their names.
func (c *completer) jails() []string {
	pairs, _ := c.ask("status").([]any)
	if len(pairs) < 2 {
		return nil
	}
	pair, _ := pairs[1].(pyobj.Tuple)
	if len(pair) != 2 {
		return nil
	}
	text, _ := pair[1].(string)
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// banned are the IDs that are banned, which are addresses of strangers or, in
// jails with IDs of their own, any text; what is no plain word is left out.
func (c *completer) banned() []string {
	jails, _ := c.ask("banned").([]any)
	var all []string
	for _, j := range jails {
		d, _ := j.(*pyobj.Dict)
		if d == nil {
			continue
		}
		for _, key := range d.Keys() {
			list, _ := d.Get(key)
			ids, _ := list.([]any)
			for _, id := range ids {
				if text, ok := id.(string); ok && plainWord.MatchString(text) {
					all = append(all, text)
				}
			}
		}
	}
	return all
}

var plainWord = regexp.MustCompile(`^[\w.:/@%+-]+$`)
