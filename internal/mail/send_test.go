package mail_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/mail"
	"stockade/internal/mail/mailtest"
	"stockade/internal/testenv"
)

func TestServerGetsTheMessage(t *testing.T) {
	for name, tt := range map[string]struct {
		sink   mailtest.Options
		server mail.Server
		tls    bool
		authed bool
		fails  string
		again  bool
	}{
		"plain":                          {},
		"TLS is taken where offered":     {sink: mailtest.Options{TLS: true}, tls: true},
		"no TLS is wanted":               {sink: mailtest.Options{TLS: true}, server: mail.Server{Security: mail.Clear}},
		"TLS is missing":                 {server: mail.Server{Security: mail.StartTLS}, fails: "does not offer STARTTLS", again: true},
		"certificate is bad":             {sink: mailtest.Options{TLS: true}, server: mail.Server{Security: mail.StartTLS}, fails: "certificate"},
		"certificate does not matter":    {sink: mailtest.Options{TLS: true}, server: mail.Server{Security: mail.StartTLS, Unverified: true}, tls: true},
		"a password needs a certificate": {sink: mailtest.Options{TLS: true, Login: "u:p"}, server: mail.Server{User: "u", Password: "p"}, fails: "certificate"},
		"login":                          {sink: mailtest.Options{TLS: true, Login: "u:p"}, server: mail.Server{User: "u", Password: "p", Unverified: true}, tls: true, authed: true},
		"login by the old method":        {sink: mailtest.Options{Login: "u:p", Methods: "LOGIN"}, server: mail.Server{User: "u", Password: "p"}, authed: true},
		"unknown method":                 {sink: mailtest.Options{Login: "u:p", Methods: "GSSAPI"}, server: mail.Server{User: "u", Password: "p"}, fails: "neither PLAIN nor LOGIN", again: true},
		"wrong password":                 {sink: mailtest.Options{Login: "u:p"}, server: mail.Server{User: "u", Password: "x"}, fails: "log in as u: 535"},
		"refused":                        {sink: mailtest.Options{Reply: answers("MAIL", "550 not you")}, fails: `550 "not you"`},
		"busy":                           {sink: mailtest.Options{Reply: answers("RCPT", "451 later")}, fails: `recipient a@x: 451 "later"`, again: true},
		"text refused":                   {sink: mailtest.Options{Reply: answers(".", "554 spam")}, fails: `554 "spam"`},
	} {
		t.Run(name, func(t *testing.T) {
			sink := mailtest.NewSink(t, tt.sink)
			tt.server.Addr = sink.Addr
			tt.server.Hello = "host.example"
			err := tt.server.Send(t.Context(), "root@host", []string{"a@x", "b@y"}, message().Bytes())
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || mail.Temporary(err) != tt.again {
					t.Fatalf("%v, temporary %v", err, mail.Temporary(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := sink.Messages()
			if len(got) != 1 || got[0].From != "root@host" || strings.Join(got[0].To, " ") != "a@x b@y" ||
				got[0].Hello != "host.example" || got[0].TLS != tt.tls || got[0].Authed != tt.authed {
				t.Fatalf("%+v", got)
			}
			if text := mailtest.Open(t, got[0].Raw).Text; text != "hello\n" {
				t.Errorf("%q", text)
			}
		})
	}
}

func answers(command, reply string) func(string) string {
	return func(got string) string {
		if strings.HasPrefix(got, command) {
			return reply
		}
		return ""
	}
}

func TestOneRefusedRecipientDoesNotKeepTheMailFromOthers(t *testing.T) {
	sink := mailtest.NewSink(t, mailtest.Options{Reply: answers("RCPT TO:<a@x>", "451 unknown")})
	err := mail.Server{Addr: sink.Addr}.Send(t.Context(), "root@host", []string{"a@x", "b@y"}, message().Bytes())
	if err == nil || !strings.Contains(err.Error(), `a@x: 451 "unknown"`) || mail.Temporary(err) {
		t.Error(err)
	}
	if got := sink.Messages(); len(got) != 1 || strings.Join(got[0].To, " ") != "b@y" {
		t.Errorf("%+v", got)
	}
}

func TestPasswordStaysOffTheOpenNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		testenv.Skip(t, "there is no IPv6 here")
	}
	sink := mailtest.NewSink(t, mailtest.Options{Login: "u:p", Listener: l})
	// This machine under a name that does not tell.
	server := mail.Server{Addr: strings.Replace(sink.Addr, "]", "%lo]", 1), User: "u", Password: "p"}
	if err := server.Send(t.Context(), "root@host", []string{"a@x"}, message().Bytes()); err == nil || mail.Temporary(err) {
		t.Error(err)
	}
	if got := sink.Messages(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSilentServerEndsWithTheContext(t *testing.T) {
	hold := make(chan struct{})
	sink := mailtest.NewSink(t, mailtest.Options{Reply: func(string) string { <-hold; return "" }})
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := mail.Server{Addr: sink.Addr}.Send(ctx, "root@host", []string{"a@x"}, message().Bytes())
	if err == nil || !mail.Temporary(err) {
		t.Error(err)
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sendmail")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestProgramGetsMessageAndArguments(t *testing.T) {
	dir := t.TempDir()
	name := script(t, `cat > `+dir+`/in; printf '%s\n' "$@" > `+dir+`/args`)
	if err := (mail.Program{Argv: []string{name, "-f", "$(id)`id`;", "a b"}}).Send(t.Context(), "", nil, []byte("text\n")); err != nil {
		t.Fatal(err)
	}
	in, _ := os.ReadFile(filepath.Join(dir, "in"))
	args, _ := os.ReadFile(filepath.Join(dir, "args"))
	if string(in) != "text\n" || string(args) != "-f\n$(id)`id`;\na b\n" {
		t.Errorf("%q %q", in, args)
	}
}

func TestFailingProgramSaysWhy(t *testing.T) {
	name := script(t, "echo 'queue is full' >&2; exit 75")
	err := (mail.Program{Argv: []string{name}}).Send(t.Context(), "", nil, []byte(strings.Repeat("x", 1<<20)))
	if err == nil || !strings.Contains(err.Error(), "exit status 75: queue is full") || !mail.Temporary(err) {
		t.Error(err)
	}
	err = (mail.Program{Argv: []string{"/nosuch/sendmail"}}).Send(t.Context(), "", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// A program that hangs, shouts and forks is gone with its children when its
// time is over.
func TestHangingProgramIsGoneWithItsChildren(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	name := script(t, "trap '' TERM; sleep 1000 & echo $! > "+pid+".new; mv "+pid+".new "+pid+"; yes")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mail.Program{Argv: []string{name}}.Send(ctx, "", nil, nil) }()
	child := 0
	for child == 0 {
		text, _ := os.ReadFile(pid)
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	for deadline := time.Now().Add(20 * time.Second); running(child); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child is still there")
		}
	}
}

// running tells whether a process is there and no zombie.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
