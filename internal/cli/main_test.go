package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"stockade/library"
)

// program makes the test binary one of the programs: it is started by their
// names, by scripts and by itself when a server goes into the background.
func program() { os.Exit(Main(OS(library.Files(), library.Samples()))) }

// programs are the names that the test binary answers to.
var programs = []string{"stockade", "fail2ban-client", "fail2ban-server", "fail2ban-regex"}

func TestMain(m *testing.M) {
	all := map[string]func(){}
	for _, name := range programs {
		all[name] = program
	}
	testscript.Main(m, all)
}
