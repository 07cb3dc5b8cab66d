package config

import (
	"strings"

	"stockade/internal/ini"
)

// lookup finds what a tag stands for: an option of the definition, the file's
// own value, or anything that %()s would find.
func (d *definition) lookup(tag string) (traced, bool, *problem) {
	if e, ok := d.index[tag]; ok && !e.none {
		return e.raw, true, nil
	}
	return d.beyond(tag)
}

// beyond is lookup without the options of the definition.
func (d *definition) beyond(tag string) (traced, bool, *problem) {
	if l, ok := d.looked[tag]; ok {
		d.leaning = d.leaning || l.ok
		return l.text, l.ok, nil
	}
	text, ok, err := d.search(tag)
	d.leaning = d.leaning || ok
	if err == nil {
		d.looked[tag] = lookedUp{text, ok}
	}
	return text, ok, err
}

// search is beyond without a memory.
func (d *definition) search(tag string) (traced, bool, *problem) {
	sect, opt, slash := strings.Cut(tag, "/")
	if slash {
		return d.lookupIn(sect, opt)
	}
	return d.named(ini.Lower(tag))
}

// lookupIn finds section/option. The section is spelled as in the file.
func (d *definition) lookupIn(sect, opt string) (traced, bool, *problem) {
	if sect == "known" {
		if text, ok := d.known[opt]; ok {
			return text, true, nil
		}
		opt = ini.Lower(opt)
		if shadow := d.section.shadow(); shadow.opts[opt] != nil {
			return d.read(shadow, opt)
		}
		return d.read(d.section, opt)
	}
	opt = ini.Lower(opt)
	if sect == "default" || sect == ini.DefaultSection {
		return d.read(d.set.defaults, opt)
	}
	section, ok := d.set.section(sect)
	if !ok {
		return traced{}, false, nil
	}
	return d.read(section, opt)
}

// named interpolates a parameter, an option of the jail or one of [Definition],
// in this order. A percent sign in the text of the first two counts again.
func (d *definition) named(name string) (traced, bool, *problem) {
	if text, ok := d.scope.vars[name]; ok {
		t, err := d.scope.expand(name, &value{text: text})
		return t, err == nil, err
	}
	if !d.scope.has(name) {
		return traced{}, false, nil
	}
	text, err := d.scope.get(name)
	return text, err == nil, err
}

// read interpolates an option of a section, in which parameters are not
// visible.
func (d *definition) read(section *layered, name string) (traced, bool, *problem) {
	sc := scope{set: d.set, section: section, base: d.scope.base, chain: d.scope.chain, rough: d.scope.rough}
	if !sc.has(name) {
		return traced{}, false, nil
	}
	text, err := sc.get(name)
	return text, err == nil, err
}
