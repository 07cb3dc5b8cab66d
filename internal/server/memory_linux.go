package server

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseProgram lets go of the pages of the program itself that the start has
// read in: most of them serve nothing but the start. The system reads those
// that are wanted again from the file.
func releaseProgram() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var from, to uintptr
	ours := false
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasSuffix(line, " "+self):
			mode := ""
			n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode)
			ours = n == 3 && strings.HasPrefix(mode, "r-")
		case ours && strings.HasPrefix(line, "Anonymous:"):
			ours = false
			// Only what was never written to is the same in the file. What the
			// system does not take back it keeps.
			if strings.Fields(line)[1] == "0" {
				_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
			}
		}
	}
}
