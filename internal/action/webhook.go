package action

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
	"stockade/internal/web"
)

// webhook sends a request of the user's own making for what happens.
type webhook struct {
	plainForm
	*line
}

func newWebhook(p parts) native { return &webhook{line: newLine(p)} }

// The events that a webhook can tell of.
const (
	eventBan, eventUnban      = "ban", "unban"
	eventStart, eventStop     = "start", "stop"
	eventProlong, eventMissed = "prolong", "missed"
)

// events are those that are asked for.
func (w *webhook) events() []string {
	return strings.FieldsFunc(strings.ToLower(w.get("events", "")), func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n'
	})
}

func (w *webhook) wants(kind JobKind) bool {
	return kind != Reban && slices.Contains(w.events(), eventOf(kind))
}

func eventOf(kind JobKind) string {
	switch kind {
	case Unban:
		return eventUnban
	case Prolong:
		return eventProlong
	}
	return eventBan
}

// sentence says in words what happened.
func (w *webhook) sentence(event string, in *info, dropped int) string {
	ip, _ := in.tagText("ip")
	host, _ := builtin("fq-hostname")
	switch event {
	case eventStart:
		return fmt.Sprintf("The jail %s has been started on %s", w.env.Jail, host)
	case eventStop:
		return fmt.Sprintf("The jail %s has been stopped on %s", w.env.Jail, host)
	case eventUnban:
		return fmt.Sprintf("%s is no longer banned by %s on %s", ip, w.env.Jail, host)
	case eventProlong:
		return fmt.Sprintf("The ban of %s by %s on %s lasts longer", ip, w.env.Jail, host)
	case eventMissed:
		return fmt.Sprintf("%d more events of %s on %s were not reported one by one", dropped, w.env.Jail, host)
	}
	failures, _ := in.tagText("failures")
	return fmt.Sprintf("%s was banned by %s on %s after %s attempts", ip, w.env.Jail, host, failures)
}

// request fills the templates in.
func (w *webhook) request(event string, t *ticket.Ticket, dropped int) (web.Call, error) {
	in := newInfo(w.env, t)
	if t.ID == ipaddr.Raw("") {
		in = nobody(w.env, "")
	}
	secret, err := web.Secret(w.raw("secret"))
	if err != nil {
		return web.Call{}, err
	}
	hook := web.Hook{
		Method: w.raw("method"), URL: w.raw("url"), Headers: w.raw("headers"), ContentType: w.raw("content_type"),
		Body: w.raw("body_" + event), Secret: secret,
	}
	if hook.Body == "" {
		hook.Body = w.raw("body")
	}
	return hook.Call(func(tag string) (string, bool) {
		switch tag {
		case "event":
			return event, true
		case "text":
			return w.sentence(event, in, dropped), true
		case "dropped":
			return fmt.Sprint(dropped), true
		}
		if text, ok := in.tagText(tag); ok {
			return text, true
		}
		text, ok, err := w.param(tag, "")
		return text, ok && err == nil
	})
}

// raw is a template as it was written.
func (w *webhook) raw(name string) string {
	text, ok := w.props.lookup("")(name)
	if !ok || text == "<known/"+name+">" {
		return ""
	}
	return text
}

func (w *webhook) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	for i, t := range tickets {
		if kind == Ban && !w.wants(Ban) {
			results[i].skipped()
			continue
		}
		call, err := w.request(eventOf(kind), t, 0)
		if err != nil {
			w.failed(kind, t, results[i], err)
			continue
		}
		w.send(kind, t, call, results[i])
	}
}

func (w *webhook) summary(dropped int, r *Result) { w.mention(eventMissed, dropped, r) }

// mention tells of what concerns no ticket.
func (w *webhook) mention(event string, dropped int, r *Result) {
	call, err := w.request(event, &ticket.Ticket{ID: ipaddr.Raw(""), Time: w.env.Clock.Now()}, dropped)
	if err != nil {
		r.fail(w.name, &fault{fmt.Sprintf("Error telling action Jail('%s')/%s: %v", w.env.Jail, w.name, err)})
		return
	}
	w.send(Ban, nil, call, r)
}

func (w *webhook) start(*[]logbook.Record) error { return w.once(eventStart, "starting") }

func (w *webhook) end(StopMode) error { return w.once(eventStop, "stopping") }

// once tells of the start or the end, if that is wanted, without a second try.
func (w *webhook) once(event, operation string) error {
	if !slices.Contains(w.events(), event) {
		return nil
	}
	var r Result
	w.mention(event, 0, &r)
	err := r.Err
	if r.again != nil {
		err = r.again.err
	}
	var f *fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return w.fault(operation, err)
}

func (w *webhook) reload() error {
	w.close()
	return nil
}

func (w *webhook) quit() { w.cancel() }
