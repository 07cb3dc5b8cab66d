package action

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/clock"
	"stockade/internal/mail/mailtest"
	"stockade/internal/ticket"
)

func TestLogLinesAreThoseWithTheWord(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	writeText(t, a, "x 1.2.3.4\n11.2.3.4\n1.2.3.45\n1.2.3.4_\nfrom=1.2.3.4:22\né1.2.3.4\n[1.2.3.4]\r\n"+strings.Repeat("y", maxLogLine)+" 1.2.3.4\n1.2.3.4")
	writeText(t, b, "last 1.2.3.4\n\xff 1.2.3.4\n")
	for _, tt := range []struct {
		path  string
		limit int
		want  string
	}{
		{a, 100, "x 1.2.3.4|from=1.2.3.4:22|[1.2.3.4]|1.2.3.4"},
		{a, 2, "x 1.2.3.4|from=1.2.3.4:22"},
		{dir + "/[ab]", 1, b + ":last 1.2.3.4"},
		{a + "\n  " + b, 3, a + ":[1.2.3.4]|" + b + ":last 1.2.3.4|" + b + ":\uFFFD 1.2.3.4"},
		{"/dev/null", 5, ""},
		{"/dev/zero", 5, ""},
	} {
		lines, err := logLines(t.Context(), tt.path, "1.2.3.4", tt.limit)
		if got := strings.Join(lines, "|"); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v", tt.path, got, err)
		}
	}
	if lines, err := logLines(t.Context(), "/nosuch/log", "1.2.3.4", 5); err == nil || lines != nil {
		t.Errorf("%v %v", lines, err)
	}
}

func TestAbuseContactsGetTheirMail(t *testing.T) {
	for _, kind := range []string{"complain", "xarf-login-attack"} {
		sink := mailtest.NewSink(t, mailtest.Options{})
		log := filepath.Join(t.TempDir(), "log")
		writeText(t, log, "line of 81.2.3.4\n")
		a := newAbuseMail(parts{
			env: &Env{Jail: "j", Clock: clock.Real(), Merged: func(*ticket.Ticket, bool) (Merged, error) {
				return Merged{Matches: hostileLines}, nil
			}}, name: "x", kind: kind, props: newProperties(),
		}).(*abuseMail)
		asked := ""
		a.lookup = func(_ context.Context, name string) ([]string, error) {
			asked = name
			return []string{"abuse@net.example,second@net.example", "-Xevil@x", "a@b;id", "abuse@net.example"}, nil
		}
		for name, value := range map[string]any{"smtp": sink.Addr, "smtp_tls": "no", "logpath": log, "service": "sshd\nX: y"} {
			if err := a.props.set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		var r Result
		a.apply(Ban, []*ticket.Ticket{attack()}, []*Result{&r})
		if r.Err != nil || asked != "4.3.2.81.abuse-contacts.abusix.org" {
			t.Fatal(r.Err, asked)
		}
		m := sink.Messages()[0]
		o := mailtest.Open(t, m.Raw)
		if strings.Join(m.To, " ") != "abuse@net.example second@net.example" || !strings.Contains(o.Text, "from the address 81.2.3.4") {
			t.Errorf("%v\n%s", m.To, o.Text)
		}
		if kind == "complain" {
			if o.Subject != "Abuse from 81.2.3.4" || !strings.Contains(o.Text, "\nline of 81.2.3.4\n") {
				t.Errorf("%s\n%s", o.Subject, o.Text)
			}
			continue
		}
		report := o.Parts["report.txt"]
		for _, want := range []string{"Report-Type: login-attack\n", "Source: 81.2.3.4\n", "Service: sshd X: y\n", "Occurrences: 3\n"} {
			if !strings.Contains(report, want) {
				t.Errorf("%q is not in\n%s", want, report)
			}
		}
		if !strings.Contains(o.Parts["logfile.log"], "~!touch MARK\n~r /etc/passwd\n.\n") {
			t.Errorf("%q", o.Parts["logfile.log"])
		}
		a.lookup = func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }
		r = Result{}
		a.apply(Ban, []*ticket.Ticket{attack()}, []*Result{&r})
		if !r.skip || r.Err != nil {
			t.Errorf("without a contact: %+v", r)
		}
		a.lookup = func(context.Context, string) ([]string, error) { return nil, errors.New("no DNS") }
		r = Result{}
		a.apply(Ban, []*ticket.Ticket{attack()}, []*Result{&r})
		if r.again == nil {
			t.Errorf("without a DNS: %+v", r)
		}
	}
}

func TestNetworksAreAskedAboutByTheirFirstAddress(t *testing.T) {
	addr, ok := asked(tick("81.2.3.0/24").ID)
	if _, raw := asked(tick("some-user").ID); !ok || addr != netip.MustParseAddr("81.2.3.0") || raw {
		t.Error(addr, ok, raw)
	}
}
