// Package event is the stream of what happened: found, ban, extend, unban,
// restore, reload, degraded. Log lines, the history in the database, JSON
// readers and metrics all follow this one stream.
//
// It owns the numbering and a bounded ring of the latest events. A slow
// reader loses the oldest ones and is told how many.
package event

import "time"

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	Start    Kind = "start"
	Stop     Kind = "stop"
	Found    Kind = "found"
	Ignored  Kind = "ignored"
	Ban      Kind = "ban"
	Restore  Kind = "restore"
	Extend   Kind = "extend"
	Reban    Kind = "reban"
	Unban    Kind = "unban"
	Reload   Kind = "reload"
	Degraded Kind = "degraded"
)

// Rule names the expression that matched.
type Rule struct {
	// Kind is "failregex", "prefregex" or "ignoreregex".
	Kind string `json:"kind,omitempty"`
	// Index counts from 0 in the order of the configuration.
	Index int `json:"index"`
	// Origin is file:line of its definition, empty where it came over the
	// socket without one.
	Origin string `json:"origin,omitempty"`
}

// Place is where in a source a line stood.
type Place struct {
	// Path is the file, or "systemd-journal".
	Path string `json:"path,omitempty"`
	// Inode is 0 where the source has none.
	Inode uint64 `json:"inode,omitempty"`
	// Offset is the byte at which the line ends.
	Offset int64 `json:"offset,omitempty"`
}

// Who asked for something.
type Who struct {
	// Kind is "log", "command", "restore" or "peer".
	Kind string `json:"kind,omitempty"`
	// UID of the process that sent the command, -1 where it is unknown.
	UID int `json:"uid,omitempty"`
}

// Cause says why: the rule, the line with what was captured, and its place.
type Cause struct {
	Rule  Rule   `json:"rule"`
	Line  string `json:"line,omitempty"`
	Spans Spans  `json:"spans,omitzero"`
	Place Place  `json:"place"`
	Who   Who    `json:"who"`
}

// Event is one thing that happened.
type Event struct {
	// Seq grows by one from event to event within one run of the server.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	Jail string    `json:"jail,omitempty"`
	// ID is the address or raw text concerned.
	ID string `json:"id,omitempty"`
	// Ban numbers the bans; all events of one ban carry the same.
	Ban uint64 `json:"ban,omitempty"`
	// Until is the end of the ban; zero where there is none or it never ends.
	Until time.Time `json:"until,omitzero"`
	// Bantime in seconds, -1 without end.
	Bantime int64 `json:"bantime,omitempty"`
	// Count is the ban count, or the number of failures so far.
	Count int    `json:"count,omitempty"`
	Text  string `json:"text,omitempty"`
	Cause Cause  `json:"cause,omitzero"`
}
