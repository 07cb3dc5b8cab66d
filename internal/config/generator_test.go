package config

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
)

// generated is a random configuration tree. The same seed gives the same tree.
type generated struct {
	rnd   *rand.Rand
	files map[string]string
	// used are the features that stand in the tree.
	used map[string]bool
	// filters, actions and jails are the names made so far.
	filters, actions, jails []string
	vars                    []string
}

// generate makes a tree. dir is where it will stand.
func generate(seed uint64, dir string) *generated {
	g := &generated{rnd: rand.New(rand.NewPCG(seed, 20)), files: map[string]string{}, used: map[string]bool{}}
	g.general()
	for i := range 1 + g.rnd.IntN(3) {
		g.filter(fmt.Sprintf("f%d", i))
	}
	for i := range 1 + g.rnd.IntN(3) {
		g.action(fmt.Sprintf("a%d", i))
	}
	g.files["logs/one.log"], g.files["logs/two.log"], g.files["logs/.hidden.log"] = "x\n", "y\n", "z\n"
	g.jailFiles(dir)
	g.breakIt()
	g.dress()
	return g
}

// maybe says yes in so many of a hundred cases.
func (g *generated) maybe(percent int) bool { return g.rnd.IntN(100) < percent }

// with says yes in so many of a hundred cases, and counts the feature then.
func (g *generated) with(percent int, feature string) bool {
	if !g.maybe(percent) {
		return false
	}
	g.used[feature] = true
	return true
}

func (g *generated) pick(list ...string) string { return list[g.rnd.IntN(len(list))] }

// general writes fail2ban.conf.
func (g *generated) general() {
	var b strings.Builder
	section := "[Definition]"
	if g.with(30, "general options in DEFAULT") {
		section = "[DEFAULT]"
	}
	b.WriteString(section + "\nloglevel = " + g.pick("INFO", "debug", "10") + "\n")
	for _, o := range []string{"logtarget = STDOUT", "dbmaxmatches = 7", "dbmaxmatches = x", "dbfile = None", "dbpurgeage = 1h", "syslogsocket = /dev/log", "allowipv6 = no"} {
		if g.with(20, "general option") && !strings.Contains(b.String(), strings.Fields(o)[0]) {
			b.WriteString(o + "\n")
		}
	}
	if section == "[DEFAULT]" {
		b.WriteString("[Definition]\n")
	}
	if g.with(12, "thread section") {
		b.WriteString("[Thread]\nstacksize = " + g.pick("32", "0", "x") + "\n")
	}
	g.files["fail2ban.conf"] = b.String()
	if g.with(12, "fail2ban.local") {
		g.files["fail2ban.local"] = "[Definition]\ndbpurgeage = 2d\n"
	}
	if g.with(10, "fail2ban.d") {
		g.files["fail2ban.d/x.conf"] = "[Definition]\ndbpurgeage = 3d\n"
	}
}

// regex writes a failregex line.
func (g *generated) regex() string {
	s := g.pick("^x <HOST>$", "^y \\S+ <ADDR>", "a b <F-ID>\\d+</F-ID>", "^é <HOST>", "^#x <HOST>", "^z [^']+ \"<HOST>\"", "^%%d <HOST>")
	if g.with(25, "interpolation in filter") {
		s = "^%(__pre)s " + s
	}
	if g.with(25, "tag in filter") {
		s += g.pick(" <mode>", " <re-<mode>>", " <Mode>", " <nosuch>", " <hlp>", " <HLP>", " <backend>", " <logtype>", " <__pre>")
	}
	return s
}

// list writes an option whose value has several lines.
func (g *generated) list(name string, n int, line func() string) string {
	var b strings.Builder
	b.WriteString(name + " = ")
	if g.with(20, "value on the next line") {
		b.WriteString("\n")
	} else {
		b.WriteString(line() + "\n")
	}
	for range n {
		if g.with(15, "comment in a value") {
			b.WriteString(g.pick("# note\n", "   ; note\n", "      # more = x\n"))
		}
		if g.with(15, "blank line in a value") {
			b.WriteString("\n")
		}
		b.WriteString(g.pick("  ", "    ", "\t", " \t ") + line() + "\n")
		g.used["continuation"] = true
	}
	return b.String()
}

// filter writes one filter with its relatives.
func (g *generated) filter(name string) {
	g.filters = append(g.filters, name)
	var b strings.Builder
	if g.with(35, "filter includes") {
		b.WriteString("[INCLUDES]\nbefore = common.conf\n")
		g.files["filter.d/common.conf"] = "[DEFAULT]\n__pre = (?:pre )?\n[Definition]\n__shared = sh\nmaxlines = 5\n"
		if g.with(35, "include's .local") {
			g.files["filter.d/common.local"] = "[DEFAULT]\n__pre = local\n"
		}
		if g.with(30, "after include") {
			b.WriteString("after = late-" + name + ".conf\n   missing.conf\n")
			g.files["filter.d/late-"+name+".conf"] = "[Definition]\nignoreregex = late %(__pre)s\nfailregex = %(known/failregex)s\n   ^late <HOST>\n"
			g.used["missing include"], g.used["known in file chain"] = true, true
		}
	}
	if g.with(30, "DEFAULT in filter") {
		b.WriteString("[DEFAULT]\nhelp = dd\n")
		if g.maybe(50) {
			b.WriteString("usedns = " + g.pick("no", "warn") + "\n")
		}
	}
	b.WriteString("[Definition]\n__pre = p%(__name__)s\nre-normal = N\nre-ddos = D\nhlp = <mode>/%(__pre)s/%(re-ddos)s\n")
	b.WriteString(g.list("failregex", g.rnd.IntN(3), g.regex))
	for _, o := range []string{
		"ignoreregex = ign <mode>", "ignoreregex =", "prefregex = ^p<F-CONTENT>.+</F-CONTENT>$", "datepattern = %%Y-%%m", "datepattern = {^LN-BEG}",
		"maxlines = 3", "maxlines = x", "journalmatch = _A=b + _C=d", "journalmatch = _A=\"b c\"\n   _D=e", "usedns = raw", "mode = normal", "logtype = own",
	} {
		if key := strings.Fields(o)[0]; g.maybe(14) && !strings.Contains(b.String(), "\n"+key+" =") {
			g.used["filter option"] = true
			b.WriteString(o + "\n")
		}
	}
	if g.with(55, "Init in filter") {
		b.WriteString("[Init]\nmode = " + g.pick("normal", "ddos") + "\n")
		for _, o := range []string{"maxlines = 10", "journalmatch = _I=1", "datepattern = ^%%d", "failregex = ^init <HOST>", "extra = <mode>-%(mode)s", "usedns = yes", "prefregex = ^ip <F-CONTENT>.</F-CONTENT>"} {
			if g.with(13, "recognised option in Init") {
				b.WriteString(o + "\n")
			}
		}
	}
	g.files["filter.d/"+name+".conf"] = b.String()
	if g.with(15, "filter's .local") {
		g.files["filter.d/"+name+".local"] = "[Definition]\n" + g.list("failregex", 1, func() string { return g.pick("%(known/failregex)s", "^l <HOST>", "%(__pre)s%%") })
	}
	if g.with(14, "filter's .d folder") {
		g.files["filter.d/"+name+".d/10.conf"] = "[Definition]\nignoreregex = from d\n[Init]\nmode = extra\n"
		g.files["filter.d/"+name+".d/Z.local"] = "[Init]\nmode = " + g.pick("ddos", "dlocal") + "\n"
	}
}

// action writes one action with its relatives.
func (g *generated) action(name string) {
	g.actions = append(g.actions, name)
	var b strings.Builder
	if g.with(25, "action includes") {
		b.WriteString("[INCLUDES]\nbefore = base.conf\n")
		g.files["action.d/base.conf"] = "[Init]\nbaseinit = <port>/%(__name__)s\n[Definition]\nactionstop = base stop <name>\n"
		if g.with(30, "nested include") {
			g.files["action.d/base.conf"] = "[INCLUDES]\nbefore = sub/deep.conf\n" + g.files["action.d/base.conf"]
			g.files["action.d/sub/deep.conf"] = "[INCLUDES]\nbefore = near.conf\n[Init]\ndeep = 1\n"
			g.files["action.d/sub/near.conf"] = "[INCLUDES]\nbefore = deep.conf\n[Init]\nnear = 2\n"
			g.used["include loop"] = true
		}
	}
	if g.with(20, "DEFAULT in action") {
		b.WriteString("[DEFAULT]\nhelper = from default\n")
	}
	b.WriteString("[Definition]\nhelper2 = <helper> <port>\n_x_<kind> = never\n_x_one = ONE\n_x_two = TWO <port>\n")
	for _, o := range []string{
		"actionstart = start <name> <chain>", "actionstop = stop <actname>", "actioncheck =", "actionflush = flush <maxretry> <findtime>",
		"actionrepair = <known/actionban> <Definition/actionban>", "actionunban = un <ip> <Init/port> <default/helper> <known/helper2>", "norestored = " + g.pick("1", "yes", "no"),
		"actionstart_on_demand = " + g.pick("on", "off"), "actionprolong = pro <bantime> <timeout> <matches>", "actionreload = <blocktype> <backend>",
	} {
		if g.with(35, "action option") {
			b.WriteString(o + "\n")
		}
	}
	ban := func() string {
		g.used["tag in action"] = true
		s := g.pick("ban <ip>", "ban <helper2>", "x <port> ; y", "echo \"<name>\" | tr a-z 'A-Z'", "é %%s <filter>")
		if g.with(30, "nested tag") {
			s += " <_x_<kind>>"
		}
		return s
	}
	b.WriteString(g.list("actionban", g.rnd.IntN(2), ban))
	if g.with(75, "Init in action") {
		b.WriteString("[Init]\nport = " + g.pick("80", "0:65535", "<kind>") + "\nkind = " + g.pick("one", "two", "none") + "\nblocktype = R\n")
		if g.with(35, "recognised option in Init") {
			b.WriteString(g.pick("actionstop = init stop", "actioncheck = init check", "norestored = 1") + "\n")
		}
	}
	if g.with(30, "conditional Init") {
		b.WriteString("[Init?family=inet6]\nblocktype = R6\n" + g.pick("", "port = 6\n", "only6 = x\n"))
	}
	if g.with(10, "conditional Definition") {
		b.WriteString("[Definition?family=inet6]\nactionban = never\n")
	}
	g.files["action.d/"+name+".conf"] = b.String()
	if g.with(15, "action's .local") {
		g.files["action.d/"+name+".local"] = "[Definition]\nactionban = %(known/actionban)s\n    more <known/port>\n[Init]\nport = " + g.pick("81", "%(known/port)s") + "\n"
	}
	if g.with(12, "action's .d folder") {
		g.files["action.d/"+name+".d/q.conf"] = "[Init]\nkind = two\nlate = 1\n"
	}
}

// params writes name[key=value,…].
func (g *generated) params(name string, keys ...string) string {
	var b strings.Builder
	b.WriteString(name)
	groups := 1
	if g.with(15, "several bracket groups") {
		groups = 2
	}
	for range groups {
		b.WriteString("[")
		for i := range 1 + g.rnd.IntN(3) {
			if i > 0 {
				b.WriteString(g.pick(",", ", ", ",\n      "))
			}
			key := keys[g.rnd.IntN(len(keys))]
			value := g.pick("v", "80,443", "a b", "x=y", "two", "<known/port>", "<kind>", "it's", "%%", "ddos")
			switch {
			case g.with(40, "double quotes"):
				value = `"` + value + `"`
			case strings.Contains(value, "'") || g.with(40, "single quotes"):
				value = strings.ReplaceAll(value, "'", "`")
				value = "'" + value + "'"
			default:
				g.used["bare value"] = true
				value = strings.ReplaceAll(value, ",", ";")
			}
			b.WriteString(key + "=" + value)
		}
		b.WriteString("]")
	}
	return b.String()
}

// filterSpec writes the filter of a jail.
func (g *generated) filterSpec() string {
	name := g.filters[g.rnd.IntN(len(g.filters))]
	if g.with(45, "filter parameters") {
		return strings.ReplaceAll(g.params(name, "mode", "mode", "extra", "maxlines", "failregex", "re-normal", "logtype", "x"), "\n", "\n   ")
	}
	return name
}

// actionSpec writes one action of a jail.
func (g *generated) actionSpec() string {
	name := g.actions[g.rnd.IntN(len(g.actions))]
	switch {
	case g.with(8, "python action"):
		return g.params("mail.py", "dest", "sender", "actname", "port")
	case g.with(55, "action parameters"):
		return g.params(name, "port", "kind", "blocktype", "name", "actname", "actionban", "norestored", "Port", "blocktype?family=inet6", "timeout", "x-y.z")
	}
	return name
}

// sortedFiles lists the files of the tree.
func (g *generated) sortedFiles() []string {
	names := make([]string, 0, len(g.files))
	for n := range g.files {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
