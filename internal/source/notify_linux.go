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
	dirEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF |
		unix.IN_ONLYDIR
)

// notifier owns the one inotify descriptor.
type notifier struct {
	queue *os.File
	fd    int
	done  chan struct{}

	mu      sync.Mutex
	watches map[int32]map[*watch]struct{}
}

// watch is one interest in changes.
type watch struct {
	n  *notifier
	wd int32 // -1 when it is over
	// name is what is waited for in a directory, empty for a file.
	name string
	poke func()
}

// newNotifier returns nil where the system gives no inotify.
func newNotifier() *notifier {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	n := &notifier{
		queue: os.NewFile(uintptr(fd), "inotify"), fd: fd, done: make(chan struct{}), watches: map[int32]map[*watch]struct{}{},
	}
	go n.run()
	return n
}

func (n *notifier) close() {
	_ = n.queue.Close()
	<-n.done
}

// file watches an open file, whatever its name is by now.
func (n *notifier) file(f *os.File, poke func()) *watch {
	if w := n.add("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), fileEvents, "", poke); w != nil {
		return w
	}
	return n.add(f.Name(), fileEvents, "", poke)
}

// dir watches for a name in a directory.
func (n *notifier) dir(dir, name string, poke func()) *watch {
	return n.add(dir, dirEvents, name, poke)
}

// add returns nil where the system refuses.
func (n *notifier) add(path string, mask uint32, name string, poke func()) *watch {
	n.mu.Lock()
	defer n.mu.Unlock()
	wd, err := unix.InotifyAddWatch(n.fd, path, mask)
	if err != nil {
		return nil
	}
	w := &watch{n: n, wd: int32(wd), name: name, poke: poke}
	if n.watches[w.wd] == nil {
		n.watches[w.wd] = map[*watch]struct{}{}
	}
	n.watches[w.wd][w] = struct{}{}
	return w
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
		_, _ = unix.InotifyRmWatch(n.fd, uint32(w.wd))
	}
	w.wd = -1
}

// run reads events and wakes those whom they concern.
func (n *notifier) run() {
	defer close(n.done)
	buf := make([]byte, 16<<10)
	for {
		count, err := n.queue.Read(buf)
		if err != nil {
			return
		}
		n.dispatch(buf[:count])
	}
}

func (n *notifier) dispatch(events []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(events) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(events))
		mask := binary.NativeEndian.Uint32(events[4:])
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		if size > len(events) {
			return
		}
		name := bytes.TrimRight(events[unix.SizeofInotifyEvent:size], "\x00")
		events = events[size:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			n.all()
			continue
		}
		n.one(wd, mask, name)
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
		if len(name) > 0 && w.name != string(name) {
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
		if mask&over == 0 {
			_, _ = unix.InotifyRmWatch(n.fd, uint32(wd))
		}
	}
}
