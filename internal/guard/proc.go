package guard

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The programs that serve SSH sessions; since OpenSSH 9.8 there are two.
var daemons = []string{"sshd", "sshd-session"}

// sessionTitle is what the process of a session that was let in calls itself:
// the user's name, and the terminal if there is one. Before that a word in
// brackets stands behind it.
var sessionTitle = regexp.MustCompile(`^sshd(-session)?: [^\[\]/\x00 ]+(@[\w/.-]+)?[\x00 ]*$`)

// established is the state of a connection in /proc/net/tcp, see proc_net(5).
const established = "01"

// sessions are the far ends of SSH sessions that were let in. A title alone
// would be easy to forge: the program and its parent have to be the daemon,
// and the parent's owner root.
func sessions(root string) []netip.Addr {
	dirs, err := os.ReadDir(filepath.Join(root, "proc"))
	if err != nil {
		return nil
	}
	ends := map[string]map[string]netip.Addr{}
	var all []netip.Addr
	for _, dir := range dirs {
		if !isNumber(dir.Name()) {
			continue
		}
		p := process{root, dir.Name()}
		if !slices.Contains(daemons, strings.TrimSpace(p.text("comm"))) || !p.isSession() {
			continue
		}
		space, err := os.Readlink(p.file("ns/net"))
		if err != nil {
			space = p.pid
		}
		if ends[space] == nil {
			ends[space] = p.connections()
		}
		for _, inode := range p.sockets() {
			if a, ok := ends[space][inode]; ok && !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}

// process is a folder of /proc.
type process struct{ root, pid string }

func (p process) file(name string) string { return filepath.Join(p.root, "proc", p.pid, name) }

func (p process) text(name string) string {
	text, err := os.ReadFile(p.file(name))
	if err != nil {
		return ""
	}
	return string(text)
}

// status gives the first word of a line of /proc/PID/status.
func (p process) status(name string) string {
	for line := range strings.Lines(p.text("status")) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				return f[0]
			}
		}
	}
	return ""
}

// isDaemon tells whether the process runs the daemon's program. One that was
// replaced by an upgrade counts.
func (p process) isDaemon() bool {
	exe, err := os.Readlink(p.file("exe"))
	return err == nil && slices.Contains(daemons, filepath.Base(strings.TrimSuffix(exe, " (deleted)")))
}

func (p process) isSession() bool {
	if !sessionTitle.MatchString(p.text("cmdline")) || !p.isDaemon() {
		return false
	}
	parent := process{p.root, p.status("PPid")}
	return isNumber(parent.pid) && parent.status("Uid") == "0" && parent.isDaemon()
}

// sockets are the inodes of the sockets that a process has open.
func (p process) sockets() []string {
	entries, err := os.ReadDir(p.file("fd"))
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range entries {
		to, err := os.Readlink(p.file("fd/" + e.Name()))
		if inode, ok := strings.CutPrefix(to, "socket:["); ok && err == nil {
			all = append(all, strings.TrimSuffix(inode, "]"))
		}
	}
	return all
}

// connections are the far ends of the TCP connections in the network of a
// process, by the inodes of their sockets.
func (p process) connections() map[string]netip.Addr {
	all := map[string]netip.Addr{}
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		for line := range strings.Lines(p.text(table)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != established {
				continue
			}
			far, _, _ := strings.Cut(f[2], ":")
			if a, ok := parseWords(far); ok {
				all[f[9]] = a
			}
		}
	}
	return all
}

// parseWords reads an address of which each 32-bit word is in the order of
// the machine.
func parseWords(text string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return a.Unmap(), ok
}

// viaGateway is the flag of a route that leads over a gateway.
const viaGateway = 2

// gateways are those of the default routes.
func gateways(root string) []netip.Addr {
	var all []netip.Addr
	text, _ := os.ReadFile(filepath.Join(root, "proc/net/route"))
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 32)
		if a, ok := parseWords(f[2]); ok && err == nil && flags&viaGateway != 0 {
			all = append(all, a)
		}
	}
	text, _ = os.ReadFile(filepath.Join(root, "proc/net/ipv6_route"))
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[1] != "00" || strings.Trim(f[0], "0") != "" {
			continue
		}
		raw, err := hex.DecodeString(f[4])
		if a, ok := netip.AddrFromSlice(raw); err == nil && ok && !a.IsUnspecified() {
			all = append(all, a)
		}
	}
	return all
}
