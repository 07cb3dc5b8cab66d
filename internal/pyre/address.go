package pyre

// addressParts are the groups of the stock address; 0 stands for none.
type addressParts struct{ ipv4, ipv6, dns int }

func (e *emitter) address(n *node, follow first) {}
