package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Facts are what a report may say of a ban.
type Facts struct {
	IP string
	// Matches are the lines that led to it, joined by newlines.
	Matches  string
	Failures int
	Time     time.Time
}

// Param gives a parameter of an action, "" if there is none.
type Param func(name string) string

// Reporters are the services that Report knows.
var Reporters = []string{"abuseipdb", "blocklist_de", "ipthreat", "mynetwatchman"}

// commentBytes is what AbuseIPDB's comment is cut to.
const commentBytes = 1000

// Report makes the request by which a service is told of a ban.
func Report(service string, param Param, f Facts) (Call, error) {
	switch service {
	case "abuseipdb":
		return abuseIPDB(param, f)
	case "blocklist_de":
		return blocklistDE(param, f)
	case "ipthreat":
		return ipThreat(param, f)
	case "mynetwatchman":
		return myNetWatchman(param, f)
	}
	return Call{}, fmt.Errorf("there is no reporter %s", service)
}

// key reads a parameter that holds a secret and may not be empty.
func key(param Param, name string) (string, error) {
	secret, err := Secret(param(name))
	if err == nil && secret == "" {
		err = errors.New("the parameter " + name + " is not set")
	}
	if strings.ContainsAny(secret, "\r\n\x00") {
		err = errors.New("the parameter " + name + " holds more than one line")
	}
	return secret, err
}

func endpoint(param Param, fallback string) string {
	if text := param("endpoint"); text != "" {
		return text
	}
	return fallback
}

// form writes fields in their order, as a browser would.
func form(fields ...string) []byte {
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(fields[i]) + "=" + url.QueryEscape(fields[i+1]))
	}
	return []byte(b.String())
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], oneLine(pairs[i+1]))
	}
	return h
}

const formType = "application/x-www-form-urlencoded"

func abuseIPDB(param Param, f Facts) (Call, error) {
	secret, err := key(param, "abuseipdb_apikey")
	if err != nil {
		return Call{}, err
	}
	return Call{
		Method: http.MethodPost, URL: endpoint(param, "https://api.abuseipdb.com/api/v2/report"),
		Header: header("Accept", "application/json", "Content-Type", formType, "Key", secret),
		Body: form("comment", cut(f.Matches, commentBytes)+"\n...", "ip", f.IP,
			"categories", param("abuseipdb_category")),
		Secrets: []string{secret},
		Judge:   judgeAbuseIPDB,
	}, nil
}

// judgeAbuseIPDB finds out whether the service only refuses because the
// address was reported by us within the last 15 minutes.
func judgeAbuseIPDB(a Answer) error {
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusForbidden || a.Status == http.StatusUnprocessableEntity {
		if strings.Contains(string(a.Body), "once in 15 minutes") {
			return ErrNotNeeded
		}
	}
	if a.Status/100 == 2 {
		return nil
	}
	return errors.New("refused")
}

// cut shortens a text to a number of bytes, without cutting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func blocklistDE(param Param, f Facts) (Call, error) {
	secret, err := key(param, "apikey")
	if err != nil {
		return Call{}, err
	}
	return Call{
		Method: http.MethodPost, URL: endpoint(param, "https://www.blocklist.de/en/httpreports.html"),
		Header: header("Content-Type", formType, "User-Agent", param("agent")),
		Body: form("server", param("email"), "apikey", secret, "service", param("service"), "ip", f.IP,
			"logs", f.Matches+"\n", "format", "text"),
		Secrets: []string{secret},
	}, nil
}

func ipThreat(param Param, f Facts) (Call, error) {
	secret, err := key(param, "ipthreat_apikey")
	if err != nil {
		return Call{}, err
	}
	body, err := json.Marshal(struct {
		IP     string `json:"ip"`
		Flags  string `json:"flags"`
		System string `json:"system"`
		Notes  string `json:"notes"`
	}{f.IP, param("ipthreat_flags"), param("ipthreat_system"), "fail2ban"})
	return Call{
		Method: http.MethodPost, URL: endpoint(param, "https://api.ipthreat.net/api/report"),
		Header: header("Content-Type", "application/json", "X-API-KEY", secret),
		Body:   body, Secrets: []string{secret},
	}, err
}

// mnwDone is what myNetWatchman answers when it took a report.
const mnwDone = "Attack Report Insert Successful"

func myNetWatchman(param Param, f Facts) (Call, error) {
	secret, err := key(param, "mnwpass")
	if err != nil {
		return Call{}, err
	}
	address := param("mnwurl")
	if address == "" {
		address = endpoint(param, "http://mynetwatchman.com/insertwebreport.asp")
	}
	query := form("AT", "2", "AV", "0", "AgentEmail", param("mnwlogin"), "AgentPassword", secret, "AttackerIP", f.IP,
		"SrcPort", param("srcport"), "ProtocolID", ProtocolNumber(param("protocol")), "DestPort", param("port"),
		"AttackCount", strconv.Itoa(f.Failures), "VictimIP", param("myip"),
		"AttackDateTime", f.Time.UTC().Format("2006-01-02 15:04:05"))
	return Call{
		Method: http.MethodGet, URL: address + "?" + string(query),
		Header: header("User-Agent", param("agent")), Secrets: []string{secret},
		Judge: func(a Answer) error {
			if a.Status/100 == 2 && strings.Contains(string(a.Body), mnwDone) {
				return nil
			}
			return errors.New("the report was not taken")
		},
	}, nil
}

// ProtocolNumber is a protocol as an IP packet names it; a name that has no
// number here stays.
func ProtocolNumber(name string) string {
	numbers := map[string]string{
		"icmp": "1", "igmp": "2", "tcp": "6", "udp": "17", "gre": "47", "esp": "50", "ah": "51",
		"ipv6-icmp": "58", "sctp": "132", "udplite": "136",
	}
	if n, ok := numbers[strings.ToLower(name)]; ok {
		return n
	}
	return name
}

// oneLine takes out what could end a header.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}
