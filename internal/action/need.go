package action

// Need is an action that runs a program.
type Need struct{ Action, Why string }

// runner is a native action that runs a program all the same; program says
// which, "" for none with the parameters it has.
type runner interface{ program() (name, instead string) }

// Needs lists the actions that run programs, and why they do. It is for sets
// that are put together to be looked at, and starts nothing.
func (s *Set) Needs() []Need {
	var out []Need
	for _, e := range s.list() {
		if why := e.need(); why != "" {
			out = append(out, Need{e.name, why})
		}
	}
	return out
}

func (e *entry) need() string {
	native := e.native()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !native {
		return e.why
	}
	r, ok := e.nat.(runner)
	if !ok {
		return ""
	}
	name, instead := r.program()
	if name == "" {
		return ""
	}
	why := "it runs " + name
	if instead != "" {
		why += "; " + instead
	}
	return why
}

// NeedOfPython says why a Python action needs a program, "" for the stock one
// that has a native form.
func NeedOfPython(src *Source) string {
	if kind, _ := Native(src); kind == smtpKind {
		return ""
	}
	return "it is a Python class, which runs in a process of its own"
}

func (n *iptables) program() (name, instead string) {
	return "iptables", "banaction = nftables runs no program"
}

func (n *pyAction) program() (name, instead string) { return "python3", "" }

func (p *postman) program() (name, instead string) {
	if p.text("smtp", "") != "" {
		return "", ""
	}
	name = "sendmail"
	if argv, ok := p.command(); ok {
		name = argv[0]
	}
	return name, "with smtp = HOST:PORT it sends its mails itself"
}

// program is none: the mails go to a mail server.
func (s *smtpAction) program() (name, instead string) { return "", "" }
