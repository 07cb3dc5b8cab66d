package acceptance

import (
	"os/exec"
	"strings"
	"testing"

	"stockade/internal/testenv"
)

// An administrator who is logged in and then fails over and over, or whose
// neighbour behind the same address does, keeps the way in; others do not.
func TestAdministratorWhoIsLoggedInIsNotBanned(t *testing.T) {
	testenv.Need(t, "nft")
	if len(unitFiles()) > 1 {
		testenv.Skip(t, "the strict unit asks systemd-logind, to which this sshd says nothing")
	}
	for _, session := range []struct {
		name string
		args []string
	}{
		{"a command", []string{"sleep", "1000"}},
		{"forwarding only", []string{"-N"}},
	} {
		t.Run(session.name, func(t *testing.T) {
			server, client := testenv.Pair(t)
			client.AddAddr(t, "10.77.0.3/24")
			host := startSSH(t, server)
			in := place(t, stockade(t), server, `[sshd]
enabled = true
backend = polling
maxretry = 2
action = nftables[port=ssh]
logpath = `+host.path("auth.log")+`
`)
			in.start(t)
			stay(t, host, client, session.args)
			for range 4 {
				login(client, client.Addr4, server.Addr4)
			}
			eventually(t, "the administrator is spared", func() bool {
				return strings.Contains(in.log(), "[sshd] Not banned: "+client.Addr4+", because "+client.Addr4+" has an SSH session that was let in (never_admins)")
			})
			for range 2 {
				login(client, "10.77.0.3", server.Addr4)
			}
			eventually(t, "another one is banned", func() bool { return strings.Contains(in.log(), "[sshd] Ban 10.77.0.3") })
			if got := reach(t, client, client.Addr4, server.Addr4); got != "SSH-" {
				t.Errorf("the administrator gets %q from sshd", got)
			}
			in.ask(t, "set", "sshd", "never_admins", "no")
			for range 2 {
				login(client, client.Addr4, server.Addr4)
			}
			eventually(t, "the switch works", func() bool { return strings.Contains(in.log(), "[sshd] Ban "+client.Addr4) })
		})
	}
}

// stay logs in with a key and keeps the session until the test ends.
func stay(t *testing.T, host *sshHost, client *testenv.Netns, args []string) {
	t.Helper()
	key := host.path("id")
	run(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key))
	run(t, exec.Command("cp", key+".pub", host.path("authorized_keys")))
	all := append([]string{
		"-F", "none", "-b", client.Addr4, "-i", key, "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "root@" + host.netn.Addr4,
	}, args...)
	if args[0][0] == '-' {
		all = append(append([]string{args[0]}, all[:len(all)-len(args)]...), args[1:]...)
	}
	cmd := client.Command("ssh", all...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "the login", func() bool { return strings.Contains(host.log(), "Accepted publickey for root") })
}
