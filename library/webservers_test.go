package library_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// webServer is a real web server on a port of its own.
type webServer struct {
	t       *testing.T
	dir     string
	address string
	cmd     *exec.Cmd
}

// startWebServer runs a command in the foreground, whose configuration and
// logs lie in dir, and waits until it answers.
func startWebServer(t *testing.T, dir, address string, command ...string) *webServer {
	t.Helper()
	s := &webServer{t: t, dir: dir, address: address, cmd: exec.Command(command[0], command[1:]...)}
	var said bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &said, &said
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v\n%s", command[0], err, said.String())
		}
		<-time.After(10 * time.Millisecond)
	}
}

// stop ends the server, which writes all its lines before.
func (s *webServer) stop() {
	if s.cmd.ProcessState == nil {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
	}
}

// get asks for a path, as a user where one is named.
func (s *webServer) get(path, user, password string, headers ...string) {
	s.t.Helper()
	req, err := http.NewRequest("GET", "http://"+s.address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// send writes bytes to the server and waits for its answer.
func (s *webServer) send(text string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, text)
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

// finds counts the lines of a log for which a filter finds the client, and
// reports any other address.
func (s *webServer) finds(log, filter string, params map[string]string, want int) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, log))
	if err != nil {
		s.t.Fatal(err)
	}
	f := openFilter(s.t, filter, params)
	var found []string
	for line := range strings.Lines(string(text)) {
		for _, id := range run(f, strings.TrimRight(line, "\n"), false) {
			if id != "127.0.0.1" {
				s.t.Errorf("%s finds %s in %s", filter, id, line)
			}
			found = append(found, line)
		}
	}
	if len(found) != want {
		s.t.Errorf("%s finds %d lines of %s, not %d:\n%s\nof\n%s", filter, len(found), log, want, strings.Join(found, ""), text)
	}
}

// openDir is a folder that servers may read as another user, too.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// probe asks for what robots look for, in HTTP and in something else.
func (s *webServer) probe() {
	s.get("/wp-login.php", "", "")
	s.get("/phpmyadmin/index.php", "", "")
	s.get("/.env", "", "", "User-Agent", `203.0.113.66 - - "x\`)
	s.get("/favicon.ico", "", "")
	s.send("\x16\x03\x01\x02\x00\x01\x00\n\n")
	s.send("SSH-2.0-Go\r\n")
	s.send("CONNECT mail.example.org:25 HTTP/1.0\r\n\r\n")
}

// TestNginxWritesWhatTheFiltersExpect lets a real nginx write its logs.
func TestNginxWritesWhatTheFiltersExpect(t *testing.T) {
	testenv.Need(t, "nginx")
	nginx, _ := testenv.Look("nginx")
	dir, address := openDir(t), freeAddress(t)
	write(t, filepath.Join(dir, "passwords"), "bob:{PLAIN}secret\n")
	write(t, filepath.Join(dir, "www/index.html"), "")
	write(t, filepath.Join(dir, "nginx.conf"), strings.NewReplacer("DIR", dir, "ADDRESS", address).Replace(`
daemon off; master_process off; pid DIR/pid; error_log DIR/error.log;
events {}
http {
	access_log DIR/access.log combined;
	client_body_temp_path DIR/1; proxy_temp_path DIR/2; fastcgi_temp_path DIR/3; uwsgi_temp_path DIR/4; scgi_temp_path DIR/5;
	limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
	server {
		listen ADDRESS; root DIR/www;
		location /private { auth_basic x; auth_basic_user_file DIR/passwords; }
		location /deny { deny all; }
		location /slow { limit_req zone=one; }
	}
}
`))
	s := startWebServer(t, dir, address, nginx, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"), "-p", dir)
	s.get("/private", "bob", "wrong")
	s.get("/private", "eve", "wrong", "Referer", `x", client: 203.0.113.66, server: y, request: "`)
	s.get("/private", `x", client`, "wrong")
	s.get("/private", "bob", "secret")
	s.get("/private", "", "")
	s.get("/deny", "", "", "Referer", "access forbidden by rule, client: 203.0.113.66, x")
	s.get("/slow", "", "")
	s.get("/slow", "", "")
	s.get("/pma%22%20failed%20(2:%20No%20such%20file%20or%20directory),%20client:%20203.0.113.66,%20x", "", "")
	s.probe()
	s.stop()
	s.finds("error.log", "nginx-http-auth", nil, 3)
	s.finds("error.log", "nginx-forbidden", nil, 1)
	s.finds("error.log", "nginx-limit-req", nil, 1)
	s.finds("error.log", "nginx-botsearch", nil, 2)
	s.finds("access.log", "nginx-botsearch", nil, 2)
	s.finds("access.log", "nginx-bad-request", nil, 3)
	s.finds("access.log", "web-protocol", nil, 3)
	s.finds("access.log", "web-probe", nil, 4)
	s.finds("access.log", "web-flood", nil, 7)
}

// TestApacheWritesWhatTheFiltersExpect lets a real httpd write its logs.
func TestApacheWritesWhatTheFiltersExpect(t *testing.T) {
	testenv.Need(t, "apache2")
	apache, _ := testenv.Look("apache2")
	dir, address := openDir(t), freeAddress(t)
	write(t, filepath.Join(dir, "passwords"), "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
	write(t, filepath.Join(dir, "www/x"), "")
	var modules strings.Builder
	for _, name := range []string{"mpm_event", "authn_core", "authn_file", "auth_basic", "auth_digest", "authz_core", "authz_user", "alias", "cgid"} {
		fmt.Fprintf(&modules, "LoadModule %s_module %s/../lib/apache2/modules/mod_%s.so\n", name, filepath.Dir(apache), name)
	}
	write(t, filepath.Join(dir, "httpd.conf"), modules.String()+strings.NewReplacer("DIR", dir, "ADDRESS", address).Replace(`
ServerRoot DIR
ServerName www.example.com
User www-data
Group www-data
Listen ADDRESS
PidFile DIR/pid
ScriptSock DIR/socket
LogLevel info
ErrorLog DIR/error.log
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
CustomLog DIR/access.log combined
DocumentRoot DIR/www
ScriptAlias /cgi-bin/ DIR/cgi/
<Location /private>
AuthType Basic
AuthName x
AuthUserFile DIR/passwords
Require valid-user
</Location>
<Location /deny>
Require all denied
</Location>
`))
	s := startWebServer(t, dir, address, apache, "-f", filepath.Join(dir, "httpd.conf"), "-DFOREGROUND")
	s.get("/private", "bob", "wrong")
	s.get("/private", "eve", "wrong", "Referer", "[client 203.0.113.66:1] user x not found: /")
	s.get("/private", "x not found: / [client 203.0.113.66", "wrong")
	s.get("/private", "bob", "secret")
	s.get("/deny", "", "")
	s.get("/~root/", "", "")
	s.get("/cgi-bin/luci", "", "")
	s.send("POST /cgi-bin/../../../bin/sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	s.send("XYZ / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	s.probe()
	s.stop()
	s.finds("error.log", "apache-auth", nil, 4)
	s.finds("error.log", "apache-nohome", nil, 1)
	s.finds("error.log", "apache-noscript", nil, 3)
	s.finds("error.log", "apache-overflows", nil, 2)
	s.finds("error.log", "apache-botsearch", map[string]string{"webroot": dir + "/www/"}, 2)
	s.finds("access.log", "web-protocol", nil, 3)
	s.finds("access.log", "web-probe", nil, 5)
}
