package library_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"stockade/library"
)

// names is a stand-in for getent, which asks the name servers.
const names = `#!/bin/sh
case "$1 $2" in
"hosts 66.249.66.1") echo "66.249.66.1  crawl-66-249-66-1.googlebot.com" ;;
"ahosts crawl-66-249-66-1.googlebot.com") echo "66.249.66.1  STREAM crawl-66-249-66-1.googlebot.com" ;;
"hosts 2001:4860::1") echo "2001:4860::1  Rate-Limited-Proxy.Google.com" ;;
"ahosts rate-limited-proxy.google.com") echo "2001:4860::1  STREAM x" ;;
"hosts 192.0.2.1") echo "192.0.2.1  googlebot.com.example.org" ;;
"hosts 192.0.2.2") echo "192.0.2.2  crawl-66-249-66-1.googlebot.com" ;;
"hosts 192.0.2.3") echo "192.0.2.3  notgooglebot.com" ;;
"hosts 192.0.2.4") echo '192.0.2.4  $(id).googlebot.com' ;;
*) exit 2 ;;
esac
`

func TestOnlyGooglesOwnAddressesAreLetThrough(t *testing.T) {
	script, err := fs.ReadFile(library.Files(), "filter.d/ignorecommands/apache-fakegooglebot")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "script")
	write(t, path, string(script))
	write(t, filepath.Join(dir, "getent"), names)
	if err := os.Chmod(filepath.Join(dir, "getent"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		why, address string
		status       int
	}{
		{"its name leads back to it", "66.249.66.1", 0},
		{"so does one of version 6, in capitals", "2001:4860::1", 0},
		{"the name only begins like Google's", "192.0.2.1", 1},
		{"the name is Google's, but leads elsewhere", "192.0.2.2", 1},
		{"the domain only ends like Google's", "192.0.2.3", 1},
		{"the name is no name", "192.0.2.4", 1},
		{"it has no name", "192.0.2.5", 1},
		{"it is no address", "x;id", 2},
		{"there is none", "", 2},
	} {
		cmd := exec.Command("sh", path, test.address)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != test.status {
			t.Errorf("%q, since %s: status %d, not %d", test.address, test.why, got, test.status)
		}
	}
}
