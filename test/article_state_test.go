package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// reportSettings go under [sshd]. As printed, the last line lacks its bracket.
const reportSettings = `action_abuseipdb = abuseipdb
action = %(action_)s
         %(action_abuseipdb)s[abuseipdb_apikey="YOUR.API.KEY", abuseipdb_category="18,22"`

// ownReport is the command that the article has its readers write into
// abuseipdb.conf, with a comment of their own.
const ownReport = `actionban = curl --tlsv1.0 --fail 'https://api.abuseipdb.com/api/v2/report' \
    -H 'Accept: application/json' \
    -H 'Key: <abuseipdb_apikey>' \
    --data-urlencode 'ip=<ip>' \
    --data-urlencode 'comment=F2B blocked SSH BF' \
    --data 'categories=<abuseipdb_category>'

`

// report is what the service got.
type report struct {
	path, key string
	form      url.Values
}

// followReports reports to a service of the test that has the real one's name
// and a certificate that the scratch machine trusts.
func followReports(t *testing.T, s *scratch) {
	reports := s.abuseService(t)
	withReport := strings.Replace(basicJails, "[sshd]\n", "[sshd]\n"+reportSettings, 1)
	s.write(t, jailLocal, strings.Replace(withReport, "enabled = true", "\nenabled = true", 1))
	out, code := s.sh("stockade check")
	if code == 0 || !strings.Contains(out, jailLocal+":") || !strings.Contains(out, "]") {
		t.Errorf("check says of the open bracket (exit %d)\n%s", code, out)
	}
	// The open bracket costs the report, not the ban.
	s.sh("fail2ban-client restart")
	unreported := s.attacker(t, 100)
	s.failures(t, unreported, 5)
	s.kept22(t, unreported)

	s.write(t, jailLocal, strings.Replace(withReport, "enabled = true", "]\nenabled = true", 1))
	s.must(t, "fail2ban-client restart")
	attacker := s.attacker(t, 101)
	s.failures(t, attacker, 5)
	s.kept22(t, attacker)
	got := next(t, reports, attacker)
	if got.path != "/api/v2/report" || got.key != "YOUR.API.KEY" || got.form.Get("ip") != attacker || got.form.Get("categories") != "18,22" {
		t.Errorf("the report is %+v", got)
	}

	const file = "/etc/fail2ban/action.d/abuseipdb.conf"
	stock := s.read(file)
	s.write(t, file, regexp.MustCompile(`(?s)actionban = .*?\n\n`).ReplaceAllLiteralString(stock, ownReport))
	s.must(t, "fail2ban-client restart")
	attacker = s.attacker(t, 102)
	s.failures(t, attacker, 5)
	s.kept22(t, attacker)
	got = next(t, reports, attacker)
	if got.key != "YOUR.API.KEY" || got.form.Get("ip") != attacker || got.form.Get("categories") != "18,22" || got.form.Get("comment") != "F2B blocked SSH BF" {
		t.Errorf("with a comment of the user's, the report is %+v", got)
	}
	s.write(t, file, stock)
}

// next waits for the report of an attacker.
func next(t *testing.T, reports <-chan report, attacker string) report {
	t.Helper()
	eventually(t, "a report of "+attacker, func() bool { return len(reports) > 0 })
	return <-reports
}

// abuseService takes reports until the test ends.
func (s *scratch) abuseService(t *testing.T) <-chan report {
	t.Helper()
	const name = "api.abuseipdb.com"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.must(t, "mkdir -p /etc/ssl/certs")
	s.add(t, "/etc/ssl/certs/ca-certificates.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.add(t, "/etc/hosts", "127.0.0.1 "+name+"\n")
	reports := make(chan report, 100)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			reports <- report{r.URL.Path, r.Header.Get("Key"), r.PostForm}
			_, _ = w.Write([]byte(`{"data":{}}`))
		}),
	}
	l := s.at(t, "127.0.0.1:443")
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return reports
}

// followUnban lets somebody in again, who asks for it from another address.
func followUnban(t *testing.T, s *scratch) {
	s.write(t, jailLocal, basicJails)
	s.must(t, "fail2ban-client restart")
	me := s.attacker(t, 110)
	s.failures(t, me, 5)
	s.kept22(t, me)
	s.says(t, "fail2ban-client set sshd unbanip "+me, "1")
	if !s.open(t, me, "22") {
		t.Error("after unbanip the address is still kept out")
	}
	s.says(t, "fail2ban-client set sshd unbanip "+me, "0")
	s.says(t, "fail2ban-client set sshd unbanip 192.0.2.77", "0")
}

const (
	databaseFile = "/var/lib/fail2ban/fail2ban.sqlite3"
	logFile      = "/var/log/fail2ban.log"
)

// followReset looks at what a restart, the log, and the database keep.
func followReset(t *testing.T, s *scratch) {
	ips := []string{s.attacker(t, 120), s.attacker(t, 121), s.attacker(t, 122)}
	s.must(t, "fail2ban-client set sshd banip "+strings.Join(ips, " "))
	// The server makes all bans anew from the database, the log empty or not.
	s.must(t, "truncate -s 0 "+logFile+" /var/log/auth.log; fail2ban-client restart")
	for _, ip := range ips {
		s.kept22Restored(t, ip)
	}

	// A row deleted on the server, by its command line.
	s.must(t, "fail2ban-client stop; sqlite3 "+databaseFile+` "DELETE FROM bips WHERE ip = '`+ips[0]+`'; DELETE FROM bans WHERE ip = '`+ips[0]+`'"; fail2ban-client restart`)
	s.released(t, ips[0], ips[1:])
	// And elsewhere: downloaded while the server runs, edited, uploaded
	// while it is stopped.
	s.must(t, "cp "+databaseFile+" /root/copy.sqlite3; sqlite3 /root/copy.sqlite3 \"DELETE FROM bips WHERE ip = '"+ips[1]+"'\"")
	s.must(t, "fail2ban-client stop; truncate -s 0 "+logFile+"; cp /root/copy.sqlite3 "+databaseFile+"; fail2ban-client restart")
	s.released(t, ips[1], ips[2:])

	// To point zero.
	s.must(t, "fail2ban-client stop")
	s.must(t, "truncate -s 0 "+logFile)
	s.must(t, "rm "+databaseFile)
	if out := s.must(t, "fail2ban-client restart"); !strings.Contains(out, "Server ready") {
		t.Errorf("restart of a stopped server says %q", out)
	}
	if _, err := os.Stat(s.path(databaseFile)); err != nil {
		t.Errorf("the database is not made anew: %v", err)
	}
	if strings.Contains(s.log(), "Ban") || len(strings.Fields(s.must(t, "fail2ban-client get sshd banip"))) > 0 {
		t.Errorf("something of the past is left:\n%s", s.log())
	}
	s.released(t, ips[2], nil)
}

// kept22Restored waits for a ban out of the database.
func (s *scratch) kept22Restored(t *testing.T, ip string) {
	t.Helper()
	s.logged(t, "[sshd] Restore Ban "+ip)
	// The line may be that of an earlier restart.
	eventually(t, ip+" is kept out again", func() bool { return !s.open(t, ip, "22") })
}

// released wants one address free and others banned still.
func (s *scratch) released(t *testing.T, free string, banned []string) {
	t.Helper()
	for _, ip := range banned {
		s.kept22Restored(t, ip)
	}
	if out := s.must(t, "fail2ban-client get sshd banip"); strings.Contains(out, free) || !s.open(t, free, "22") {
		t.Errorf("%s is banned still: %s", free, out)
	}
}

// followUninstall stops the server, which leaves nothing of it in the kernel.
// That a package goes, and takes what it brought, apt has to show: see the
// tests of the packages. Here everything goes that was installed, by its list.
func followUninstall(t *testing.T, s *scratch) {
	s.must(t, "fail2ban-client set sshd banip 192.0.2.99")
	s.says(t, "fail2ban-client stop", "Shutdown successful")
	if out := s.must(t, "nft list ruleset"); strings.Contains(out, "f2b") {
		t.Errorf("the kernel still holds\n%s", out)
	}
	if out, _ := s.sh("ls /run/fail2ban"); strings.Contains(out, "fail2ban.sock") || strings.Contains(out, "fail2ban.pid") {
		t.Errorf("there is still %s", out)
	}
	s.must(t, "cd "+s.dir+"/installed && find . -type f -o -type l | grep -v ^./etc/fail2ban/ | while read f; do rm \"/$f\"; done")
	if out, code := s.sh("command -v fail2ban-client fail2ban-server fail2ban-regex stockade"); code == 0 {
		t.Errorf("there is still %s", out)
	}
	// Without purging, configuration and database stay.
	for _, name := range []string{jailLocal, "/etc/fail2ban/jail.conf", databaseFile} {
		if s.read(name) == "" {
			t.Errorf("%s is gone", name)
		}
	}
}
