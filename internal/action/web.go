package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
	"stockade/internal/ticket"
	"stockade/internal/web"
)

// agent is what services see of us.
const agent = "Stockade"

// line is a native action's way to a service: its client, made at the first
// use, and the end of all that is under way.
type line struct {
	parts
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	client *web.Client
}

func newLine(p parts) *line {
	ctx, cancel := context.WithCancel(context.Background())
	return &line{parts: p, ctx: ctx, cancel: cancel}
}

// get gives a parameter with its static tags replaced, "" if there is none.
func (l *line) get(name, family string) string {
	text, ok, err := l.param(name, family)
	if !ok || err != nil {
		return ""
	}
	return text
}

// open gives the client.
func (l *line) open() (*web.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		return l.client, nil
	}
	timeout, _ := l.props.timeout()
	ca := l.get("cafile", "")
	c, err := web.NewClient(web.Options{
		CAFile: ca, Timeout: timeout, Agent: agent, Dial: l.env.Dial, Now: l.env.Clock.Now,
		// The stock action trusts any NetScaler: most have a certificate of
		// their own making. It is checked where there is something to check by.
		Unverified: l.kind == "netscaler" && ca == "" && !l.props.truth("verify"),
	})
	if err != nil {
		return nil, err
	}
	l.client = c
	return c, nil
}

// close forgets the client: its parameters may have changed.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		l.client.Close()
	}
	l.client = nil
}

// webReport tells a service of each ban.
type webReport struct {
	plainForm
	*line
}

func newWebReport(p parts) native { return &webReport{line: newLine(p)} }

// fits leaves a fetching program of the user's own to the shell.
func (w *webReport) fits() (bool, string) {
	if cmd := w.get("getcmd", ""); cmd != "" && !strings.HasPrefix(cmd, "wget ") {
		return false, "the parameter getcmd names another program than wget"
	}
	return true, ""
}

// gaps is how often an address is reported to each service unless the
// parameter report_every says otherwise.
const reportEvery = 15 * time.Minute

func (w *webReport) every() time.Duration {
	if text := w.get("report_every", ""); text != "" {
		if v, err := pyexpr.Seconds(text); err == nil {
			seconds, _ := v.Float64()
			return time.Duration(seconds * float64(time.Second))
		}
	}
	return reportEvery
}

func (w *webReport) apply(kind JobKind, tickets []*ticket.Ticket, results []*Result) {
	for i, t := range tickets {
		w.tell(kind, t, results[i])
	}
}

func (w *webReport) tell(kind JobKind, t *ticket.Ticket, r *Result) {
	in := newInfo(w.env, t)
	param := func(name string) string { return in.fill(w.get(name, famOf(t))) }
	call, err := web.Report(w.kind, param, web.Facts{
		IP: t.Address().String(), Matches: strings.Join(matchTexts(t), "\n"), Failures: t.Failures, Time: t.Time,
	})
	if err != nil {
		w.failed(kind, t, r, err)
		return
	}
	// The limit is one of the account's, whichever jail reports.
	what := strings.Join(append([]string{w.kind, t.Address().String()}, call.Secrets...), "\x00")
	recent, gap := &w.env.Locks.recent, w.every()
	if recent.Fresh(what, w.env.Clock.Now(), gap) {
		r.skipped()
		r.log(logbook.Info, logActions, fmt.Sprintf("[%s] action '%s': %s was reported within the last %v", w.env.Jail, w.name, t.Address(), gap))
		return
	}
	if w.send(kind, t, call, r) {
		recent.Told(what, w.env.Clock.Now(), gap)
	}
}

// send sends one request and notes in the result what became of it. It is true
// if the service knows now.
func (l *line) send(kind JobKind, t *ticket.Ticket, call web.Call, r *Result) bool {
	client, err := l.open()
	if err != nil {
		r.later(err, 0)
		return false
	}
	_, err = client.Do(l.ctx, call)
	var e *web.Error
	switch {
	case err == nil:
		return true
	case errors.Is(err, web.ErrNotNeeded):
		r.skipped()
		return true
	case errors.As(err, &e) && e.Temporary:
		r.later(err, e.After)
	case t == nil:
		r.fail(l.name, &fault{fmt.Sprintf("Error telling action Jail('%s')/%s: %v", l.env.Jail, l.name, err)})
	default:
		l.failed(kind, t, r, err)
	}
	return false
}

func (w *webReport) reload() error {
	w.close()
	return nil
}

func (w *webReport) quit() { w.cancel() }

// text gives the value of any tag of a ticket as text.
func (in *info) tagText(tag string) (string, bool) {
	if field, ok := strings.CutPrefix(tag, "F-"); ok {
		_, value := in.field(field)
		return value, true
	}
	if v, ok := in.value(tag); ok {
		return pyobj.Str(v), true
	}
	return builtin(tag)
}

// fill replaces the tags of a ticket in a text that no shell will see.
func (in *info) fill(text string) string { return replaceTags(text, in.tagText) }
