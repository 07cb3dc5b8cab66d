package host

import (
	"io/fs"
	"strconv"
	"strings"
)

// The states of sockets in /proc/net that wait for somebody, see proc_net(5).
const (
	tcpListen  = "0A"
	udpNoPeer  = "07"
	localField = 1
	stateField = 3
	inodeField = 9
)

// listening are the ports on which something listens that can be reached from
// outside, by the inode of the socket.
func listening(root fs.FS) map[string]Port {
	found := map[string]Port{}
	for _, table := range []struct{ file, proto, state string }{
		{"tcp", "tcp", tcpListen},
		{"tcp6", "tcp", tcpListen},
		{"udp", "udp", udpNoPeer},
		{"udp6", "udp", udpNoPeer},
	} {
		eachLine(root, "proc/net/"+table.file, func(line string) {
			if inode, port, ok := socket(line, table.state); ok {
				found[inode] = Port{table.proto, port}
			}
		})
	}
	return found
}

// socket reads a line of /proc/net/tcp and its like; ok says that the socket
// waits in the given state, and not only for this machine itself.
func socket(line, state string) (inode string, port uint16, ok bool) {
	fields := strings.Fields(line)
	if len(fields) <= inodeField || fields[stateField] != state {
		return "", 0, false
	}
	addr, number, found := strings.Cut(fields[localField], ":")
	n, err := strconv.ParseUint(number, 16, 16)
	if !found || err != nil || loopback(addr) {
		return "", 0, false
	}
	return fields[inodeField], uint16(n), true
}

// loopback tells whether an address, in the hexadecimal of /proc/net with each
// 32-bit word in the order of the machine, is 127.0.0.0/8 or ::1.
func loopback(hex string) bool {
	if len(hex) == 8 {
		return strings.HasSuffix(hex, "7F") || strings.HasPrefix(hex, "7F0000")
	}
	return strings.HasPrefix(hex, strings.Repeat("0", 24)) && (strings.HasSuffix(hex, "01000000") || strings.HasSuffix(hex, "00000001"))
}
