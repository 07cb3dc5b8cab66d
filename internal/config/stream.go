package config

// Command is one command of the stream.
type Command struct {
	// Words are strings, ints, bools, nil, []any or *pyobj.Dict.
	Words []any
	// Origin is where the value of the command was written.
	Origin Origin
	// Rules holds one origin per regex of an addfailregex or addignoreregex.
	Rules []Origin
	// Action describes the source of an addaction command.
	Action *ActionSource
	// Pending marks an addlogpath whose file (or glob) did not exist when
	// the configuration was read.
	Pending bool
	// User marks an addlogpath that was not written in the library.
	User bool
	// Degrades names the jail that a config-error leaves running with less
	// than it was given.
	Degrades string
}

// ActionSource says from which files an action was put together, so that the
// server can tell a stock action from a changed one.
type ActionSource struct {
	// Name is the file name in action.d without extension.
	Name string
	// Files are all files merged into the definition, in read order.
	Files []string
	// Library says that all of them belong to the embedded library.
	Library bool
	// Digest is the SHA-256 (hex) of the merged raw definition before
	// parameters.
	Digest string
	// Changed is an option that stands in a .local file or a .d folder: what
	// makes a stock action the user's own. It is zero when there is none.
	Changed Origin
}

// Stream is the list of commands that configures a server.
type Stream []Command

// Words gives the bare commands, as they are sent or printed.
func (s Stream) Words() []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i].Words
	}
	return out
}

// Result is what a configuration came to.
type Result struct {
	Stream Stream
	// Good and Bad are the enabled jails that are in the stream and those
	// that were dropped, in order.
	Good, Bad []string
	// Degraded are the good jails that lost a part.
	Degraded []string
	// Findings are all that was noticed, in the order of reading.
	Findings []Finding
	// Refused says that Fail2ban would refuse the whole configuration; Err
	// is the reason as it would print it.
	Refused error
}

// Valid tells whether a server can be set up from the stream: at least one jail
// is good, or none is bad.
func (r *Result) Valid() bool { return len(r.Good) > 0 || len(r.Bad) == 0 }

// Sound tells whether the configuration passes -t: Fail2ban refuses nothing in
// it and no jail is lost or degraded.
func (r *Result) Sound() bool {
	return r.Refused == nil && len(r.Bad) == 0 && len(r.Degraded) == 0
}
