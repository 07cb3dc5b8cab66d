package source

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"stockade/internal/testenv"
)

// TestOverlayFileThatIsCopiedUpIsFollowed writes to a file that lay in the
// lower layer when it was opened: overlay file systems then make a copy, and
// whoever had it open goes on seeing the old one.
func TestOverlayFileThatIsCopiedUpIsFollowed(t *testing.T) {
	testenv.Root(t)
	// On a tmpfs: an overlay may not lie on another one.
	base := t.TempDir()
	if err := unix.Mount("stockade", base, "tmpfs", 0, "size=4m"); err != nil {
		testenv.Skip(t, "no file system may be mounted here: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(base, unix.MNT_DETACH) })
	for _, dir := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(base, "lower/x.log"), "one\n")
	merged := filepath.Join(base, "merged")
	options := "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work"
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		testenv.Skip(t, "no overlay file system may be mounted here: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(merged, unix.MNT_DETACH) })
	path := filepath.Join(merged, "x.log")
	l := listen(t, newHub(t, Options{}), path, SubscribeOptions{})
	l.want("one")
	add(t, path, "two\n")
	l.want("two")
	add(t, path, "three\n")
	l.want("three")
	l.settled()
}
