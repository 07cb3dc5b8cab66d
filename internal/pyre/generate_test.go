package pyre

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random patterns of the dialect, together with texts that
// have a fair chance to match, and counts the constructs it used.
type generator struct {
	*rand.Rand
	out    strings.Builder
	groups int      // opened so far
	closed []int    // numbers that may be referred to
	names  []string // by number, "" for unnamed
	used   map[string]bool
	fixed  int // inside a look-behind: only fixed widths
	atomic int // inside an atomic group or possessive loop: no captures
}

// constructs are all that the generator knows how to write; the comparison
// counts each.
var constructs = []string{
	"literal", "dot", "class", "negated class", "range", "category", "category in class", "escape", "octal", "hex",
	"unicode escape", "non-ASCII literal", "astral literal", "group", "named group", "plain group", "scoped flags", "flags off",
	"global flags", "alternation", "empty alternative", "star", "plus", "optional", "counted", "counted open", "counted upto",
	"lazy", "possessive", "atomic", "lookahead", "negative lookahead", "lookbehind", "negative lookbehind", "backreference",
	"named backreference", "conditional", "named conditional", "caret", "dollar", "\\A", "\\Z", "\\b", "\\B", "comment",
	"verbose", "ignorecase", "multiline", "dotall", "ascii", "nested loop", "nullable loop", "pos and endpos", "large count",
}

// pattern gives a new random pattern with its flags.
func (g *generator) pattern() (string, Flags) {
	g.out.Reset()
	g.groups, g.closed, g.names, g.fixed, g.atomic = 0, nil, []string{""}, 0, 0
	g.used = map[string]bool{}
	var flags Flags
	for i, name := range []string{"ignorecase", "multiline", "dotall", "ascii"} {
		if g.IntN(6) == 0 {
			flags |= []Flags{IgnoreCase, Multiline, DotAll, ASCII}[i]
			g.used[name] = true
		}
	}
	head := ""
	if g.IntN(8) == 0 {
		head = []string{"(?i)", "(?m)", "(?s)", "(?a)", "(?im)", "(?u)", "(?x)"}[g.IntN(7)]
		if head == "(?u)" {
			flags &^= ASCII
		}
		g.used["global flags"] = true
	}
	text := g.alternation(3)
	if head == "(?x)" {
		text = g.spread(text)
	}
	return head + text, flags
}

// spread puts blanks and a comment where the verbose form ignores them.
func (g *generator) spread(text string) string {
	g.used["verbose"] = true
	return " " + text + " # a (comment\n "
}

func (g *generator) alternation(depth int) string {
	n := 1
	if depth > 0 && g.IntN(3) == 0 {
		n = 2 + g.IntN(3)
		g.used["alternation"] = true
	}
	alts := make([]string, n)
	for i := range alts {
		if n > 1 && g.fixed == 0 && g.IntN(8) == 0 {
			g.used["empty alternative"] = true
			continue
		}
		alts[i] = g.sequence(depth)
	}
	return strings.Join(alts, "|")
}

func (g *generator) sequence(depth int) string {
	var out strings.Builder
	for range 1 + g.IntN(4) {
		out.WriteString(g.piece(depth))
	}
	return out.String()
}

func (g *generator) piece(depth int) string {
	if depth > 0 && g.IntN(100) < 42 {
		return g.complex(depth - 1)
	}
	if g.IntN(12) == 0 {
		return g.place()
	}
	atom := g.atom()
	if g.fixed == 0 && g.IntN(3) == 0 {
		return atom + g.quantifier(false)
	}
	return atom
}

func (g *generator) place() string {
	p := []string{"^", "$", `\A`, `\Z`, `\b`, `\b`, `\B`, `(?#note)`}[g.IntN(8)]
	g.used[map[string]string{"^": "caret", "$": "dollar", "(?#note)": "comment"}[p]] = true
	g.used[p] = true
	return p
}

func (g *generator) note(name, text string) string {
	g.used[name] = true
	return text
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) atom() string {
	switch g.IntN(22) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		return g.note("literal", g.pick("a", "b", "c", "a", "b", "A", "k", "s", "i", "1", "-", "_", "ab", "ba", "abc"))
	case 8:
		return g.note("dot", ".")
	case 9:
		return g.note("class", g.pick("[ab]", "[abc]", "[]a]", "[a-]", "[.*]", "[ab1]", "[KS]", `[\]a]`))
	case 10:
		return g.note("negated class", g.pick("[^a]", "[^ab]", "[^]b]", "[^k]", "[^\\n]", "[^é]"))
	case 11:
		return g.note("range", g.pick("[a-c]", "[^a-b]", "[A-Z]", "[0-9a-f]", "[à-ÿ]", "[a-ÿ]", `[\x00-b]`))
	case 12, 13:
		return g.note("category", g.pick(`\d`, `\D`, `\w`, `\W`, `\s`, `\S`))
	case 14:
		return g.note("category in class", g.pick(`[\da]`, `[\w-]`, `[^\W_]`, `[\s.]`, `[^\s]`, `[\D1]`))
	case 15:
		return g.note("escape", g.pick(`\.`, `\n`, `\t`, `\-`, `\ `, `\\`, `\*`))
	case 16:
		return g.note("octal", g.pick(`\141`, `\0`, `\062`, `[\142]`))
	case 17:
		return g.note("hex", g.pick(`\x61`, `\x62`, `[\x61-\x63]`))
	case 18:
		return g.note("unicode escape", g.pick(`\u00e9`, `\u0061`, `\U00000062`, `\U0001f600`))
	case 19, 20:
		return g.note("non-ASCII literal", g.pick("é", "ß", "ſ", "K", "İ", "ı", "µ", "Σ", "ς", "٣", "½", "\u00a0"))
	}
	return g.note("astral literal", g.pick("😀", "𐐀", "𐐨", "[😀-😎]", "[𐐀a]"))
}

// quantifier gives a repetition; large ones only where the item is small.
func (g *generator) quantifier(nested bool) string {
	var q string
	switch n := g.IntN(12); {
	case n < 3:
		q = g.note("star", "*")
	case n < 6:
		q = g.note("plus", "+")
	case n < 8:
		q = g.note("optional", "?")
	case n < 9:
		q = g.note("counted", g.pick("{1}", "{2}", "{0,1}", "{1,2}", "{2,3}", "{0,3}", "{0}"))
	case n < 10:
		q = g.note("counted open", g.pick("{1,}", "{2,}", "{0,}"))
	case n < 11:
		q = g.note("counted upto", g.pick("{,2}", "{,3}", "{,}"))
	default:
		q = g.note("large count", g.pick("{0,500}", "{1,450}", "{,401}"))
	}
	if nested {
		g.used["nested loop"] = true
	}
	switch g.IntN(6) {
	case 0, 1:
		q += g.note("lazy", "?")
	}
	return q
}

func (g *generator) complex(depth int) string {
	if g.fixed > 0 {
		return g.fixedComplex(depth)
	}
	switch g.IntN(19) {
	case 0, 1, 2, 3:
		return g.group(depth)
	case 4, 5:
		return g.note("plain group", "(?:"+g.alternation(depth)+")")
	case 6, 7:
		return g.note("plain group", "(?:"+g.alternation(depth)+")"+g.quantifier(depth > 0))
	case 8:
		return g.group(depth) + g.quantifier(true)
	case 9:
		return g.possessive(depth)
	case 10:
		return g.look(depth)
	case 11:
		return g.behind(depth)
	case 12, 13:
		return g.backreference()
	case 14, 15:
		return g.conditional(depth)
	case 16:
		return g.scoped(depth)
	case 17:
		g.atomic++
		s := g.note("atomic", "(?>"+g.alternation(depth)+")")
		g.atomic--
		return s
	}
	return g.note("nullable loop", "(?:"+g.atom()+g.pick("*", "?", "{,2}", "*?")+g.pick("", g.atom()+"?")+")"+g.quantifier(true))
}

// fixedComplex gives pieces that keep a look-behind's width fixed.
func (g *generator) fixedComplex(depth int) string {
	switch g.IntN(4) {
	case 0:
		return g.note("counted", g.pick("a", "[ab]", `\w`)+g.pick("{1}", "{2}"))
	case 1:
		return g.note("alternation", "(?:"+g.pick("a|b", "ab|ba", "1|_", `\d|a`)+")")
	case 2:
		return g.look(min(depth, 1))
	}
	return g.atom()
}

func (g *generator) group(depth int) string {
	if g.atomic > 0 {
		return g.note("plain group", "(?:"+g.alternation(depth)+")")
	}
	g.groups++
	index := g.groups
	head, name := "(", ""
	if g.IntN(3) == 0 {
		name = fmt.Sprintf("n%d", index)
		head = "(?P<" + name + ">"
		g.used["named group"] = true
	}
	g.used["group"] = true
	g.names = append(g.names, name)
	body := g.alternation(depth)
	g.closed = append(g.closed, index)
	return head + body + ")"
}

func (g *generator) possessive(depth int) string {
	g.atomic++
	defer func() { g.atomic-- }()
	g.used["possessive"] = true
	if g.IntN(2) == 0 {
		return g.atom() + g.pick("*+", "++", "?+", "{1,2}+", "{,3}+")
	}
	return "(?:" + g.alternation(depth) + ")" + g.pick("*+", "++", "?+", "{2}+", "{1,3}+")
}

func (g *generator) look(depth int) string {
	outer := g.fixed
	g.fixed = 0
	defer func() { g.fixed = outer }()
	if g.IntN(2) == 0 {
		return g.note("lookahead", "(?="+g.alternation(depth)+")")
	}
	return g.note("negative lookahead", "(?!"+g.alternation(depth)+")")
}

func (g *generator) behind(depth int) string {
	g.fixed++
	defer func() { g.fixed-- }()
	width := 1 + g.IntN(2)
	var alts []string
	for range 1 + g.IntN(2) {
		var s strings.Builder
		for range width {
			s.WriteString(g.pick("a", "b", "[ab]", `\w`, `\s`, ".", "1", "é", `\d`, "[^a]"))
		}
		alts = append(alts, s.String())
	}
	body := strings.Join(alts, "|")
	if g.IntN(4) == 0 {
		body = g.fixedComplex(depth)
	}
	if g.IntN(2) == 0 {
		return g.note("lookbehind", "(?<="+body+")")
	}
	return g.note("negative lookbehind", "(?<!"+body+")")
}

// reference gives a closed group to refer to, or 0.
func (g *generator) reference() int {
	if len(g.closed) == 0 {
		return 0
	}
	return g.closed[g.IntN(len(g.closed))]
}

func (g *generator) backreference() string {
	index := g.reference()
	if index == 0 {
		return g.group(0)
	}
	if name := g.names[index]; name != "" {
		return g.note("named backreference", "(?P="+name+")")
	}
	return g.note("backreference", fmt.Sprintf(`\%d(?:)`, index))
}

func (g *generator) conditional(depth int) string {
	index := g.reference()
	if index == 0 {
		return g.group(0) + "?"
	}
	ref := fmt.Sprint(index)
	if name := g.names[index]; name != "" {
		ref = name
		g.used["named conditional"] = true
	} else {
		g.used["conditional"] = true
	}
	yes := g.sequence(depth)
	if g.IntN(3) == 0 {
		return "(?(" + ref + ")" + yes + ")"
	}
	return "(?(" + ref + ")" + yes + "|" + g.sequence(depth) + ")"
}

func (g *generator) scoped(depth int) string {
	body := g.alternation(depth)
	if g.IntN(3) == 0 {
		return g.note("flags off", g.pick("(?-i:", "(?s-i:", "(?i-m:")+body+")")
	}
	return g.note("scoped flags", g.pick("(?i:", "(?s:", "(?m:", "(?a:", "(?u:", "(?im:")+body+")")
}

// text gives a text of the letters that patterns are made of.
func (g *generator) text() string {
	n := g.IntN(14)
	var out strings.Builder
	for range n {
		out.WriteString(textLetters[g.IntN(len(textLetters))])
	}
	return out.String()
}

var textLetters = []string{
	"a", "a", "a", "a", "b", "b", "b", "c", "c", "A", "B", "k", "s", "i", "1", "2", "-", "_", " ", "\n", "ab", "abc", "ba", "aa",
	"é", "ß", "ſ", "K", "İ", "ı", "Σ", "ς", "٣", "½", "\u00a0", "\x1c", "😀", "𐐨", "\t", ".", "S", "I", "K",
}
