package doctor

import (
	"fmt"
	"strings"

	"stockade/internal/api"
)

// firewall compares what ought to be enforced with what is, and looks whether
// packets come to it.
func (d *diagnosis) firewall(j *api.JailHealth) {
	if len(j.Enforced) == 0 && j.Started {
		d.add(Error, "no-action", j.Name, "the jail bans nobody: it has no action that enforces", "set banaction or action for "+j.Name)
	}
	for i := range j.Enforced {
		d.enforcement(j, &j.Enforced[i])
	}
	d.ports(j)
}

func (d *diagnosis) enforcement(j *api.JailHealth, e *api.Enforcement) {
	refill := "stockade pause 1s puts all bans back; find out who took it away: the server's log names the program"
	switch {
	case e.Error != "":
		d.add(Warning, "firewall-unknown", j.Name, "what "+e.Action+" has in force cannot be read: "+e.Error, "run it as root; is "+e.By+" there?")
		return
	case e.By == "" && j.Banned > 0:
		d.add(Notice, "firewall-unknown", j.Name, "whether "+e.Action+" enforces its bans only its own commands know", "look yourself, or take a banaction that runs natively")
		return
	case e.By == "":
		return
	case e.Missing != "":
		d.add(Error, "firewall-missing", j.Name, fmt.Sprintf("%s (%s): its bans are not in force", e.Missing, e.Action), refill)
		return
	case e.Lacking > 0:
		d.add(Error, "bans-not-enforced", j.Name, fmt.Sprintf("%d of %d bans are not in %s: %s", e.Lacking, j.Banned, e.Holder, someOf(e.LackingSome, e.Lacking)), refill)
	}
	if e.Extra > 0 {
		d.add(Notice, "extra-bans", j.Name, fmt.Sprintf("%d addresses in %s are banned by nobody here: %s", e.Extra, e.Holder, someOf(e.ExtraSome, e.Extra)),
			"none, if you put them there; else: stockade reload "+j.Name)
	}
	if d.Unseen != "" {
		return
	}
	ports, known := d.portsOf(e)
	if !known {
		ports = anyPort
	}
	for _, s := range d.Rules.shadows(e, ports) {
		d.add(Error, "rule-shadowed", j.Name, fmt.Sprintf("%s lets packets through before they come to the bans: %s", s.chain, s.rule),
			"move that rule behind the one of "+j.Name+", or delete it: "+s.show)
	}
	d.forwarded(j, e, ports)
}

func someOf(list []string, n int) string {
	text := strings.Join(list, ", ")
	if n > len(list) {
		text += ", …"
	}
	return text
}

// forwarded looks whether a port of the jail is handed on to a container
// before the rules at the input see its packets.
func (d *diagnosis) forwarded(j *api.JailHealth, e *api.Enforcement, ports []portRange) {
	var cure string
	switch {
	case e.By == "nftables" && e.Hook == "input":
		cure = "banaction = nftables[chain_hook=prerouting] for " + j.Name
	case e.By == "iptables" && len(e.Chains) == 1 && e.Chains[0] == "INPUT":
		cure = "banaction = nftables[chain_hook=prerouting] for " + j.Name + ", or chain = DOCKER-USER with the container's port"
	default:
		return
	}
	severity := Error
	if e.AllPorts {
		severity = Notice
	}
	var hit []string
	for _, f := range d.Rules.Forwards {
		if within(ports, f.Port) {
			hit = append(hit, fmt.Sprintf("%d/%s (%s)", f.Port, f.Proto, f.Where))
		}
	}
	if len(hit) > 0 {
		d.add(severity, "port-forwarded", j.Name, "connections to port "+strings.Join(hit, ", ")+" are handed on to another machine or container, and never meet the bans at the input", cure)
	}
}

// ports compares the ports that a jail closes with those on which its service
// listens.
func (d *diagnosis) ports(j *api.JailHealth) {
	var closed []portRange
	protocols := ""
	for i := range j.Enforced {
		ports, known := d.portsOf(&j.Enforced[i])
		if !known {
			return
		}
		closed = append(closed, ports...)
		protocols += " " + j.Enforced[i].Protocols
	}
	if len(j.Enforced) == 0 {
		return
	}
	for _, l := range d.Listeners {
		if l.Jail != j.Name {
			continue
		}
		var open []string
		total := 0
		for _, p := range l.Ports {
			if p.Proto != "tcp" && !strings.Contains(protocols, p.Proto) {
				continue
			}
			total++
			if !within(closed, p.Number) {
				open = append(open, fmt.Sprint(p.Number))
			}
		}
		if len(open) == 0 {
			continue
		}
		severity, which := Warning, "also listens"
		if len(open) == total {
			severity, which = Error, "listens"
		}
		list := strings.Join(open, ",")
		d.add(severity, "port-mismatch", j.Name, fmt.Sprintf("%s %s on port %s, which the jail does not close for those it bans (port = %s)", l.Service, which, list, j.Enforced[0].Ports),
			fmt.Sprintf("port = %s,%s for %s, or banaction = nftables-allports", j.Enforced[0].Ports, list, j.Name))
	}
}
