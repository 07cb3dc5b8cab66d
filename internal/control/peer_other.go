//go:build !linux

package control

import "net"

// peerOf knows nobody where the kernel is not asked.
func peerOf(net.Conn) Peer { return Peer{UID: -1} }
