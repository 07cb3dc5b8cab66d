package acceptance

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// syslogRules is where a Debian writes what it is told by its services.
const syslogRules = `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/dev/log" CreatePath="on")
global(workDirectory="/var/spool")
module(load="builtin:omfile" template="RSYSLOG_TraditionalFileFormat")
auth,authpriv.* /var/log/auth.log
mail.* /var/log/mail.log
*.*;auth,authpriv.none /var/log/syslog
`

// startSyslog runs a rsyslogd, a new one each time.
func (s *scratch) startSyslog(t *testing.T) {
	t.Helper()
	s.write(t, "/etc/rsyslog.conf", syslogRules)
	s.must(t, "[ ! -e /run/rsyslogd.pid ] || kill $(cat /run/rsyslogd.pid); while [ -e /run/rsyslogd.pid ]; do sleep 0.01; done; rsyslogd -i /run/rsyslogd.pid")
	eventually(t, "rsyslogd listens", func() bool { _, code := s.sh("logger -p auth.info here"); return code == 0 })
}

// startSSHD runs a sshd that logs through rsyslogd.
func (s *scratch) startSSHD(t *testing.T) {
	t.Helper()
	s.must(t, "rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/scratch")
	s.write(t, "/etc/ssh/sshd_config", `HostKey /etc/ssh/scratch
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
UsePAM no
UseDNS no
`)
	// Before 9.8 there are no penalties to switch off.
	s.must(t, "cd /etc/ssh; (cat sshd_config; echo PerSourcePenalties no) >new; sshd=$(command -v sshd); if $sshd -t -f new; then mv new sshd_config; fi 2>/dev/null; $sshd")
	eventually(t, "sshd listens", func() bool { return strings.Contains(s.read("/var/log/auth.log"), "Server listening on") })
}

// startApache runs a httpd with a place that wants a password.
func (s *scratch) startApache(t *testing.T) {
	t.Helper()
	var modules strings.Builder
	for _, name := range []string{"mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_user", "alias", "cgid"} {
		fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name)
	}
	s.write(t, "/etc/apache2/passwords", "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
	s.write(t, "/var/www/html/index.html", "welcome\n")
	s.write(t, "/etc/apache2/scratch.conf", modules.String()+`
ServerRoot /etc/apache2
ServerName www.example.org
User www-data
Group www-data
Listen 80
PidFile /run/apache2.pid
ScriptSock /run/cgid
LogLevel info
ErrorLog /var/log/apache2/error.log
CustomLog /var/log/apache2/access.log "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""
DocumentRoot /var/www/html
ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/
<Location /private>
AuthType Basic
AuthName x
AuthUserFile /etc/apache2/passwords
Require valid-user
</Location>
`)
	s.daemon(t, "apache2 -f /etc/apache2/scratch.conf -DFOREGROUND")
	s.listening(t, "80")
}

// startExim runs an exim on port 25 that nobody can log in to.
func (s *scratch) startExim(t *testing.T) {
	t.Helper()
	s.user(t, "Debian-exim", 991)
	s.write(t, "/etc/exim4/exim4.conf", `log_file_path = /var/log/exim4/%slog
daemon_smtp_ports = 25
tls_advertise_hosts =
auth_advertise_hosts = *
acl_smtp_rcpt = refuse
host_lookup =
begin acl
refuse:
  deny message = relay not permitted
begin authenticators
plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = false
  server_set_id = $auth2
`)
	s.must(t, "chown -R Debian-exim:Debian-exim /var/log/exim4 /var/spool/exim4")
	s.daemon(t, "exim4 -bdf")
	s.listening(t, "25")
}

// startPostfix runs a postfix on the port for submission, which hands all mail
// to the test's mail server at 127.0.0.1:2525.
func (s *scratch) startPostfix(t *testing.T) {
	t.Helper()
	s.user(t, "postfix", 992)
	s.user(t, "postdrop", 993)
	s.write(t, "/etc/postfix/main.cf", `compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
myhostname = host.example.org
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:2525
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
alias_maps =
alias_database =
`)
	master := "587 inet n - n - - smtpd\n"
	for _, service := range []string{
		"pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
		"flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "relay unix - - n - - smtp",
		"error unix - - n - - error", "retry unix - - n - - error", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "tlsmgr unix - - n 1000? 1 tlsmgr",
	} {
		master += service + "\n"
	}
	s.write(t, "/etc/postfix/master.cf", master)
	for _, name := range []string{"post-install", "postfix-files", "postfix-script"} {
		run(t, exec.Command("cp", "-p", filepath.Join(unpacked(t, layers[0]...), "etc/postfix", name), s.path("/etc/postfix/")))
	}
	s.must(t, "mkdir -p /var/spool/postfix /var/lib/postfix; chown postfix: /var/lib/postfix; postfix start")
	s.listening(t, "587")
}

// user makes a user and a group that a package would make.
func (s *scratch) user(t *testing.T, name string, id int) {
	t.Helper()
	s.must(t, fmt.Sprintf("grep -q ^%[1]s: /etc/group || echo %[1]s:x:%[2]d: >>/etc/group; grep -q ^%[1]s: /etc/passwd || echo %[1]s:x:%[2]d:%[2]d::/nonexistent:/bin/false >>/etc/passwd", name, id))
}

func (s *scratch) listening(t *testing.T, port string) {
	t.Helper()
	eventually(t, "somebody listens on port "+port, func() bool {
		ok := false
		s.netn.Do(t, func() {
			if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
				ok = conn.Close() == nil
			}
		})
		return ok
	})
}

// guard is the scratch machine's address that attackers see.
const guard = "81.2.3.1"

// attacker is an address of the client's.
func (s *scratch) attacker(t *testing.T, last int) string {
	t.Helper()
	addr := fmt.Sprintf("81.2.3.%d", last)
	s.client.AddAddr(t, addr+"/24")
	return addr
}

// dial connects from an attacker's address.
func (s *scratch) dial(t *testing.T, from, port string) (conn net.Conn, err error) {
	t.Helper()
	s.client.Do(t, func() {
		dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err = dialer.Dial("tcp", net.JoinHostPort(guard, port))
	})
	return conn, err
}

// open tells whether a port answers an address.
func (s *scratch) open(t *testing.T, from, port string) bool {
	t.Helper()
	conn, err := s.dial(t, from, port)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// request sends bytes to the web server and reads all its answer.
func (s *scratch) request(t *testing.T, from, text string) {
	t.Helper()
	conn, err := s.dial(t, from, "80")
	if err != nil {
		t.Fatalf("%s is kept out before its time: %v", from, err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = fmt.Fprint(conn, text)
	_, _ = io.Copy(io.Discard, conn)
}

// get asks the web server for a path, as a user with a wrong password if named.
func (s *scratch) get(t *testing.T, from, path, user string) {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+guard+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "close")
	if user != "" {
		req.SetBasicAuth(user, "wrong")
	}
	var text strings.Builder
	if err := req.Write(&text); err != nil {
		t.Fatal(err)
	}
	s.request(t, from, text.String())
}

// smtp has a dialogue with a mail server: it sends a line for each answer.
func (s *scratch) smtp(t *testing.T, from, port string, lines ...string) {
	t.Helper()
	conn, err := s.dial(t, from, port)
	if err != nil {
		t.Fatalf("%s is kept out before its time: %v", from, err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	for _, line := range append(lines, "QUIT") {
		for {
			answer, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if len(answer) < 4 || answer[3] != '-' {
				break
			}
		}
		_, _ = fmt.Fprintf(conn, "%s\r\n", line)
	}
	_, _ = io.Copy(io.Discard, r)
}

// wrongLogin is a try to log in to a mail server.
func wrongLogin() string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00bob\x00wrong"))
}

// logins tries to log in to sshd n times.
func (s *scratch) logins(t *testing.T, from string, n int) {
	t.Helper()
	for range n {
		if said := login(s.client, from, guard); strings.Contains(said, "refused") {
			t.Fatalf("%s is kept out before its time: %s", from, said)
		}
	}
}
