package event

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// Span is a piece of the matched line, in bytes, that a named group captured.
type Span struct {
	Name  string `json:"name"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// Spans are the pieces of a line. In JSON they are a list of Span. They are made
// for every failure, hence in little memory.
type Spans struct {
	names *[]string
	at    []int32
}

// NewSpans takes the names of all groups of a rule, which many share, and start
// and end of each, -1 where it took no part. It keeps both.
func NewSpans(names *[]string, at []int32) Spans { return Spans{names, at} }

// All gives the spans of the groups that took part.
func (s Spans) All() iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for i := 0; i < len(s.at); i += 2 {
			if s.at[i] >= 0 && !yield(Span{(*s.names)[i/2], int(s.at[i]), int(s.at[i+1])}) {
				return
			}
		}
	}
}

// String prints the spans as a list.
func (s Spans) String() string { return fmt.Sprint(slices.Collect(s.All())) }

// Equal tells whether both are the same pieces.
func (s Spans) Equal(o Spans) bool {
	return slices.Equal(slices.Collect(s.All()), slices.Collect(o.All()))
}

// IsZero says that there are none.
func (s Spans) IsZero() bool {
	for range s.All() {
		return false
	}
	return true
}

// MarshalJSON is json.Marshaler.
func (s Spans) MarshalJSON() ([]byte, error) {
	list := []Span{}
	for x := range s.All() {
		list = append(list, x)
	}
	return json.Marshal(list)
}

// UnmarshalJSON is json.Unmarshaler.
func (s *Spans) UnmarshalJSON(text []byte) error {
	var list []Span
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("read spans: %w", err)
	}
	names, at := make([]string, len(list)), make([]int32, 0, 2*len(list))
	for i, x := range list {
		names[i] = x.Name
		at = append(at, int32(x.Start), int32(x.End))
	}
	*s = Spans{&names, at}
	return nil
}
