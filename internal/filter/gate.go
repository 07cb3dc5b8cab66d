package filter

import (
	"bytes"

	"stockade/internal/pyre"
)

// gate keeps a rule from being run on a text that lacks what every match
// contains. Looking for that costs as much as a few steps of the rule, so it is
// done only for rules that come far before they fail, and only as long as it
// spares most of those runs.
type gate struct {
	// ends says that the expression knows how the texts end that it matches.
	ends    bool
	literal []byte
	shut    bool
	// runs counts those since the last decision, spared those of them that the
	// gate would have spared.
	runs, spared int
}

const (
	// gateSample is the number of runs from which a decision is made.
	gateSample = 256
	// gateSteps is what a look for the literal is worth, in bytes of text that a
	// failing run gets through.
	gateSteps = 12
	// gateLiteral is the shortest literal worth looking for.
	gateLiteral = 3
)

func newGate(re *pyre.Regexp) gate {
	g := gate{ends: re.KnowsEnd()}
	l := re.RequiredLiteral()
	if re.Anchored() {
		// What a match begins with is seen at once.
		l = re.LateLiteral()
	}
	if len(l) >= gateLiteral {
		g.literal = l
		g.shut = re.BroadHead()
	}
	return g
}

// spares tells whether the text need not be searched.
func (r *rule) spares(text []byte) bool {
	return r.gate.ends && !r.re.EndFits(text) || r.gate.shut && !bytes.Contains(text, r.gate.literal)
}

// learn takes in a run that came as far as a byte of the text.
func (g *gate) learn(text []byte, found bool, far int) {
	if g.shut || g.literal == nil {
		return
	}
	g.runs++
	if !found && far > gateSteps {
		if !bytes.Contains(text, g.literal) {
			g.spared++
		}
	}
	if g.runs == gateSample {
		g.shut = g.spared > gateSample/2
		g.runs, g.spared = 0, 0
	}
}
