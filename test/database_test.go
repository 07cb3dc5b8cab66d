package acceptance

import (
	"os/exec"
)

// sqlite is a session with the database in the shell.
func sqlite(in *instance, sql string) *exec.Cmd {
	return exec.Command("sqlite3", in.path("fail2ban.sqlite3"), ".timeout 5000", sql)
}
