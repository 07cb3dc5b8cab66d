package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	// sendBuffer holds the largest transaction: the replacement of a set with a
	// million elements. The kernel takes the memory only when it is needed.
	sendBuffer = 64 << 20
	// receiveBuffer holds what the kernel says about one transaction.
	receiveBuffer = 4 << 20
	// dumpBuffer is the largest piece in which the kernel sends a listing.
	dumpBuffer = 256 << 10
)

// refusal is the kernel's no.
type refusal struct {
	errno unix.Errno
	// text is the kernel's own explanation, often empty.
	text string
	// whole is true where the kernel refused the transaction as such, not one
	// of its messages.
	whole bool
}

func (r *refusal) Error() string {
	if r.text != "" {
		return fmt.Sprintf("the kernel refused: %s (%s)", r.errno.Error(), r.text)
	}
	return "the kernel refused: " + r.errno.Error()
}

func (r *refusal) Unwrap() error { return r.errno }

// socket is one netlink socket of netfilter. The kernel works on a request
// while it is being sent, so the answer is there when send returns.
type socket struct {
	fd  int
	buf []byte
}

// dial opens a socket of netfilter in a network namespace (0: this one).
func dial(netns int) (*socket, error) { return dialFor(netns, unix.NETLINK_NETFILTER) }

func dialFor(netns, protocol int) (*socket, error) {
	type result struct {
		fd  int
		err error
	}
	done := make(chan result, 1)
	go func() {
		// The thread stays locked: it ends with the goroutine if it went to
		// another namespace.
		runtime.LockOSThread()
		if netns != 0 {
			if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
				done <- result{err: fmt.Errorf("enter the network namespace: %w", err)}
				return
			}
		} else {
			defer runtime.UnlockOSThread()
		}
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		done <- result{fd, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", r.err)
	}
	s := &socket{fd: r.fd, buf: make([]byte, dumpBuffer)}
	if err := s.prepare(); err != nil {
		_ = unix.Close(r.fd)
		return nil, err
	}
	return s, nil
}

func (s *socket) prepare() error {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	// Without these two the kernel explains less; it works all the same.
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("bind the netlink socket: %w", err)
	}
	return nil
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// port is the number by which the kernel names this socket to others.
func (s *socket) port() uint32 {
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return 0
	}
	if nl, ok := name.(*unix.SockaddrNetlink); ok {
		return nl.Pid
	}
	return 0
}

// send hands messages to the kernel.
func (s *socket) send(b []byte) error {
	s.drain()
	for {
		err := unix.Sendto(s.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("send to the kernel: %w", err)
		}
		return nil
	}
}

// drain throws away what an earlier, broken exchange left behind.
func (s *socket) drain() {
	for {
		if _, err := s.receive(unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

// receive returns the next datagram; it is valid until the next call.
func (s *socket) receive(flags int) ([]byte, error) {
	for {
		n, _, recvflags, _, err := unix.Recvmsg(s.fd, s.buf, nil, flags)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case recvflags&unix.MSG_TRUNC != 0:
			return nil, errors.New("the kernel's answer is longer than expected")
		}
		return s.buf[:n], nil
	}
}

// transact sends a batch and reads the kernel's answer to it. last is the
// sequence number of the message that asked for an acknowledgement.
func (s *socket) transact(b []byte, first, last uint32) error {
	if err := s.send(b); err != nil {
		return err
	}
	var refused *refusal
	acknowledged := false
	for {
		answer, err := s.receive(unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the kernel's answer: %w", err)
		}
		eachMessage(answer, func(typ uint16, flags uint16, seq uint32, body []byte) bool {
			if typ != unix.NLMSG_ERROR {
				return true
			}
			r := decodeError(flags, body)
			if r == nil {
				acknowledged = acknowledged || seq == last
				return true
			}
			if r.whole = seq == first; refused == nil || r.whole {
				refused = r
			}
			return true
		})
	}
	if refused != nil {
		return refused
	}
	if !acknowledged {
		return errors.New("the kernel did not answer")
	}
	return nil
}

// ask sends questions and calls f for each answer: with a refusal, or with nil
// where the kernel has what was asked for.
func (s *socket) ask(b []byte, f func(seq uint32, refused *refusal) error) error {
	if err := s.send(b); err != nil {
		return err
	}
	var failed error
	for {
		answer, err := s.receive(unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return failed
		}
		if err != nil {
			return fmt.Errorf("read the kernel's answer: %w", err)
		}
		eachMessage(answer, func(typ, flags uint16, seq uint32, body []byte) bool {
			var refused *refusal
			if typ == unix.NLMSG_ERROR {
				refused = decodeError(flags, body)
			}
			if err := f(seq, refused); err != nil {
				failed = err
			}
			return true
		})
	}
}

// dump sends a listing request of netfilter and calls f for every message of the
// answer, without the general head.
func (s *socket) dump(b []byte, f func(body []byte)) error {
	return s.listing(b, func(body []byte) {
		if len(body) >= genLen {
			f(body[genLen:])
		}
	})
}

// listing sends a listing request and calls f for every message of the answer.
// errInterrupted says that the listing changed while it was read.
func (s *socket) listing(b []byte, f func(body []byte)) error {
	if err := s.send(b); err != nil {
		return err
	}
	interrupted := false
	for {
		answer, err := s.receive(0)
		if err != nil {
			return fmt.Errorf("read the kernel's listing: %w", err)
		}
		var refused error
		done := false
		eachMessage(answer, func(typ uint16, flags uint16, _ uint32, body []byte) bool {
			interrupted = interrupted || flags&unix.NLM_F_DUMP_INTR != 0
			switch typ {
			case unix.NLMSG_ERROR:
				done = true
				if r := decodeError(flags, body); r != nil {
					refused = r
				}
			case unix.NLMSG_DONE:
				done = true
				if len(body) >= 4 && int32(binary.NativeEndian.Uint32(body)) < 0 {
					refused = &refusal{errno: unix.Errno(-int32(binary.NativeEndian.Uint32(body)))}
				}
			default:
				if !interrupted {
					f(body)
				}
			}
			return !done
		})
		switch {
		case refused != nil:
			return refused
		case done && interrupted:
			return errInterrupted
		case done:
			return nil
		}
	}
}

// eachMessage walks the netlink messages of a datagram.
func eachMessage(b []byte, f func(typ, flags uint16, seq uint32, body []byte) bool) {
	for len(b) >= headerLen {
		n := int(binary.NativeEndian.Uint32(b))
		if n < headerLen || n > len(b) {
			return
		}
		typ, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
		if !f(typ, flags, binary.NativeEndian.Uint32(b[8:]), b[headerLen:n]) {
			return
		}
		b = b[min(align4(n), len(b)):]
	}
}

// decodeError reads an error message; nil is an acknowledgement.
func decodeError(flags uint16, body []byte) *refusal {
	if len(body) < 4 {
		return &refusal{errno: unix.EBADMSG}
	}
	code := int32(binary.NativeEndian.Uint32(body))
	if code == 0 {
		return nil
	}
	r := &refusal{errno: unix.Errno(-code)}
	if flags&unix.NLM_F_ACK_TLVS == 0 || len(body) < 4+headerLen {
		return r
	}
	rest := body[4+headerLen:]
	if flags&unix.NLM_F_CAPPED == 0 {
		if n := int(binary.NativeEndian.Uint32(body[4:])); n >= headerLen && n-headerLen <= len(rest) {
			rest = rest[min(align4(n-headerLen), len(rest)):]
		}
	}
	r.text = cstring(find(rest, unix.NLMSGERR_ATTR_MSG))
	return r
}
