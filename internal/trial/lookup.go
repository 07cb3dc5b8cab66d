package trial

import "stockade/internal/ipaddr"

// lookup finds the addresses of a host name.
func (e *Env) lookup(name string) []ipaddr.ID {
	if e.Resolve == nil {
		return nil
	}
	return e.Resolve(name)
}
