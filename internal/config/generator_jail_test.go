package config

import (
	"fmt"
	"strings"
)

// jailFiles writes jail.conf and what lies over it.
func (g *generated) jailFiles(dir string) {
	var b strings.Builder
	if g.with(35, "jail includes") {
		b.WriteString("[INCLUDES]\nbefore = paths.conf\n")
		g.files["paths.conf"] = "[DEFAULT]\nlogdir = " + dir + "/logs\nsysback = " + g.pick("auto", "polling", "systemd") + "\n"
		if g.with(30, "include's .local") {
			g.files["paths.local"] = "[DEFAULT]\nsysback = pyinotify\n"
		}
		if g.with(25, "after include") {
			b.WriteString("after = over.local\n")
			g.files["over.local"] = "[DEFAULT]\nv1 = after\n[j0]\nmaxretry = 9\n"
		}
	}
	b.WriteString("[DEFAULT]\n")
	if g.files["paths.conf"] == "" {
		b.WriteString("logdir = " + dir + "/logs\nsysback = auto\n")
	}
	b.WriteString(g.defaults())
	n := 1 + g.rnd.IntN(3)
	for i := range n {
		g.jails = append(g.jails, fmt.Sprintf("j%d", i))
	}
	if g.with(20, "capital in a jail's name") {
		g.jails = append(g.jails, "J-x.y z")
	}
	b.WriteString("[other]\nfoo = bar %(baz)s\nbaz = other\nv0 = other0\n")
	for _, name := range g.jails {
		b.WriteString("[" + name + "]\n" + g.jailBody(true))
	}
	g.files["jail.conf"] = b.String()
	g.overrides()
}

// defaults writes variables and options of [DEFAULT].
func (g *generated) defaults() string {
	var b strings.Builder
	b.WriteString("maxretry = 5\nmaxmatches = " + g.pick("6", "%(maxretry)s") + "\nbaz = dflt\n")
	for i := range 4 {
		v := fmt.Sprintf("v%d", i)
		text := g.pick("w", "a b", "x # y", "10m;x", "3 ; c", "é", "50%%", "'q'", `back\slash`, "")
		if i > 0 && g.with(45, "interpolation chain") {
			text += fmt.Sprintf(" %%(v%d)s", g.rnd.IntN(i))
		}
		if strings.Contains(text, " # ") {
			g.used["# that is no comment"] = true
		}
		if strings.Contains(text, " ; ") {
			g.used["; comment"] = true
		}
		b.WriteString(v + g.pick(" = ", "=", " : ", ":") + text + "\n")
		g.vars = append(g.vars, v)
	}
	for _, o := range []string{
		"usedns = warn", "bantime = 10m", "findtime = 1d 2h", "ignoreip = 127.0.0.1 ::1", "logencoding = auto",
		"bantime.increment = true", "port = 0:65535", "chain = <known/chain>", "backend = %(sysback)s", "enabled = false", "mode = normal",
	} {
		if g.with(40, "DEFAULT option") {
			b.WriteString(o + "\n")
		}
	}
	if g.with(40, "action shortcut") {
		b.WriteString("action_ = " + g.actions[0] + "[port=\"%(port)s\", chain=\"%(chain)s\"]\nport = 1\nchain = c\naction = %(action_)s\n")
		s := b.String()
		for _, twice := range []string{"port = 0:65535\n", "chain = <known/chain>\n"} {
			s = strings.Replace(s, twice, "", 1)
		}
		return s
	}
	return b.String()
}

// text writes a value with references.
func (g *generated) text() string {
	switch {
	case g.with(30, "plain interpolation"):
		return g.pick("a %(v0)s", "%(v1)s%(v2)s", "x%(V3)sy", "%(__name__)s")
	case g.with(25, "section/option"):
		return g.pick("%(other/foo)s", "%(other/v0)s x", "%(other/v3)s", "%(default/v0)s", "%(other/maxretry)s")
	case g.with(20, "known/option"):
		return g.pick("%(known/v0)s", "%(known/v1)s k", "%(known/hlp)s", "%(known/re-normal)s")
	case g.with(10, "built-in names"):
		return g.pick("%(fail2ban_version)s", "%(fail2ban_confpath)s")
	}
	return g.pick("lit", "10.0.0.1, 10.0.0.2\t10.0.0.3", "a  b", "100%%", "ü", "(x)", "a=b:c")
}

// jailBody writes the options of a jail.
func (g *generated) jailBody(first bool) string {
	var b strings.Builder
	if g.maybe(88) {
		b.WriteString("enabled = " + g.pick("true", "1", "yes", "ON", "True") + "\n")
	} else {
		g.used["disabled jail"] = true
		b.WriteString("enabled = " + g.pick("false", "nope", "") + "\n")
	}
	if first || g.maybe(30) {
		b.WriteString("filter = " + g.filterSpec() + "\n")
	}
	if first && g.maybe(85) || g.maybe(25) {
		b.WriteString(g.actionList())
	}
	if first && g.maybe(75) || g.maybe(15) {
		b.WriteString(g.logpath())
	}
	b.WriteString(g.options())
	if g.with(25, "own variables") {
		b.WriteString("baz = own\nv0 = own0\n")
	}
	return b.String()
}

func (g *generated) actionList() string {
	specs := []string{g.actionSpec()}
	for range g.rnd.IntN(3) {
		specs = append(specs, g.actionSpec())
	}
	sep := "\n         "
	if len(specs) > 1 && g.with(40, "actions on one line") {
		sep = g.pick(" ", "  ", " \t")
	} else if len(specs) > 1 {
		g.used["actions on several lines"] = true
	}
	return "action = " + strings.Join(specs, sep) + "\n"
}

func (g *generated) logpath() string {
	return g.list("logpath", g.rnd.IntN(2), func() string {
		switch {
		case g.with(30, "log glob"):
			return g.pick("%(logdir)s/*.log", "%(logdir)s/[ot]*.log", "%(logdir)s/?ne.log", "%(logdir)s/*/*", "%(logdir)s*/[!x]wo.log")
		case g.with(20, "missing log"):
			return "%(logdir)s/none.log"
		case g.with(25, "log with mode"):
			return "%(logdir)s/one.log " + g.pick("tail", "head", "odd")
		}
		return g.pick("%(logdir)s/one.log", "%(logdir)s/two.log")
	})
}

// options writes some of the other options of a jail.
func (g *generated) options() string {
	var b strings.Builder
	option := func(percent int, feature, name string, values ...string) {
		if g.with(percent, feature) {
			if g.with(15, "capitals in an option's name") {
				name = strings.ToUpper(name[:1]) + name[1:]
			}
			b.WriteString(name + " = " + g.pick(values...) + "\n")
		}
	}
	option(30, "maxretry", "maxretry", "3", " 7 ", "%(default/maxretry)s1", "x", "+4", "1_0")
	option(30, "bantime", "bantime", "10m", "-1", "1d 2h", "abc", "%(v1)s")
	option(25, "findtime", "findtime", "10m", "1h;x", "0.5h", "")
	option(30, "ignoreip", "ignoreip", g.text(), g.text(), "")
	option(20, "ban time options", g.pick("bantime.factor", "bantime.formula", "bantime.multipliers", "bantime.maxtime", "bantime.rndtime"), "1", "2 4 8", g.text())
	option(20, "truth options", g.pick("bantime.increment", "bantime.overalljails", "ignoreself"), "true", "no", "1", "maybe", "")
	option(15, "ignore commands", g.pick("ignorecommand", "ignorecache"), "cmd <ip>", `key="<ip>", max-count=5`, g.text())
	option(12, "usedns", "usedns", "yes", "raw", "")
	option(15, "jail's failregex", "failregex", "", "^own <HOST>", "%(known/failregex)s\n   ^more <HOST>")
	option(10, "jail's ignoreregex", "ignoreregex", "", "own %%", "%(known/ignoreregex)s")
	option(10, "jail's regex options", g.pick("prefregex", "datepattern", "maxlines", "logtimezone", "logencoding"), "", "7", "abc")
	option(12, "journalmatch", "journalmatch", "_X=1 + _Y='2 3'", `_Z="a"`+"\n   _Q=#b", "")
	option(25, "backend", "backend", "auto", "polling", "systemd", `systemd[journalflags=1, namespace="*"]`, "auto[x=1]", "%(sysback)s")
	option(10, "skip_if_nologs", "skip_if_nologs", "1", "0")
	option(10, "systemd_if_nologs", "systemd_if_nologs", "no", "yes")
	option(20, "unknown option", "zzz", g.text(), "<x>")
	return b.String()
}

// overrides writes the files over jail.conf.
func (g *generated) overrides() {
	section := func() string {
		s := "[" + g.jails[g.rnd.IntN(len(g.jails))] + "]\n" + g.jailBody(false)
		if g.with(35, "known in file chain") {
			s += "v1 = %(known/v1)s +\n"
		}
		return s
	}
	if g.with(50, "jail.local") {
		g.files["jail.local"] = g.pick("", "[DEFAULT]\nv2 = local\nbantime = 1h\n") + section()
		if g.with(15, "include from .local") {
			g.files["jail.local"] = "[INCLUDES]\nafter = more.inc\n" + g.files["jail.local"]
			g.files["more.inc"] = "[DEFAULT]\nv3 = more\n"
		}
	}
	if g.with(30, "jail.d/*.conf") {
		g.files["jail.d/b.conf"] = section()
		if g.maybe(50) {
			g.files["jail.d/B.conf"] = "[DEFAULT]\nv0 = B\n"
		}
		g.files["jail.d/.hidden.conf"] = "[j0]\nenabled = broken %(x)s\n"
	}
	if g.with(20, "jail.d/*.local") {
		g.files["jail.d/a.local"] = section()
	}
	if g.with(10, "conditional jail section") {
		g.files["jail.d/c.conf"] = "[j0?family=inet6]\nmaxretry = 77\n"
	}
}

// fault is a deliberate error.
type fault struct {
	name string
	make func()
}

// breakIt puts deliberate errors into the tree: now and then one that costs a
// jail or less, and in a part of the trees one or many that the reference
// refuses everything for.
func (g *generated) breakIt() {
	for _, f := range g.mildFaults() {
		if g.with(8, "error: "+f.name) {
			f.make()
		}
	}
	if !g.with(22, "deliberate fatal error") {
		return
	}
	faults := g.fatalFaults()
	g.rnd.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	n := 1
	if g.maybe(50) {
		n = 5 + g.rnd.IntN(len(faults)-5)
	}
	for _, f := range faults[:n] {
		f.make()
		g.used["error: "+f.name] = true
	}
}

func (g *generated) mildFaults() []fault {
	return []fault{
		{"missing filter", func() { g.files["jail.conf"] += "[nf]\nenabled = 1\nfilter = nosuch\n" }},
		{"missing action", func() { g.files["jail.conf"] += "[na]\nenabled = 1\nfilter = f0\naction = nosuch[a=1]\n" }},
		{"bad specification", func() {
			g.files["jail.conf"] += "[ns]\nenabled = 1\nfilter = f0" + g.pick("", "[x", "[x=1]y", "[=1]") + "\naction = a0" + g.pick("[p=1,,q=2]", "[p=\"1\" ]", "[p", " [p=1]", "[p=1]x") + "\n"
		}},
		{"swallowed section", func() { g.files["jail.conf"] += "[sw]\nenabled = 1\n  [sw2]\n  enabled = 1\n" }},
		{"no Definition", func() {
			g.files["action.d/empty.conf"], g.files["filter.d/empty.conf"] = "[Init]\nx = 1\n", "[Init]\nx = 1\n"
			g.files["jail.conf"] += "[nd]\nenabled = 1\nfilter = empty\naction = empty\n"
		}},
		{"gamin", func() { g.files["jail.conf"] += "[gm]\nenabled = 1\nbackend = gamin\nfilter = f0\n" }},
		{"self-made mta", func() {
			g.files["action.d/sendmail-whois.conf"] = "[Definition]\nactionban = m\nnorestored = 1\n"
			g.files["jail.conf"] += "[mt]\nenabled = 1\nmta = postfix\nfilter = f0\naction = a0\n   %(mta)s-whois[dest=x]\n"
		}},
	}
}

func (g *generated) fatalFaults() []fault {
	return []fault{
		{"duplicate option", func() { g.insert("jail.conf", "\nenabled = 1\nenabled = 0\n[tail]\n") }},
		{"duplicate section", func() { g.files["jail.conf"] += "[dup]\nx = 1\n[dup]\n" }},
		{"line without =", func() { g.files["jail.conf"] += "[bad]\nno assignment here\n" }},
		{"text before a section", func() { g.files["jail.conf"] = "x = 1\n" + g.files["jail.conf"] }},
		{"missing reference", func() { g.files["jail.conf"] += "[mr]\nenabled = 1\nignoreip = %(nosuch)s\n" }},
		{"bad reference", func() {
			g.files["jail.conf"] += "[br]\nenabled = 1\nignoreip = " + g.pick("%x", "%(v0)", "100%", "%()s") + "\n"
		}},
		{"endless reference", func() { g.files["jail.conf"] += "[er]\nenabled = 1\nignoreip = %(x)s\nx = %(y)s\ny = %(x)s\n" }},
		{"endless tag", func() {
			g.files["action.d/a0.conf"] += "[Extra]\n"
			g.files["action.d/loop.conf"] = "[Definition]\nactionban = <x>\n[Init]\nx = <y>\ny = <x>\n"
			g.files["jail.conf"] += "[et]\nenabled = 1\nfilter = f0\naction = loop\n"
		}},
		{"unbalanced quote", func() { g.files["jail.conf"] += "[uq]\nenabled = 1\nfilter = f0\njournalmatch = _A=\"b\n" }},
		{"known in DEFAULT", func() {
			g.files["jail.d/k.conf"] = "[DEFAULT]\nignoreip = %(known/ignoreip)s 10.0.0.1\n[j0]\nenabled = 1\n"
		}},
		{"chain of known", func() {
			g.files["jail.d/m.conf"] = "[j0]\nenabled = 1\nignoreip = 1\n"
			g.files["jail.d/n.conf"] = "[j0]\nignoreip = %(known/ignoreip)s 2\n"
			g.files["jail.d/o.conf"] = "[j0]\nignoreip = %(known/ignoreip)s 3\n"
		}},
		{"upper case in a reference", func() { g.files["jail.conf"] += "[Other2]\nfoo = 1\n[uc]\nenabled = 1\nignoreip = %(Other2/foo)s\n" }},
		{"byte order mark", func() { g.files["jail.d/bom.conf"] = "\ufeff[x]\ny = 1\n" }},
		{"undecodable file", func() {
			g.files[g.pick("jail.d/u.conf", "filter.d/f0.local", "action.d/a0.local")] = "[x]\ny = \xff\xfe\n"
		}},
		{"error in a disabled jail", func() {
			g.files["jail.conf"] += "[ed]\nenabled = 0\n" + g.pick("ignoreip", "filter", "backend", "enabled ") + " = %(nosuch)s\n"
		}},
		{"error in a filter", func() {
			g.files["filter.d/f0.conf"] += "[Definition2]\nx=1\n"
			g.files["filter.d/f0.d/e.conf"] = "[Definition]\nunused = %(nosuch)s\n"
		}},
	}
}

// insert puts text after the first line of a file.
func (g *generated) insert(name, text string) {
	first, rest, _ := strings.Cut(g.files[name], "\n")
	if strings.HasPrefix(first, "[DEFAULT]") {
		g.files[name] += "[first]" + text
		return
	}
	g.files[name] = first + "\n" + rest + "[last]" + text
}

// dress changes how the files are written, not what they say.
func (g *generated) dress() {
	for _, name := range g.sortedFiles() {
		if !strings.HasSuffix(name, ".conf") && !strings.HasSuffix(name, ".local") {
			continue
		}
		if g.with(12, "CRLF") {
			g.files[name] = strings.ReplaceAll(g.files[name], "\n", "\r\n")
		}
		if g.with(20, "comment lines") {
			g.files[name] = "# head\n  ; head = 2\n\n" + g.files[name] + "\n# tail\n"
		}
		if g.with(5, "no newline at the end") {
			g.files[name] = strings.TrimRight(g.files[name], "\r\n")
		}
	}
}
