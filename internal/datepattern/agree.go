package datepattern

// Agrees says that two detectors with the same patterns have learnt the same
// from lines, so that they find the same dates from now on. Numbers of hits
// compare templates: they do not matter where only one was ever hit.
func (d *Detector) Agrees(o *Detector) bool {
	if len(d.order) != len(o.order) || d.state != o.state {
		return false
	}
	hit, same := 0, true
	for i, a := range d.order {
		b := o.order[i]
		if a.name != b.name || a.distance != b.distance || (a.hits > 0) != (b.hits > 0) {
			return false
		}
		if a.hits > 0 {
			hit++
		}
		same = same && a.hits == b.hits
	}
	return same || hit == 1
}
