package pyre

import "strings"

// classItem is one member of a class: a category letter or a range.
type classItem struct {
	category rune
	lo, hi   rune
}

// class reads the rest of [...] and gives the set it stands for.
func (p *parser) class(pos int) *charset {
	negate := p.match("^")
	var items []classItem
	for {
		this := p.get()
		if this == "" {
			p.fail("unterminated character set", p.tell()-pos)
		}
		if this == "]" && len(items) > 0 {
			break
		}
		item := p.classMember(this)
		if !p.match("-") {
			items = append(items, item)
			continue
		}
		that := p.get()
		if that == "" {
			p.fail("unterminated character set", p.tell()-pos)
		}
		if that == "]" {
			items = append(items, item, classItem{lo: '-', hi: '-'})
			break
		}
		items = append(items, p.classRange(item, p.classMember(that), this, that))
	}
	return p.classSet(items, negate)
}

func (p *parser) classRange(from, to classItem, this, that string) classItem {
	if from.category != 0 || to.category != 0 || to.hi < from.lo {
		p.fail("bad character range "+this+"-"+that, runeLen(this)+1+runeLen(that))
	}
	return classItem{lo: from.lo, hi: to.hi}
}

// classMember reads one character or category inside a class.
func (p *parser) classMember(this string) classItem {
	if this[0] != '\\' {
		r := []rune(this)[0]
		return classItem{lo: r, hi: r}
	}
	c := rune(this[1])
	if strings.ContainsRune("dDsSwW", c) {
		return classItem{category: c}
	}
	var r rune
	if isOctal(byte(c)) {
		r = p.octal(this + p.getWhile(2, octalDigits))
	} else {
		r = p.charEscape(this)
	}
	return classItem{lo: r, hi: r}
}

// classSet makes the set under the flags in force.
func (p *parser) classSet(items []classItem, negate bool) *charset {
	var set *charset
	switch {
	case p.flags&IgnoreCase != 0 && len(items) == 1 && items[0].category == 0 && items[0].lo == items[0].hi:
		set = foldChar(items[0].lo, p.ascii())
	case p.flags&IgnoreCase != 0:
		set = foldItems(items, p.ascii())
	case len(items) == 1 && items[0].category != 0:
		set = category(items[0].category, p.ascii())
	default:
		set = plainSet(items, p.ascii())
	}
	if negate {
		n := set.negated()
		set = &n
	}
	return set
}

func plainSet(items []classItem, ascii bool) *charset {
	set := &charset{}
	for _, it := range items {
		if it.category != 0 {
			set.addSet(category(it.category, ascii))
			continue
		}
		set.addRange(it.lo, it.hi)
	}
	set.normalize()
	return set
}
