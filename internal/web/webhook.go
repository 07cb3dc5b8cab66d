package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Hook is a webhook as it was configured: templates in which <tag> stands for
// a value.
type Hook struct {
	Method, URL, Body, ContentType string
	// Headers has a line for each further header.
	Headers string
	// Secret is what <secret> stands for.
	Secret string
}

// Values gives the text of a tag, false for one that there is not.
type Values func(tag string) (string, bool)

// Call fills the templates in. A value stays within the place that it was put
// into: in JSON it becomes part of a string, or a string or number of its own;
// in a form or an address it is encoded; a header has one line.
func (h Hook) Call(values Values) (Call, error) {
	with := func(tag string) (string, bool) {
		if tag == "secret" {
			return h.Secret, true
		}
		return values(tag)
	}
	address := fill(h.URL, func(tag, before string) (string, bool) { return inAddress(tag, before, with) })
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Call{}, errors.New("the parameter url is no http or https address")
	}
	c := Call{
		Method: strings.ToUpper(h.Method), URL: address, Header: http.Header{}, Secrets: []string{h.Secret, secretPart(address)},
	}
	c.Header.Set("Content-Type", h.ContentType)
	for line := range strings.Lines(h.Headers) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if name == "" && !ok {
			continue
		}
		if !ok || !headerName.MatchString(name) {
			return Call{}, fmt.Errorf("the header %q is not of the form Name: value", line)
		}
		plain := func(tag, _ string) (string, bool) {
			v, ok := with(tag)
			return v, ok
		}
		c.Header.Set(name, oneLine(strings.TrimSpace(fill(value, plain))))
	}
	body, err := h.body(with)
	c.Body = body
	return c, err
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)

// body fills in the body by the rules of its content type.
func (h Hook) body(values Values) ([]byte, error) {
	kind, _, _ := strings.Cut(strings.ToLower(h.ContentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		text := fillJSON(h.Body, values)
		if !json.Valid([]byte(text)) {
			return nil, errors.New("the parameter body makes no valid JSON")
		}
		return []byte(text), nil
	case kind == formType:
		return []byte(fill(h.Body, func(tag, _ string) (string, bool) {
			v, ok := values(tag)
			return url.QueryEscape(v), ok
		})), nil
	}
	return []byte(fill(h.Body, func(tag, _ string) (string, bool) {
		v, ok := values(tag)
		return printable(v), ok
	})), nil
}

// secretPart is the path and query of an address: services put keys there.
func secretPart(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(u.RequestURI()) < 2 {
		return ""
	}
	return u.RequestURI()
}

// inAddress encodes a value for an address: as part of the query behind the
// question mark, else as part of the path. The secret comes as it is.
func inAddress(tag, before string, values Values) (string, bool) {
	v, ok := values(tag)
	switch {
	case !ok || tag == "secret":
		return v, ok
	case strings.Contains(before, "?"):
		return url.QueryEscape(v), true
	}
	return url.PathEscape(v), true
}

// tagPattern is a tag of a template.
var tagPattern = regexp.MustCompile(`<[A-Za-z][\w.*-]*>`)

// fill replaces the tags of a template, once; value sees what stands before.
func fill(template string, value func(tag, before string) (string, bool)) string {
	var b strings.Builder
	last := 0
	for _, at := range tagPattern.FindAllStringIndex(template, -1) {
		text, ok := value(template[at[0]+1:at[1]-1], template[:at[0]])
		if !ok {
			continue
		}
		b.WriteString(template[last:at[0]])
		b.WriteString(text)
		last = at[1]
	}
	b.WriteString(template[last:])
	return b.String()
}

// fillJSON replaces tags in JSON: within a string by escaped text, elsewhere
// by a number or a string with its quotes.
func fillJSON(template string, values Values) string {
	return fill(template, func(tag, before string) (string, bool) {
		v, ok := values(tag)
		if !ok {
			return "", false
		}
		if !insideString(before) && !foreign(tag) && number.MatchString(v) {
			return v, true
		}
		text, err := json.Marshal(printable(v))
		if err != nil {
			return "", false
		}
		if insideString(before) {
			text = text[1 : len(text)-1]
		}
		return string(text), true
	})
}

// foreign tells whether strangers choose the text of a tag. Such text is a
// string whatever it looks like, so that they cannot choose the type.
func foreign(tag string) bool {
	return strings.HasPrefix(tag, "F-") || tag == "fid" || tag == "ip-host" || tag == "raw-ticket" || strings.HasSuffix(tag, "matches")
}

// number is a number as JSON writes it.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?$`)

// insideString tells whether JSON text ends within a string.
func insideString(text string) bool {
	inside := false
	for i := 0; i < len(text); i++ {
		switch {
		case inside && text[i] == '\\':
			i++
		case text[i] == '"':
			inside = !inside
		}
	}
	return inside
}

// printable takes control characters but tabs and line ends out of a text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
