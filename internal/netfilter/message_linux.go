package netfilter

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// message builds netlink messages of nftables, one after the other in one
// buffer. Lengths are filled in when a message or nest ends.
type message struct {
	b     []byte
	start int // of the current netlink message
	seq   uint32
}

const (
	headerLen = unix.SizeofNlMsghdr
	// genLen is the length of the nfgenmsg behind the netlink header.
	genLen  = 4
	attrLen = 4
)

func align4(n int) int { return (n + 3) &^ 3 }

// reset empties the buffer. Sequence numbers go on.
func (m *message) reset() { m.b = m.b[:0] }

// begin starts a message of any netfilter type.
func (m *message) begin(typ uint16, flags uint16, family uint8, resource uint16) {
	m.seq++
	m.start = len(m.b)
	m.b = append(m.b, 0, 0, 0, 0)
	m.b = binary.NativeEndian.AppendUint16(m.b, typ)
	m.b = binary.NativeEndian.AppendUint16(m.b, flags|unix.NLM_F_REQUEST)
	m.b = binary.NativeEndian.AppendUint32(m.b, m.seq)
	m.b = append(m.b, 0, 0, 0, 0)
	m.b = append(m.b, family, unix.NFNETLINK_V0)
	m.b = binary.BigEndian.AppendUint16(m.b, resource)
}

// nft starts a message of nftables.
func (m *message) nft(typ int, flags uint16, family uint8) {
	m.begin(unix.NFNL_SUBSYS_NFTABLES<<8|uint16(typ), flags, family, 0)
}

// end completes the current message.
func (m *message) end() {
	binary.NativeEndian.PutUint32(m.b[m.start:], uint32(len(m.b)-m.start))
}

// attr appends an attribute with its padding.
func (m *message) attr(typ uint16, data []byte) {
	m.head(typ, len(data))
	m.b = append(m.b, data...)
	m.pad()
}

func (m *message) head(typ uint16, n int) {
	m.b = binary.NativeEndian.AppendUint16(m.b, uint16(attrLen+n))
	m.b = binary.NativeEndian.AppendUint16(m.b, typ)
}

func (m *message) pad() {
	for len(m.b)%4 != 0 {
		m.b = append(m.b, 0)
	}
}

// text appends a string, ended by a zero byte.
func (m *message) text(typ uint16, s string) {
	m.head(typ, len(s)+1)
	m.b = append(append(m.b, s...), 0)
	m.pad()
}

func (m *message) u32(typ uint16, v uint32) {
	m.head(typ, 4)
	m.b = binary.BigEndian.AppendUint32(m.b, v)
}

func (m *message) u64(typ uint16, v uint64) {
	m.head(typ, 8)
	m.b = binary.BigEndian.AppendUint64(m.b, v)
}

// nest opens a nested attribute; unnest closes it with what nest returned.
func (m *message) nest(typ uint16) int {
	at := len(m.b)
	m.head(typ|unix.NLA_F_NESTED, 0)
	return at
}

func (m *message) unnest(at int) {
	binary.NativeEndian.PutUint16(m.b[at:], uint16(len(m.b)-at))
}

// attrs calls f for each attribute in b, with the nested flag taken off the
// type. A broken attribute ends the walk and gives false.
func attrs(b []byte, f func(typ uint16, data []byte)) bool {
	for len(b) >= attrLen {
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrLen || n > len(b) {
			return false
		}
		f(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[attrLen:n])
		b = b[min(align4(n), len(b)):]
	}
	return true
}

// find returns one attribute's data, nil if it is not there.
func find(b []byte, typ uint16) (found []byte) {
	attrs(b, func(t uint16, data []byte) {
		if t == typ && found == nil {
			found = data
		}
	})
	return found
}

// cstring takes the zero byte off a string attribute.
func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

func beU32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func beU64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
