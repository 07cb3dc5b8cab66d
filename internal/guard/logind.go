package guard

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// maxSessions bounds how many files of logind are read.
const maxSessions = 4096

// logins are the far ends of SSH sessions that systemd-logind knows, which are
// those that PAM let in. A service in a sandbox may read them where it may not
// look at other processes. The files are those of sd_session_get_remote_host(3).
func logins(root string) []netip.Addr {
	dir := filepath.Join(root, "run/systemd/sessions")
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, file := range files[:min(len(files), maxSessions)] {
		if !file.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			continue
		}
		session := map[string]string{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			session[key] = value
		}
		if session["SERVICE"] != "sshd" || session["STATE"] == "closing" {
			continue
		}
		if a, err := netip.ParseAddr(session["REMOTE_HOST"]); err == nil {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	return all
}
