package control

import (
	"net"
	"syscall"
)

// peerOf asks the kernel who is on the other side.
func peerOf(conn net.Conn) Peer {
	peer := Peer{UID: -1}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return peer
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return peer
	}
	raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			peer.UID = int(cred.Uid)
		}
	})
	return peer
}
