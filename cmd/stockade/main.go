// Command stockade bans addresses that attack. By the names fail2ban-client,
// fail2ban-server and fail2ban-regex it is these programs.
package main

import (
	"os"

	"stockade/internal/cli"
	"stockade/library"
)

func main() { os.Exit(cli.Main(cli.OS(library.Files(), library.Samples()))) }
