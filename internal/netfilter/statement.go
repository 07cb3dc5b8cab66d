package netfilter

// Match is one condition of a rule.
type Match struct{}

// Statement is what a rule does with a packet.
type Statement struct{}
