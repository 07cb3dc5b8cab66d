package control

import "stockade/internal/action"

// LeaveCommand stops the server as `stop` does, but leaves the bans in the
// kernel for a successor. It is ours alone.
const LeaveCommand = "stockade-leave"

// ownWord behind `version` asks for the version of Stockade. Fail2ban ignores
// words behind version, so any server may be asked.
const ownWord = "stockade"

// Version is the version of Stockade itself, as `version stockade` answers.
var Version = "0.1.0"

// IdentityRequest asks a server whether it is a Stockade; one answers
// "Stockade VERSION".
func IdentityRequest() []any { return []any{"version", ownWord} }

func version(c *call) (any, error) {
	if len(c.words) == 2 && c.words[1] == ownWord {
		return "Stockade " + Version, nil
	}
	return c.srv.Version(), nil
}

func leave(c *call) (any, error) {
	c.table.shutdown(action.Leave)
	return nil, nil
}
