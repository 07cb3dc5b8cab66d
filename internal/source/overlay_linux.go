package source

import (
	"os"

	"golang.org/x/sys/unix"
)

// onOverlay says that a file lies on an overlay file system.
func onOverlay(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Type == unix.OVERLAYFS_SUPER_MAGIC
}
