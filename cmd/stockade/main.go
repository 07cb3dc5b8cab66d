// Command stockade bans addresses that attack. By the names fail2ban-client,
// fail2ban-server and fail2ban-regex it is these programs.
package main

import (
	"os"
	"runtime"

	"stockade/internal/cli"
	"stockade/library"
)

func main() {
	// A machine without the file is treated like Debian.
	release, _ := os.ReadFile("/etc/os-release")
	files := library.For(library.System(runtime.GOOS, string(release)))
	os.Exit(cli.Main(cli.OS(files, library.Samples())))
}
