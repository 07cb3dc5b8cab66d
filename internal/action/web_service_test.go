package action

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/config"
	"stockade/internal/pyobj"
	"stockade/internal/testenv"
)

// exchange is a request as a service received it.
type exchange struct {
	Method, Host, Path string
	TLS                bool
	Query              map[string][]string
	Header             map[string]string
	Body               string
}

// webHosts are the hosts that the test's server stands for.
var webHosts = []string{
	"localhost", "api.abuseipdb.com", "www.blocklist.de", "api.ipthreat.net", "api.cloudflare.com", "ns.example", "hook.example",
}

// service is a server of the test's own that stands for any host on the
// Internet, with and without TLS on the same port.
type service struct {
	t      *testing.T
	addr   string
	caFile string

	mu     sync.Mutex
	got    []exchange
	answer func(w http.ResponseWriter, x exchange)
}

// newService starts one. answer may be nil for an empty success.
func newService(t *testing.T, answer func(w http.ResponseWriter, x exchange)) *service {
	t.Helper()
	s := &service{t: t, answer: answer}
	cert := s.certificate("127.0.0.1")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		_ = server.Serve(&eitherListener{listener, &tls.Config{Certificates: []tls.Certificate{cert}}})
	}()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// certificate makes one that signs itself and writes it where clients that
// are to trust it find it.
func (s *service) certificate(host string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)}, DNSNames: webHosts,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.caFile = filepath.Join(s.t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(s.caFile, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// eitherListener speaks TLS with those who begin that way.
type eitherListener struct {
	net.Listener
	config *tls.Config
}

func (l *eitherListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	first, err := r.Peek(1)
	p := &peeked{c, r}
	if err == nil && first[0] == 22 {
		return tls.Server(p, l.config), nil
	}
	return p, nil
}

type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// told are the headers that a service may go by.
var told = []string{
	"Content-Type", "Accept", "Authorization", "Key", "User-Agent", "X-Api-Key", "X-Auth-Email", "X-Auth-Key", "X-NITRO-USER",
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	x := exchange{Method: r.Method, Host: r.Host, TLS: r.TLS != nil, Path: r.URL.Path, Query: r.URL.Query(), Header: map[string]string{}, Body: string(body)}
	for name := range r.Header {
		if slices.Contains(told, name) || strings.HasPrefix(name, "X-") {
			x.Header[name] = r.Header.Get(name)
		}
	}
	s.mu.Lock()
	s.got = append(s.got, x)
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, x)
	}
}

// take hands out what came so far.
func (s *service) take() []exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// programs makes a folder with a curl and a wget that find every host at the
// service, and a mail that keeps what it is given.
func (s *service) programs() string {
	s.t.Helper()
	testenv.Need(s.t, "curl", "perl")
	curl, _ := testenv.Look("curl")
	dir := s.t.TempDir()
	for name, text := range map[string]string{
		"curl":     "exec " + curl + " --connect-to ::" + s.addr + " --insecure \"$@\"",
		"wget":     "for a; do case $a in http*) u=$a;; esac; done\nexec " + curl + " -s -o - --connect-to ::" + s.addr + " --insecure \"$u\"",
		"mail":     "{ printf '%s\\n' \"$@\"; cat; } >> " + dir + "/mailed",
		"sendmail": "{ printf '%s\\n' \"$@\"; cat; } >> " + dir + "/mailed",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// webTicket is a ban with what attackers may put into it.
type webTicket struct {
	IP      string
	Matches []string
	Fields  map[string]string
}

// webDriver runs an action of the reference's for bans and unbans.
const webDriver = `
import json, logging, sys
logging.getLogger("fail2ban").addHandler(logging.NullHandler())
from fail2ban.server.actions import Actions
from fail2ban.server.jail import Jail
from fail2ban.server.ticket import BanTicket
sc = json.load(sys.stdin)
jail = Jail("j", backend="polling")
jail.actions.add("x")
a = jail.actions["x"]
for k, v in sc["Props"]:
    setattr(a, k, v)
a.start()
errors = []
for op in sc["Ops"]:
    t = BanTicket(op["IP"], 1795334628.25, op["Matches"] or [], op["Fields"] or {})
    t.setAttempt(3); t.setBanCount(1); t.setBanTime(600)
    for what in op["Do"]:
        try:
            getattr(a, what)(Actions.ActionInfo(t, jail))
        except Exception as e:
            errors.append("%s %s" % (what, op["IP"]))
a.stop()
json.dump(errors, sys.stdout)
`

type webOp struct {
	webTicket
	Do []string
}

// reference runs an action's commands and tells which operations failed.
func (s *service) reference(root string, props [][2]string, ops []webOp) (failed []string, mailed string) {
	s.t.Helper()
	stdin, err := json.Marshal(map[string]any{"Props": props, "Ops": ops})
	if err != nil {
		s.t.Fatal(err)
	}
	programs := s.programs()
	cmd := exec.Command("/usr/bin/python3", "-c", webDriver)
	cmd.Env = append(testenv.ProgramEnv(root), "PATH="+programs+":/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(out, &failed); err != nil {
		s.t.Fatal(err)
	}
	mail, _ := os.ReadFile(filepath.Join(programs, "mailed"))
	return failed, string(mail)
}

// actionProps reads one action as a jail would, from a folder of configuration.
func actionProps(t *testing.T, actions, spec string) (props [][2]string, src *Source) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(actions, filepath.Join(dir, "action.d")); err != nil {
		t.Fatal(err)
	}
	jails := "[j]\nenabled = true\nfilter =\nbackend = polling\nlogpath = /dev/null\naction = " + spec + "\n"
	for name, text := range map[string]string{"fail2ban.conf": "[Definition]\n", "jail.conf": jails} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := config.Load(config.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	result, err := tree.Stream("", config.Start)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range result.Stream {
		if c.Action != nil {
			src = &Source{Name: c.Action.Name, Digest: c.Action.Digest}
		}
		if len(c.Words) < 5 || c.Words[2] != "action" {
			continue
		}
		if c.Words[0] == "set" {
			props = append(props, [2]string{c.Words[4].(string), pyobj.Str(c.Words[5])})
			continue
		}
		for _, pair := range c.Words[4].([]any) {
			kv := pair.([]any)
			props = append(props, [2]string{kv[0].(string), pyobj.Str(kv[1])})
		}
	}
	if len(props) == 0 {
		t.Fatalf("%s has no properties: %v", spec, result.Findings)
	}
	return props, src
}
