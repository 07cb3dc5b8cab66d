package acceptance

import (
	"testing"

	"stockade/internal/testenv"
)

// TestArticle follows a well-known article about protecting servers, from
// installing to removing, on a scratch machine that never saw Fail2ban: each
// configuration block, command and promise, in the article's order, under its
// headings. The services are real ones, the attackers too.
//
// What a scratch machine cannot do is replaced by the nearest thing, and said
// where it is done: there is no network to install from, and no systemd (the
// tests of the packages boot a machine for these).
func TestArticle(t *testing.T) {
	if len(unitFiles()) > 0 {
		testenv.Skip(t, "a machine made of namespaces has no systemd")
	}
	s := newScratch(t)
	s.netn.AddAddr(t, guard+"/24")
	s.startSyslog(t)
	s.startSSHD(t)
	for _, chapter := range []struct {
		heading string
		follow  func(*testing.T, *scratch)
	}{
		{"Two ways to install", followInstall},
		{"What is Fail2ban", followIntroduction},
		{"Basic configuration", followBasics},
		{"Time Abbreviation Formats", followTimes},
		{"Advanced configuration", followAdvanced},
		{"Protecting other services", followServices},
		{"Adding custom regexes", followRegexes},
		{"Notification with mail", followMail},
		{"Reporting bad IPs", followReports},
		{"Unban banned IPs manually", followUnban},
		{"Reset F2B logs and database", followReset},
		{"How to uninstall Fail2ban", followUninstall},
	} {
		if !t.Run(chapter.heading, func(t *testing.T) { chapter.follow(t, s) }) {
			t.Logf("the server's log:\n%s", short(s.log()))
		}
	}
}
