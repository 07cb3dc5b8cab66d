package jail

import (
	"fmt"
	"time"

	"stockade/internal/event"
	"stockade/internal/guard"
	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/logbook"
	"stockade/internal/ticket"
)

// Guard is an Env that knows which addresses a ban would hurt the owner with.
type Guard interface {
	Guarded() guard.Addresses
}

const (
	// alarmAt is how many bans a minute are more than an attack would explain.
	alarmAt = 1000
	// sparedBound bounds the IDs of which is remembered that they were spared,
	// and sparedEvery is how often one is logged.
	sparedBound = 1000
	sparedEvery = time.Minute
)

// safety keeps bans that were found in logs from doing harm: some are never
// made, and too many at once raise an alarm or, if that is wanted, wait.
type safety struct {
	never ignore.Never
	// selfGiven says that never_self was set; else it follows ignoreself.
	selfGiven bool
	// alarm and limit are numbers of bans a minute, 0 for none.
	alarm, limit int

	pace            pace
	alarmed, braked bool
	// held counts the bans that the brake kept back.
	held int
	// next is when alarm and brake are looked at again.
	next   time.Time
	spared map[ipaddr.ID]time.Time
}

// Careful sets never-list and alarm to what they are unless a jail says
// otherwise.
func (s *State) Careful() { s.safety.never, s.safety.alarm = ignore.DefaultNever(), alarmAt }

// Never gives access to the never-list.
func (s *State) Never() *ignore.Never { return &s.safety.never }

// SetNeverSelf sets never_self.
func (s *State) SetNeverSelf(on bool) { s.safety.never.Self, s.safety.selfGiven = on, true }

// NeverSelf tells whether the machine's own addresses are spared. Who wants
// them counted wants them banned, unless never_self says otherwise.
func (s *State) NeverSelf() bool {
	return s.safety.never.Self && (s.safety.selfGiven || s.ignore.Self())
}

// Alarm is the number of bans a minute that raises the alarm, Limit the one
// from which on no more are made; 0 is none.
func (s *State) Alarm() int { return s.safety.alarm }

// SetAlarm sets alarm_bans_per_minute.
func (s *State) SetAlarm(n int) { s.safety.alarm = max(n, 0) }

// Limit is max_bans_per_minute.
func (s *State) Limit() int { return s.safety.limit }

// SetLimit sets max_bans_per_minute.
func (s *State) SetLimit(n int) { s.safety.limit = max(n, 0) }

// spares tells whether a ban that a log line led to must not be made, and
// says so in the log.
func (s *State) spares(now time.Time, t *ticket.Ticket) bool {
	if !fromLog(t) {
		return false
	}
	var look func() guard.Addresses
	if g, ok := s.env.(Guard); ok {
		look = g.Guarded
	}
	never := s.safety.never
	never.Self = s.NeverSelf()
	if why := never.Spares(t.Address(), look); why != "" {
		s.logSpared(now, t, why)
		return true
	}
	return s.brakes(now, t)
}

// fromLog tells bans that were found in a log from those of commands and of an
// earlier run.
func fromLog(t *ticket.Ticket) bool { return t.Cause.Who.Kind == "log" && !t.Restored }

func (s *State) logSpared(now time.Time, t *ticket.Ticket, why string) {
	f := &s.safety
	if at, ok := f.spared[t.ID]; ok && now.Sub(at) < sparedEvery && !now.Before(at) {
		return
	}
	if f.spared == nil || len(f.spared) >= sparedBound {
		f.spared = map[ipaddr.ID]time.Time{}
	}
	f.spared[t.ID] = now
	s.log(logbook.Warning, logActions, "[%s] Not banned: %s, because %s", s.name, t.ID, why)
	e := event.Event{Time: now, Kind: event.Ignored, ID: t.ID.String(), Text: "not banned: " + why, Cause: t.Cause}
	s.event(e)
}

// brakes tells whether the limit of bans a minute is reached. The failures of
// the ticket stay counted, so that the next one asks again.
func (s *State) brakes(now time.Time, t *ticket.Ticket) bool {
	f := &s.safety
	if f.limit == 0 || f.pace.sum(now) < f.limit {
		return false
	}
	f.held++
	s.tally.Put([]*ticket.Ticket{t})
	if !f.braked {
		f.braked = true
		s.raise(now, s.brakeText(), fmt.Sprintf("Brake: more than %d bans within a minute (max_bans_per_minute), there are no more until it is less", f.limit))
	}
	return true
}

// noteBan counts a ban, and raises the alarm where there are too many.
func (s *State) noteBan(now time.Time, t *ticket.Ticket) {
	f := &s.safety
	if !fromLog(t) || f.alarm == 0 && f.limit == 0 {
		return
	}
	f.pace.add(now)
	if f.alarm > 0 && !f.alarmed && f.pace.sum(now) >= f.alarm {
		f.alarmed = true
		s.raise(now, s.alarmText(), fmt.Sprintf("Alarm: %d bans within a minute (alarm_bans_per_minute). If this is no attack, a filter matches too much", f.alarm))
	}
}

func (s *State) alarmText() string {
	return fmt.Sprintf("alarm: %d or more bans within a minute", s.safety.alarm)
}

func (s *State) brakeText() string {
	return fmt.Sprintf("brake: no more than %d bans a minute are made", s.safety.limit)
}

func (s *State) raise(now time.Time, fault, text string) {
	s.log(logbook.Critical, logActions, "[%s] %s", s.name, text)
	s.event(event.Event{Time: now, Kind: event.Degraded, Text: text})
	s.Fault(fault)
	s.safety.next = now.Add(cleanupEvery)
}

// calm ends alarm and brake when it is quieter again.
func (s *State) calm(now time.Time) {
	f := &s.safety
	if !f.alarmed && !f.braked || now.Before(f.next) {
		return
	}
	f.next = now.Add(cleanupEvery)
	rate := f.pace.sum(now)
	if f.alarmed && (rate < f.alarm || f.alarm == 0) {
		f.alarmed = false
		s.Mended(s.alarmText())
		s.log(logbook.Notice, logActions, "[%s] The alarm is over: %d bans within the last minute", s.name, rate)
	}
	if f.braked && (rate < f.limit || f.limit == 0) {
		s.Mended(s.brakeText())
		s.log(logbook.Notice, logActions, "[%s] The brake is off: %d bans were held back", s.name, f.held)
		f.braked, f.held = false, 0
	}
}

// takeSafety takes over the settings of another State. An alarm that is on
// ends with its settings, and is raised anew if there is still reason.
func (s *State) takeSafety(next *State) {
	f := &s.safety
	f.never, f.selfGiven = next.safety.never, next.safety.selfGiven
	f.alarm, f.limit = next.safety.alarm, next.safety.limit
	f.alarmed, f.braked, f.held = false, false, 0
}

// pace counts what happened within the last minute, by seconds.
type pace struct {
	counts [60]int
	newest int64
}

// turn forgets the seconds that are over.
func (p *pace) turn(now time.Time) {
	at := now.Unix()
	if at < p.newest || at-p.newest >= int64(len(p.counts)) {
		*p = pace{newest: at}
		return
	}
	for p.newest < at {
		p.newest++
		p.counts[p.newest%int64(len(p.counts))] = 0
	}
}

func (p *pace) add(now time.Time) {
	p.turn(now)
	p.counts[p.newest%int64(len(p.counts))]++
}

func (p *pace) sum(now time.Time) int {
	p.turn(now)
	n := 0
	for _, c := range p.counts {
		n += c
	}
	return n
}
