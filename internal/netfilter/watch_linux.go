package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// watchKernel reports what others delete from nftables until stop is called.
func watchKernel(k kernel, netns int, happened func([]removal, string)) (stop func(), err error) {
	sock, err := dial(netns)
	if err != nil {
		return nil, err
	}
	ours := uint32(0)
	if nk, ok := k.(*nftKernel); ok {
		ours = nk.sock.port()
	}
	if err := ignorePort(sock.fd, ours); err != nil {
		sock.close()
		return nil, fmt.Errorf("filter notifications: %w", err)
	}
	if err := unix.SetsockoptInt(sock.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.NFNLGRP_NFTABLES); err != nil {
		sock.close()
		return nil, fmt.Errorf("subscribe to nftables: %w", err)
	}
	if err := unix.SetNonblock(sock.fd, true); err != nil {
		sock.close()
		return nil, fmt.Errorf("set up the notification socket: %w", err)
	}
	file := os.NewFile(uintptr(sock.fd), "nftables notifications")
	go readNotifications(file, sock, happened)
	return func() { _ = file.Close() }, nil
}

// ignorePort makes the kernel keep to itself what this process did: the sender
// stands 12 bytes into each notification.
func ignorePort(fd int, port uint32) error {
	const sender = 12
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: sender},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 1, K: binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, port))},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// readNotifications runs until the file is closed.
func readNotifications(file *os.File, sock *socket, happened func([]removal, string)) {
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	var n notifications
	for {
		var b []byte
		var got error
		err := raw.Read(func(uintptr) bool {
			b, got = sock.receive(unix.MSG_DONTWAIT)
			return !errors.Is(got, unix.EAGAIN)
		})
		switch {
		case err != nil:
			return
		case errors.Is(got, unix.ENOBUFS):
			happened(nil, "")
		case got == nil:
			n.read(b, happened)
		}
	}
}

// notifications collects the removals of one transaction.
type notifications struct {
	removals []removal
}

func (n *notifications) read(b []byte, happened func([]removal, string)) {
	eachMessage(b, func(typ, _ uint16, _ uint32, body []byte) bool {
		if typ>>8 != unix.NFNL_SUBSYS_NFTABLES || len(body) < genLen {
			return true
		}
		r := removal{tableFamily: familyName(body[0])}
		body = body[genLen:]
		switch int(typ & 0xff) {
		case unix.NFT_MSG_DELTABLE:
			r.what, r.table = "table", cstring(find(body, unix.NFTA_TABLE_NAME))
			r.name = r.table
		case unix.NFT_MSG_DELCHAIN:
			r.what, r.table, r.name = "chain", cstring(find(body, unix.NFTA_CHAIN_TABLE)), cstring(find(body, unix.NFTA_CHAIN_NAME))
		case unix.NFT_MSG_DELSET:
			r.what, r.table, r.name = "set", cstring(find(body, unix.NFTA_SET_TABLE)), cstring(find(body, unix.NFTA_SET_NAME))
		case unix.NFT_MSG_DELRULE:
			r.what, r.table, r.name = "rule", cstring(find(body, unix.NFTA_RULE_TABLE)), cstring(find(body, unix.NFTA_RULE_CHAIN))
		case unix.NFT_MSG_NEWGEN:
			if len(n.removals) > 0 {
				happened(n.removals, cstring(find(body, unix.NFTA_GEN_PROC_NAME)))
				n.removals = nil
			}
			return true
		default:
			return true
		}
		n.removals = append(n.removals, r)
		return true
	})
}

func familyName(number uint8) string {
	for name, n := range tableFamilies {
		if n == number {
			return name
		}
	}
	return ""
}
