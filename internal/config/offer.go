package config

import "strings"

// offer makes what a jail may refer to by known/name: every option of
// [Definition], over which lie the parameters and [Init], with all tags
// replaced. The options are read once more for it, without what the jail
// passes, and a fault in any of them is one of the filter.
func (d *definition) offer() *problem {
	raw := make(map[string]traced, len(d.section.order)+len(d.elements))
	for _, name := range d.section.order {
		text, _, err := d.read(d.section, name)
		if err != nil {
			return err
		}
		raw[name] = text
	}
	for _, e := range d.elements {
		if !e.none {
			raw[e.name] = e.raw
		}
	}
	t := d.tags(func(tag string) (traced, bool, *problem) {
		if text, ok := raw[tag]; ok {
			return text, true, nil
		}
		return d.beyond(tag)
	})
	d.offered = make(map[string]traced, len(raw))
	for name, text := range raw {
		if e, ok := d.index[name]; ok && !e.none && !e.leaned {
			d.offered[name] = e.text
			continue
		}
		if !t.keep(name) && strings.IndexByte(text.text, '<') >= 0 {
			var err *problem
			if text, err = t.replace(name, text); err != nil {
				return err
			}
		}
		d.offered[name] = text
	}
	return nil
}
