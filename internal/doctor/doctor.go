// Package doctor says whether a machine is protected: it turns what is known
// of a server, the kernel and the machine into findings, each with its cure.
//
// It owns the judgement and the words. It is pure: the Facts are gathered by
// whoever calls Diagnose, and nothing is read or changed here. It promises that
// a finding names the thing that is wrong and in one line what to do about it,
// and that a machine without errors and warnings is one on which the bans of
// the server are in force.
package doctor

import (
	"cmp"
	"slices"
	"time"

	"stockade/internal/api"
	"stockade/internal/config"
	"stockade/internal/host"
)

// Severity orders findings.
type Severity int

// The severities. With an Error something is not protected; a Warning is
// something that leads there, or weakens it; a Notice is good to know.
const (
	Notice Severity = iota
	Warning
	Error
)

// String gives "notice", "warning" or "error".
func (s Severity) String() string { return [...]string{"notice", "warning", "error"}[s] }

// MarshalText is String, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is something that is wrong, and what to do about it.
type Finding struct {
	Severity Severity `json:"severity"`
	// Code is the stable name of the kind of finding, as "rule-shadowed".
	Code string `json:"code"`
	// Jail is the jail concerned, "" for the machine as a whole.
	Jail string `json:"jail,omitempty"`
	Text string `json:"text"`
	Cure string `json:"cure"`
}

// Facts are what is known of a machine.
type Facts struct {
	Now time.Time
	// Socket is where the server was looked for. Health is what it answered; nil
	// where none did, and Silence says why. Other is the version of a Fail2ban
	// that answered instead.
	Socket  string
	Health  *api.Health
	Silence string
	Other   string
	// Rivals are other servers that ban on this machine.
	Rivals []Rival
	// Disks are those with the files of the server.
	Disks []Disk
	// Files are the log files of the jails, and the server's own log.
	Files map[string]File
	// Config is what is wrong with the configuration.
	Config []config.Finding
	// Rules are the firewall's. Unseen says why they could not be read.
	Rules  Ruleset
	Unseen string
	// Listeners are the services that the jails watch over.
	Listeners []Listener
	// Port gives the number of a service's name.
	Port func(name string) (uint16, bool)
}

// Rival is a process of another server.
type Rival struct {
	PID     int
	Program string
}

// Disk is a file system.
type Disk struct {
	// Path lies on it; For says what is written there.
	Path, For string
	// Free and Size are in bytes. A disk may also have run out of inodes.
	Free, Size         uint64
	FreeInodes, Inodes uint64
}

// File is a file as it was found.
type File struct {
	// Err says why it cannot be used, nil if it can.
	Err      error
	Modified time.Time
}

// Listener is a service that runs, with the jail for it.
type Listener struct {
	Service, Jail string
	Ports         []host.Port
}

// Diagnose says what is wrong, the most severe first.
func Diagnose(f *Facts) []Finding {
	d := &diagnosis{Facts: f}
	d.server()
	d.machine()
	d.configuration()
	if f.Health != nil {
		for i := range f.Health.Jails {
			d.jail(&f.Health.Jails[i])
		}
	}
	slices.SortStableFunc(d.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Jail, b.Jail))
	})
	return d.findings
}

// ExitStatus is for monitoring, as its plugins have it: 0 where all is well, 1
// with warnings, 2 with errors.
func ExitStatus(findings []Finding) int {
	status := 0
	for _, f := range findings {
		status = max(status, int(f.Severity))
	}
	return status
}

// diagnosis collects findings.
type diagnosis struct {
	*Facts
	findings []Finding
}

func (d *diagnosis) add(s Severity, code, jail, text, cure string) {
	d.findings = append(d.findings, Finding{s, code, jail, text, cure})
}
