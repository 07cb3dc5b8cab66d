package control

import "net"

// PeerOf tells who is on the other side of a connection.
func PeerOf(conn net.Conn) Peer { return peerOf(conn) }
