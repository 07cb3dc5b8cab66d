package source

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// fileEvents are all that can mean new lines, or a file that is no longer
	// what it was.
	fileEvents = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
	// dirEvents tell of files that appear under a name, and of directories
	// that go away.
	dirEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF |
		unix.IN_ONLYDIR
)

// notifier owns the one inotify descriptor.
type notifier struct {
	queue *os.File
	done  chan struct{}

	// reading is held while events are read and passed on, so that they keep
	// their order.
	reading sync.Mutex
	buf     []byte
	from    moved

	mu      sync.Mutex
	fd      int // -1 when closed
	watches map[int32]map[*watch]struct{}
}

// moved is the first half of a rename; the second one follows it.
type moved struct {
	wd     int32
	cookie uint32
	name   string
}

// watch is one interest in changes.
type watch struct {
	n  *notifier
	wd int32 // -1 when it is over
	// name is what is waited for in a directory, empty for a file.
	name string
	poke func()
	// renamed is told of all renames within a directory.
	renamed func(from, to string)
}

// newNotifier returns nil where the system gives no inotify.
func newNotifier() *notifier {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	n := &notifier{
		queue: os.NewFile(uintptr(fd), "inotify"), fd: fd, done: make(chan struct{}),
		buf: make([]byte, 16<<10), watches: map[int32]map[*watch]struct{}{},
	}
	go n.run()
	return n
}

func (n *notifier) close() {
	n.mu.Lock()
	n.fd = -1
	n.mu.Unlock()
	_ = n.queue.Close()
	<-n.done
}

// file watches an open file, whatever its name is by now.
func (n *notifier) file(f *os.File, poke func()) *watch {
	w := &watch{poke: poke}
	if n.add("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), fileEvents, w) || n.add(f.Name(), fileEvents, w) {
		return w
	}
	return nil
}

// dir watches for a name in a directory.
func (n *notifier) dir(dir, name string, poke func(), renamed func(from, to string)) *watch {
	w := &watch{name: name, poke: poke, renamed: renamed}
	if n.add(dir, dirEvents, w) {
		return w
	}
	return nil
}

// tree watches everything that happens in a directory.
func (n *notifier) tree(dir string, poke func()) *watch {
	w := &watch{name: everything, poke: poke}
	if n.add(dir, dirEvents|unix.IN_MODIFY|unix.IN_DELETE, w) {
		return w
	}
	return nil
}

// everything is waited for where the name does not matter. No file has it.
const everything = "/"

// add returns false where the system refuses.
func (n *notifier) add(path string, mask uint32, w *watch) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	wd, err := unix.InotifyAddWatch(n.fd, path, mask|unix.IN_MASK_ADD)
	if err != nil {
		return false
	}
	w.n, w.wd = n, int32(wd)
	if n.watches[w.wd] == nil {
		n.watches[w.wd] = map[*watch]struct{}{}
	}
	n.watches[w.wd][w] = struct{}{}
	return true
}

// alive says that changes will be told.
func (w *watch) alive() bool {
	if w == nil {
		return false
	}
	w.n.mu.Lock()
	defer w.n.mu.Unlock()
	return w.wd >= 0
}

func (w *watch) remove() {
	if w == nil {
		return
	}
	n := w.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if w.wd < 0 {
		return
	}
	delete(n.watches[w.wd], w)
	if len(n.watches[w.wd]) == 0 {
		delete(n.watches, w.wd)
		if n.fd >= 0 {
			_, _ = unix.InotifyRmWatch(n.fd, uint32(w.wd))
		}
	}
	w.wd = -1
}

// run reads events and wakes those whom they concern.
func (n *notifier) run() {
	defer close(n.done)
	raw, err := n.queue.SyscallConn()
	if err != nil {
		return
	}
	for raw.Read(func(uintptr) bool { return n.take() }) == nil {
	}
}

// catchUp passes on everything that has happened until now.
func (n *notifier) catchUp() {
	for n.take() {
	}
}

// take reads events, if there are any.
func (n *notifier) take() bool {
	n.reading.Lock()
	defer n.reading.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd < 0 {
		return false
	}
	count, err := unix.Read(n.fd, n.buf)
	if err != nil || count <= 0 {
		return false
	}
	n.dispatch(n.buf[:count])
	return true
}

// dispatch is called with the lock held.
func (n *notifier) dispatch(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(events))
		mask := binary.NativeEndian.Uint32(events[4:])
		cookie := binary.NativeEndian.Uint32(events[8:])
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		if size > len(events) {
			return
		}
		name := bytes.TrimRight(events[unix.SizeofInotifyEvent:size], "\x00")
		events = events[size:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			n.all()
		case mask&unix.IN_MOVED_FROM != 0:
			n.from = moved{wd, cookie, string(name)}
		default:
			if mask&unix.IN_MOVED_TO != 0 && n.from.cookie == cookie && n.from.wd == wd {
				n.rename(wd, n.from.name, string(name))
			}
			n.one(wd, mask, name)
		}
	}
}

func (n *notifier) rename(wd int32, from, to string) {
	for w := range n.watches[wd] {
		if w.renamed != nil {
			w.renamed(from, to)
		}
	}
}

// all wakes everybody: events were lost.
func (n *notifier) all() {
	for _, set := range n.watches {
		for w := range set {
			w.poke()
		}
	}
}

func (n *notifier) one(wd int32, mask uint32, name []byte) {
	const over = unix.IN_IGNORED | unix.IN_UNMOUNT
	for w := range n.watches[wd] {
		if len(name) > 0 && w.name != string(name) && w.name != everything {
			continue
		}
		w.poke()
		if mask&over != 0 || w.name != "" && mask&(unix.IN_MOVE_SELF|unix.IN_DELETE_SELF) != 0 {
			w.wd = -1
			delete(n.watches[wd], w)
		}
	}
	if len(n.watches[wd]) > 0 {
		return
	}
	if _, known := n.watches[wd]; known {
		delete(n.watches, wd)
		if mask&over == 0 && n.fd >= 0 {
			_, _ = unix.InotifyRmWatch(n.fd, uint32(wd))
		}
	}
}
