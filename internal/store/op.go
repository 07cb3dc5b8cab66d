package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"stockade/internal/event"
)

// kind says what an operation does.
type kind uint8

const (
	opEnable kind = iota
	opDisable
	opDisableAll
	opForget
	opForgetJail
	opBan
	opPosition
	opEvent
	opDropFailures
	opFailure
	opPurgeBans
	opPurgeBips
	opPurgeJails
	opErrand
	opDropErrand
	opPurgeErrands
)

// op is one change, already in the form in which it will be stored: encoding
// is done by those who commit, not by the one writer.
type op struct {
	kind     kind
	jail, id string
	time     int64 // of a ban; the purge's limit
	bantime  int64
	count    int
	pos      float64
	text     string // path, kind of event, action
	hash     string
	data     []byte
	number   uint64 // of a ban in an event, of an errand
}

// size is about what an operation holds in memory.
func (o *op) size() int {
	return 160 + len(o.jail) + len(o.id) + len(o.text) + len(o.hash) + len(o.data)
}

// request is what one caller wants to see committed together.
type request struct {
	ops []op
	// done is called once and then nil.
	done func(error)
	// volatile requests are given up when the disk is out.
	volatile bool
}

func (r *request) finish(err error) {
	if r.done != nil {
		r.done(err)
		r.done = nil
	}
}

// roundSeconds rounds to whole seconds, halves to the even one.
func roundSeconds(t time.Time) int64 {
	return int64(math.RoundToEven(float64(t.UnixMicro()) / 1e6))
}

// operations puts a batch into the form in which it is stored.
func (s *Store) operations(b *Batch) ([]op, error) {
	ops := make([]op, 0, len(b.Enable)+len(b.Forget)+len(b.Bans)+len(b.Positions)+len(b.Events)+len(b.Disable))
	for _, jail := range b.Enable {
		ops = append(ops, op{kind: opEnable, jail: jail})
	}
	for _, k := range b.Forget {
		o := op{kind: opForget, jail: k.Jail, id: k.ID}
		if k.ID == "" {
			o.kind = opForgetJail
		}
		ops = append(ops, o)
	}
	maxMatches := int(s.maxMatches.Load())
	for i := range b.Bans {
		t := &b.Bans[i].Ticket
		ops = append(ops, op{
			kind: opBan, jail: b.Bans[i].Jail, id: t.ID.String(), time: roundSeconds(t.Time),
			bantime: t.Bantime, count: max(t.BanCount, 1), data: encodeData(t, maxMatches),
		})
	}
	for i := range b.Positions {
		p := &b.Positions[i]
		ops = append(ops, op{kind: opPosition, jail: p.Jail, text: p.Path, hash: p.Hash, pos: p.Pos})
	}
	for i := range b.Events {
		o, err := eventOperation(&b.Events[i])
		if err != nil {
			return nil, err
		}
		ops = append(ops, o)
	}
	for _, jail := range b.Disable {
		ops = append(ops, op{kind: opDisable, jail: jail})
	}
	return ops, nil
}

func eventOperation(e *event.Event) (op, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return op{}, fmt.Errorf("store event: %w", err)
	}
	return op{
		kind: opEvent, jail: e.Jail, id: e.ID, text: string(e.Kind), number: e.Ban,
		pos: float64(e.Time.UnixMicro()) / 1e6, data: data,
	}, nil
}

// chunk is how many rows a statement that may concern many deletes at once.
// It is repeated until none are left, so that no transaction gets long.
const chunk = 500

const (
	addJail      = `INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)`
	enableJail   = `INSERT INTO jails(name, enabled) VALUES(?, 1) ON CONFLICT(name) DO UPDATE SET enabled=1`
	insertBan    = `INSERT INTO bans(jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)`
	replaceBip   = `INSERT OR REPLACE INTO bips(ip, jail, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)`
	setPosition  = `INSERT INTO logs(jail, path, firstlinemd5, lastfilepos) VALUES(?, ?, ?, ?) ON CONFLICT(jail, path) DO UPDATE SET firstlinemd5=excluded.firstlinemd5, lastfilepos=excluded.lastfilepos`
	insertEvent  = `INSERT INTO stockade_events(time, kind, jail, ip, ban, event) VALUES(?, ?, ?, ?, ?, ?)`
	forgetBan    = `DELETE FROM bans WHERE jail=? AND ip=?`
	forgetBip    = `DELETE FROM bips WHERE ip=? AND jail=?`
	forgetBans   = `DELETE FROM bans WHERE rowid IN (SELECT rowid FROM bans WHERE jail=? LIMIT ?)`
	forgetBips   = `DELETE FROM bips WHERE rowid IN (SELECT rowid FROM bips WHERE jail=? LIMIT ?)`
	purgeBans    = `DELETE FROM bans WHERE rowid IN (SELECT rowid FROM bans WHERE timeofban<? LIMIT ?)`
	purgeBips    = `DELETE FROM bips WHERE rowid IN (SELECT rowid FROM bips WHERE timeofban<?1 AND bantime<>-1 AND timeofban+bantime*3<?1 LIMIT ?2)`
	purgeJails   = `DELETE FROM jails WHERE enabled=0 AND NOT EXISTS(SELECT 1 FROM bans WHERE jail=name) AND NOT EXISTS(SELECT 1 FROM bips WHERE jail=name)`
	dropFailures = `DELETE FROM stockade_failures WHERE jail=?`
	saveFailure  = `INSERT INTO stockade_failures(jail, ticket) VALUES(?, ?)`
	keepErrand   = `INSERT OR REPLACE INTO stockade_errands(jail, action, id, until, errand) VALUES(?, ?, ?, ?, ?)`
	dropErrand   = `DELETE FROM stockade_errands WHERE jail=? AND action=? AND id=?`
	purgeErrands = `DELETE FROM stockade_errands WHERE rowid IN (SELECT rowid FROM stockade_errands WHERE until>0 AND until<? LIMIT ?)`
	cutEvents    = `DELETE FROM stockade_events WHERE id<=(SELECT max(id) FROM stockade_events)-?`
)

// apply runs one operation in the writer's open transaction. It returns true
// when it has more to do, in this or a later transaction.
func (s *Store) apply(ctx context.Context, f *files, o *op) (again bool, err error) {
	run := func(query string, args ...any) (n int64) {
		if err == nil {
			n, err = f.exec(ctx, query, args...)
		}
		return n
	}
	switch o.kind {
	case opEnable:
		run(enableJail, o.jail)
	case opDisable:
		run(`UPDATE jails SET enabled=0 WHERE name=?`, o.jail)
	case opDisableAll:
		run(`UPDATE jails SET enabled=0`)
	case opForget:
		run(forgetBip, o.id, o.jail)
		run(forgetBan, o.jail, o.id)
	case opForgetJail:
		again = run(forgetBips, o.jail, chunk)+run(forgetBans, o.jail, chunk) > 0
	case opBan:
		run(addJail, o.jail)
		run(insertBan, o.jail, o.id, o.time, o.bantime, o.count, o.data)
		run(replaceBip, o.id, o.jail, o.time, o.bantime, o.count, o.data)
	case opPosition:
		run(addJail, o.jail)
		run(setPosition, o.jail, o.text, o.hash, o.pos)
	case opEvent:
		run(insertEvent, o.pos, o.text, o.jail, o.id, int64(o.number), o.data)
		if s.evicted++; s.evicted >= chunk {
			s.evicted = 0
			run(cutEvents, s.maxEvents)
		}
	case opDropFailures:
		run(dropFailures, o.jail)
	case opFailure:
		run(saveFailure, o.jail, o.data)
	case opPurgeBans:
		again = run(purgeBans, o.time, chunk) > 0
	case opPurgeBips:
		again = run(purgeBips, o.time, chunk) > 0
	case opPurgeJails:
		run(purgeJails)
	case opErrand:
		run(keepErrand, o.jail, o.text, int64(o.number), o.time, o.data)
	case opDropErrand:
		run(dropErrand, o.jail, o.text, int64(o.number))
	case opPurgeErrands:
		again = run(purgeErrands, o.time, chunk) > 0
	}
	return again, err
}
