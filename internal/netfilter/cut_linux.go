package netfilter

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// What connection tracking calls its messages and attributes
// (linux/netfilter/nfnetlink_conntrack.h).
const (
	ctSubsystem = 1
	ctGet       = 1
	ctDelete    = 2

	ctTupleOrig = 1
	ctID        = 12
	ctZone      = 18
	ctTupleIP   = 1
	ctSource4   = 1
	ctSource6   = 3
)

// cutFlows deletes the tracked connections that targets opened.
func cutFlows(netns int, hit *targets) (int, error) {
	sock, err := dial(netns)
	if err != nil {
		return 0, err
	}
	defer sock.close()
	var m message
	m.begin(ctSubsystem<<8|ctGet, unix.NLM_F_DUMP, unix.AF_UNSPEC, 0)
	m.end()
	var del message
	n := 0
	err = sock.listing(m.b, func(body []byte) {
		if len(body) < genLen {
			return
		}
		family, body := body[0], body[genLen:]
		tuple := find(body, ctTupleOrig)
		ip := find(tuple, ctTupleIP)
		source := find(ip, ctSource4)
		if source == nil {
			source = find(ip, ctSource6)
		}
		if !hit.has(source) {
			return
		}
		n++
		del.begin(ctSubsystem<<8|ctDelete, unix.NLM_F_ACK, family, 0)
		del.attr(ctTupleOrig|unix.NLA_F_NESTED, tuple)
		for _, more := range []uint16{ctID, ctZone} {
			if data := find(body, more); data != nil {
				del.attr(more, data)
			}
		}
		del.end()
	})
	if err != nil {
		return 0, fmt.Errorf("list tracked connections: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	gone := n
	err = sock.ask(del.b, func(_ uint32, refused *refusal) error {
		switch {
		case refused == nil:
		case refused.errno == unix.ENOENT:
			gone--
		default:
			return refused
		}
		return nil
	})
	if err != nil {
		return gone, fmt.Errorf("delete tracked connections: %w", err)
	}
	return gone, nil
}

// What sock_diag calls its messages (linux/sock_diag.h, linux/inet_diag.h).
const (
	diagByFamily = 20
	diagDestroy  = 21
	diagIDLen    = 48
	// diagStates are all states of a connection but TIME_WAIT, CLOSE and LISTEN.
	diagStates = 0xfff &^ (1<<6 | 1<<7 | 1<<10)
)

// cutSockets closes the sockets of this machine whose other end is a target.
// The peer gets a reset.
func cutSockets(netns int, hit *targets) (int, error) {
	sock, err := dialFor(netns, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, err
	}
	defer sock.close()
	cut := 0
	for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			n, err := sock.destroy(family, protocol, hit)
			cut += n
			if err != nil {
				return cut, err
			}
		}
	}
	return cut, nil
}

// diagnose appends a message about sockets; id is nil for all of them.
func diagnose(b []byte, seq uint32, typ, flags uint16, family, protocol uint8, id []byte) []byte {
	const length = headerLen + 8 + diagIDLen
	b = binary.NativeEndian.AppendUint32(b, length)
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	b = append(b, family, protocol, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, diagStates)
	return append(b, append(id[:len(id):len(id)], make([]byte, diagIDLen-len(id))...)...)
}

func (s *socket) destroy(family, protocol uint8, hit *targets) (int, error) {
	// An answer is the family, three other bytes, and the ID: two ports, then
	// the own address and the other one with 16 bytes each.
	const id, remote, addr6, addr4 = 4, 4 + 4 + 16, 16, 4
	var kill []byte
	n := 0
	err := s.listing(diagnose(nil, 1, diagByFamily, unix.NLM_F_DUMP, family, protocol, nil), func(body []byte) {
		if len(body) < id+diagIDLen {
			return
		}
		length := addr6
		if body[0] == unix.AF_INET {
			length = addr4
		}
		if hit.has(body[remote : remote+length]) {
			n++
			kill = diagnose(kill, uint32(1+n), diagDestroy, unix.NLM_F_ACK, body[0], protocol, body[id:id+diagIDLen])
		}
	})
	if err != nil {
		return 0, fmt.Errorf("list sockets: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	cut := n
	err = s.ask(kill, func(_ uint32, refused *refusal) error {
		switch {
		case refused == nil:
		case refused.errno == unix.ENOENT:
			cut--
		default:
			return refused
		}
		return nil
	})
	if err != nil {
		return cut, fmt.Errorf("close sockets: %w", err)
	}
	return cut, nil
}
