package config

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// WriteText prints findings for people.
func WriteText(w io.Writer, findings []Finding) error {
	b := bufio.NewWriter(w)
	var count [Error + 1]int
	for i := range findings {
		f := &findings[i]
		count[f.Severity]++
		place := f.Origin.String()
		if place != "" && f.Column > 0 {
			place += fmt.Sprintf(":%d", f.Column)
		}
		if place != "" {
			place += ": "
		}
		fmt.Fprintf(b, "%s%s: %s%s\n", place, f.Severity, visible(f.Text), jailNote(f.Jail))
		if f.Quote != "" {
			fmt.Fprintf(b, "    %s\n", visible(f.Quote))
		}
		if f.Cure != "" {
			fmt.Fprintf(b, "    → %s\n", visible(f.Cure))
		}
	}
	if len(findings) == 0 {
		fmt.Fprintln(b, "nothing to report")
	} else {
		fmt.Fprintf(b, "%d errors, %d warnings, %d notices\n", count[Error], count[Warning], count[Notice])
	}
	return b.Flush()
}

func jailNote(jail string) string {
	if jail == "" {
		return ""
	}
	return " [" + visible(jail) + "]"
}

// visible takes everything out of a text that could steer a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return '�'
		}
		return r
	}, s)
}

// jsonFinding is a finding as programs read it.
type jsonFinding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Jail     string `json:"jail,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Library  bool   `json:"library,omitempty"`
	Text     string `json:"text"`
	Quote    string `json:"quote,omitempty"`
	Cure     string `json:"cure,omitempty"`
	Refuses  bool   `json:"fail2ban_refuses,omitempty"`
}

// WriteJSON prints findings as a JSON array.
func WriteJSON(w io.Writer, findings []Finding) error {
	out := make([]jsonFinding, len(findings))
	for i, f := range findings {
		out[i] = jsonFinding{
			Severity: f.Severity.String(), Code: f.Code, Jail: f.Jail, File: f.Origin.File, Line: f.Origin.Line,
			Column: f.Column, Library: f.Origin.Library, Text: f.Text, Quote: f.Quote, Cure: f.Cure, Refuses: f.Refuses,
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
