package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Edge is a service that keeps banned addresses out far from this machine.
// Adding what is there and removing what is not are successes.
type Edge interface {
	// Begin looks whether the service can be reached with these parameters.
	Begin(ctx context.Context) error
	// Add bans an address; handle is the service's name for that, "" where it
	// has none or does not tell.
	Add(ctx context.Context, address string) (handle string, err error)
	// Remove lifts a ban; an unknown handle is looked up.
	Remove(ctx context.Context, address, handle string) error
	// List are all bans of this action with their handles; ErrNoList where
	// the service cannot tell.
	List(ctx context.Context) (map[string]string, error)
}

// ErrNoList is that of a service that cannot list.
var ErrNoList = errors.New("the service has no list")

// Edges are the stock actions that NewEdge knows.
var Edges = []string{"cloudflare", "cloudflare-token", "netscaler"}

// NewEdge makes the client of a stock action. param gives its parameters for
// an address family ("inet4", "inet6", "" for what does not differ).
func NewEdge(action string, client *Client, param func(name, family string) string) (Edge, error) {
	plain := func(name string) string { return param(name, "") }
	switch action {
	case "cloudflare", "cloudflare-token":
		return newCloudflare(action, client, param)
	case "netscaler":
		return newNetscaler(client, plain)
	}
	return nil, fmt.Errorf("there is no service %s", action)
}

// cloudflare are the IP access rules of a user or of a zone.
type cloudflare struct {
	client      *Client
	base        string
	header      http.Header
	secret      string
	mode, notes string
	target      func(family string) string
	// separator stands between the words of the query's names.
	separator string
	// cascade is the body that the zone's interface wants for a removal.
	cascade []byte
}

const cloudflareAPI = "https://api.cloudflare.com/client/v4"

// ruleID is what a handle may look like: it becomes part of an address.
var ruleID = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

func newCloudflare(action string, client *Client, param func(name, family string) string) (Edge, error) {
	plain := func(name string) string { return param(name, "") }
	secret, err := key(plain, "cftoken")
	if err != nil {
		return nil, err
	}
	c := &cloudflare{
		client: client, secret: secret, mode: "block", notes: "Fail2Ban " + plain("name"),
		target: func(family string) string { return param("cftarget", family) },
	}
	api := endpoint(plain, cloudflareAPI)
	if action == "cloudflare" {
		c.base, c.separator = api+"/user/firewall/access_rules/rules", "_"
		c.header = header("Content-Type", "application/json", "X-Auth-Email", plain("cfuser"), "X-Auth-Key", secret)
		return c, nil
	}
	zone := plain("cfzone")
	if !ruleID.MatchString(zone) {
		return nil, errors.New("the parameter cfzone is no zone ID")
	}
	c.base, c.separator = api+"/zones/"+zone+"/firewall/access_rules/rules", "."
	c.header = header("Content-Type", "application/json", "Authorization", "Bearer "+secret)
	c.cascade = []byte(`{"cascade": "none"}`)
	c.mode, c.notes = plain("cfmode"), plain("notes")
	return c, nil
}

func (c *cloudflare) Begin(context.Context) error { return nil }

// reply is the frame of all of Cloudflare's answers.
type reply struct {
	Success bool            `json:"success"`
	Errors  []replyError    `json:"errors"`
	Result  json.RawMessage `json:"result"`
	Info    struct {
		Pages int `json:"total_pages"`
	} `json:"result_info"`
}

type replyError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// rule is one access rule.
type rule struct {
	ID            string        `json:"id,omitempty"`
	Mode          string        `json:"mode"`
	Configuration configuration `json:"configuration"`
	Notes         string        `json:"notes"`
}

type configuration struct {
	Target string `json:"target"`
	Value  string `json:"value"`
}

// Cloudflare's words for what is no failure here.
const (
	codeDuplicate = 10009
	saysDuplicate = "duplicate_of_existing"
	saysNotFound  = "not_found"
)

// call sends one request. judge finds out whether an error is none.
func (c *cloudflare) call(ctx context.Context, method, suffix string, body []byte, fine func(status int, e replyError) bool) (reply, error) {
	var r reply
	known := false
	_, err := c.client.Do(ctx, Call{
		Method: method, URL: c.base + suffix, Header: c.header.Clone(), Body: body, Secrets: []string{c.secret},
		Judge: func(a Answer) error {
			r = reply{}
			err := json.Unmarshal(a.Body, &r)
			known = fine != nil && (fine(a.Status, replyError{}) || slices.ContainsFunc(r.Errors, func(e replyError) bool { return fine(a.Status, e) }))
			switch {
			case known || err == nil && r.Success:
				return nil
			case err != nil:
				return fmt.Errorf("the answer is no JSON: %s", quote(a.Body))
			case len(r.Errors) > 0:
				return fmt.Errorf("error %d: %s", r.Errors[0].Code, quote([]byte(r.Errors[0].Message)))
			}
			return errors.New("the answer tells of no success")
		},
	})
	return r, err
}

// targetOf is what a rule for an address is called.
func (c *cloudflare) targetOf(address string) string {
	family := "inet4"
	if strings.Contains(address, ":") {
		family = "inet6"
	}
	target := c.target(family)
	if strings.Contains(address, "/") && (target == "ip" || target == "ip6") {
		return "ip_range"
	}
	return target
}

func (c *cloudflare) Add(ctx context.Context, address string) (string, error) {
	body, err := json.Marshal(rule{Mode: c.mode, Configuration: configuration{c.targetOf(address), address}, Notes: c.notes})
	if err != nil {
		return "", err
	}
	r, err := c.call(ctx, http.MethodPost, "", body, func(_ int, e replyError) bool {
		return e.Code == codeDuplicate || strings.Contains(e.Message, saysDuplicate)
	})
	if err != nil {
		return "", err
	}
	var made rule
	if json.Unmarshal(r.Result, &made) != nil || !ruleID.MatchString(made.ID) {
		return "", nil
	}
	return made.ID, nil
}

func (c *cloudflare) Remove(ctx context.Context, address, handle string) error {
	if handle == "" {
		var err error
		if handle, err = c.find(ctx, address); err != nil || handle == "" {
			return err
		}
	}
	_, err := c.call(ctx, http.MethodDelete, "/"+handle, c.cascade, func(status int, e replyError) bool {
		return status == http.StatusNotFound || strings.Contains(e.Message, saysNotFound)
	})
	return err
}

// find asks for the rule of an address, "" if there is none.
func (c *cloudflare) find(ctx context.Context, address string) (string, error) {
	query := string(form("mode", c.mode, "configuration"+c.separator+"target", c.targetOf(address),
		"configuration"+c.separator+"value", address, "notes", c.notes))
	if c.separator == "_" {
		query += "&page=1&per_page=1"
	}
	r, err := c.call(ctx, http.MethodGet, "?"+query, nil, nil)
	if err != nil {
		return "", err
	}
	var found []rule
	if err := json.Unmarshal(r.Result, &found); err != nil {
		return "", &Error{Text: "the list of rules cannot be read"}
	}
	for _, one := range found {
		// A rule that says what it is for must be for this address.
		if v := one.Configuration.Value; (v == "" || sameAddress(v, address)) && ruleID.MatchString(one.ID) {
			return one.ID, nil
		}
	}
	return "", nil
}

// sameAddress compares addresses that may be written differently.
func sameAddress(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	return err1 == nil && err2 == nil && x == y
}

// pageSize is how many rules one answer of a list holds, maxPages how many
// answers are asked for.
const (
	pageSize = 1000
	maxPages = 100
)

func (c *cloudflare) List(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for page := 1; page <= maxPages; page++ {
		query := string(form("mode", c.mode, "notes", c.notes, "page", strconv.Itoa(page), "per_page", strconv.Itoa(pageSize)))
		r, err := c.call(ctx, http.MethodGet, "?"+query, nil, nil)
		if err != nil {
			return nil, err
		}
		var found []rule
		if err := json.Unmarshal(r.Result, &found); err != nil {
			return nil, &Error{Text: "the list of rules cannot be read"}
		}
		for _, one := range found {
			if one.Notes == c.notes && ruleID.MatchString(one.ID) {
				all[canonical(one.Configuration.Value)] = one.ID
			}
		}
		if page >= r.Info.Pages {
			break
		}
	}
	return all, nil
}

// canonical is an address as we write it.
func canonical(text string) string {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.String()
	}
	return text
}

// netscaler is a data set of a Citrix NetScaler that its policies refer to.
type netscaler struct {
	client *Client
	base   string
	header http.Header
	set    string
	secret string
}

func newNetscaler(client *Client, param Param) (Edge, error) {
	secret, err := key(param, "ns_auth")
	if err != nil {
		return nil, err
	}
	base := param("endpoint")
	if base == "" {
		base = "https://" + param("ns_host")
	}
	return &netscaler{
		client: client, base: base + "/nitro/v1/config", set: param("ns_dataset"), secret: secret,
		header: header("Authorization", "Basic "+secret, "Content-Type", "application/json"),
	}, nil
}

// NITRO's numbers for what is no failure here.
const (
	nitroNoSuch = 258
	nitroExists = 273
)

func (n *netscaler) call(ctx context.Context, method, suffix string, body []byte, fine int) error {
	_, err := n.client.Do(ctx, Call{
		Method: method, URL: n.base + suffix, Header: n.header.Clone(), Body: body, Secrets: []string{n.secret},
		Judge: func(a Answer) error {
			var r struct {
				Code    int    `json:"errorcode"`
				Message string `json:"message"`
			}
			// An answer without text is a success.
			_ = json.Unmarshal(a.Body, &r)
			switch {
			case fine != 0 && r.Code == fine, a.Status/100 == 2 && r.Code == 0:
				return nil
			case r.Code != 0:
				return fmt.Errorf("error %d: %s", r.Code, quote([]byte(r.Message)))
			}
			return errors.New("refused")
		},
	})
	return err
}

func (n *netscaler) Begin(ctx context.Context) error { return n.call(ctx, http.MethodGet, "", nil, 0) }

func (n *netscaler) Add(ctx context.Context, address string) (string, error) {
	var b struct {
		Binding struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"policydataset_value_binding"`
	}
	b.Binding.Name, b.Binding.Value = n.set, address
	body, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	return "", n.call(ctx, http.MethodPut, "/", body, nitroExists)
}

func (n *netscaler) Remove(ctx context.Context, address, _ string) error {
	suffix := "/policydataset_value_binding/" + url.PathEscape(n.set) + "?args=" + url.QueryEscape("value:"+address)
	return n.call(ctx, http.MethodDelete, suffix, nil, nitroNoSuch)
}

func (n *netscaler) List(context.Context) (map[string]string, error) { return nil, ErrNoList }
