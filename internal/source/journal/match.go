package journal

import (
	"fmt"
	"strings"
)

// Match says which entries are wanted: one of its alternatives must hold; in
// an alternative one value of each of its fields. The zero Match wants all.
type Match struct {
	alternatives [][]oneOf
	terms        [][]byte // "NAME=value"
}

// oneOf are the values of one field in one alternative, as indices of terms.
type oneOf struct {
	name  string
	terms []int
}

// ParseMatch understands the lines of journalmatch, each split into words.
// "+" divides alternatives, and so does the end of a line.
func ParseMatch(lines [][]string) (*Match, error) {
	m := &Match{}
	for _, words := range lines {
		var current []oneOf
		for _, word := range words {
			if word == "+" {
				m.add(current)
				current = nil
				continue
			}
			name, _, ok := strings.Cut(word, "=")
			if !ok || !validName(name) {
				return nil, fmt.Errorf("invalid journal match %q", word)
			}
			m.terms = append(m.terms, []byte(word))
			current = addTerm(current, name, len(m.terms)-1)
		}
		m.add(current)
	}
	return m, nil
}

func (m *Match) add(alternative []oneOf) {
	if len(alternative) > 0 {
		m.alternatives = append(m.alternatives, alternative)
	}
}

func addTerm(fields []oneOf, name string, term int) []oneOf {
	for i := range fields {
		if fields[i].name == name {
			fields[i].terms = append(fields[i].terms, term)
			return fields
		}
	}
	return append(fields, oneOf{name: name, terms: []int{term}})
}

// validName follows journald: upper case, digits, underscores, not two of
// these in front, which are for what is no field.
func validName(name string) bool {
	if name == "" || len(name) > 64 || strings.HasPrefix(name, "__") {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// All says that every entry is wanted.
func (m *Match) All() bool { return len(m.alternatives) == 0 }

// Filter is a Match for one file. A field with its value is stored once in a
// file, so that comparing places is enough.
type Filter struct {
	match *Match
	file  *File
	at    []uint64 // of the terms; 0 where the file does not have them yet
	found []bool
	count uint64 // of the file's data or entries when terms were last looked up
}

// In prepares a match for a file.
func (m *Match) In(f *File) *Filter {
	return &Filter{match: m, file: f, at: make([]uint64, len(m.terms)), found: make([]bool, len(m.terms)), count: ^uint64(0)}
}

// refresh looks up what the file did not have when it was smaller.
func (t *Filter) refresh() error {
	count := t.file.dataCount()
	if count == 0 {
		count = t.file.Len()
	}
	if count == t.count {
		return nil
	}
	for i, at := range t.at {
		if at != 0 {
			continue
		}
		found, err := t.file.find(t.match.terms[i])
		if err != nil {
			return err
		}
		t.at[i] = found
	}
	t.count = count
	return nil
}

// Matches says whether an entry is wanted.
func (t *Filter) Matches(e *Entry) (bool, error) {
	if t.match.All() {
		return true, nil
	}
	if err := t.refresh(); err != nil {
		return false, err
	}
	clear(t.found)
	for i := range e.Len() {
		at := e.item(i)
		for j, want := range t.at {
			if at == want {
				t.found[j] = true
			}
		}
	}
	for _, alternative := range t.match.alternatives {
		if t.holds(alternative) {
			return true, nil
		}
	}
	return false, nil
}

func (t *Filter) holds(alternative []oneOf) bool {
	for _, field := range alternative {
		any := false
		for _, term := range field.terms {
			any = any || t.found[term]
		}
		if !any {
			return false
		}
	}
	return true
}
