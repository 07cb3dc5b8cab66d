package xtables

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"stockade/internal/ipaddr"
)

// tableInfo is what the kernel says of a table of the old kind (struct
// ipt_getinfo, the same for IPv6).
type tableInfo struct {
	name                  [32]byte
	hooks                 uint32
	entries, underflow    [5]uint32
	numEntries, totalSize uint32
}

// getInfo is IPT_SO_GET_INFO and IP6T_SO_GET_INFO.
const getInfo = 64

// countRules is the number of entries in the table filter of the old kind. It
// costs one system call, so it can be asked every second. A rule that another
// replaced goes unseen.
func countRules(fam ipaddr.Family) (int, bool) {
	domain, level := unix.AF_INET, unix.IPPROTO_IP
	if fam == ipaddr.Inet6 {
		domain, level = unix.AF_INET6, unix.IPPROTO_IPV6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return 0, false
	}
	defer func() { _ = unix.Close(fd) }()
	var info tableInfo
	copy(info.name[:], "filter")
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), getInfo,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return int(info.numEntries), errno == 0
}
