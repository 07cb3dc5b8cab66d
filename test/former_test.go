package acceptance

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// TestSetsOfAFormerJailGoOnceTheyAreEmpty takes a jail out of the configuration
// while the server is away.
func TestSetsOfAFormerJailGoOnceTheyAreEmpty(t *testing.T) {
	testenv.Need(t, "nft")
	if !testenv.Full() {
		testenv.Skip(t, "takes a minute: only in make compare")
	}
	t.Parallel()
	const second = "[second]\nenabled = true\nfilter = sshd\nbantime = 1h\nlogpath = DIR/auth.log\n"
	in := place(t, stockade(t), testenv.NewNetns(t), restartJail+second)
	in.write(t, "auth.log", "")
	in.start(t)
	in.ask(t, "set", "sshd", "banip", "192.0.2.1")
	in.ask(t, "set", "second", "banip", "192.0.2.2")
	in.signal(t, syscall.SIGTERM)
	in.write(t, "etc/jail.local", restartJail)
	in.start(t)
	rules := func() string { return in.netn.Run(t, "nft", "list", "ruleset") }
	if !strings.Contains(rules(), "@addr-set-second") {
		t.Fatal("there is nothing to be removed")
	}
	if !until(3*time.Minute, func() bool { return !strings.Contains(rules(), "addr-set-second") }) {
		t.Errorf("the kernel still holds\n%s", rules())
	}
	if !strings.Contains(in.log(), "Removed addr-set-second, as there is no jail second any more") {
		t.Errorf("the log does not say so:\n%s", in.log())
	}
	if got := elements(in, "addr-set-sshd"); len(got) != 1 || got[0] != "192.0.2.1" {
		t.Errorf("the other jail's set holds %v", got)
	}
}
