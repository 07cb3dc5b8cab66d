package netfilter

// Spec is what the fence looks like at present.
func (f *Fence) Spec() Spec {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.spec
}
