package event

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestSpansAreAListInJSON(t *testing.T) {
	s := NewSpans(&[]string{"mlfid", "user", "ip4"}, []int32{0, 3, -1, -1, 7, 12})
	text, err := json.Marshal(Cause{Spans: s})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"rule":{"index":0},"spans":[{"name":"mlfid","start":0,"end":3},{"name":"ip4","start":7,"end":12}],"place":{},"who":{}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back Cause
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(back.Spans.All()); !slices.Equal(got, slices.Collect(s.All())) {
		t.Errorf("read back %v", got)
	}
}

func TestNoSpansAreLeftOutOfJSON(t *testing.T) {
	for _, s := range []Spans{{}, NewSpans(&[]string{"user"}, []int32{-1, -1})} {
		text, err := json.Marshal(Cause{Spans: s})
		if want := `{"rule":{"index":0},"place":{},"who":{}}`; err != nil || string(text) != want {
			t.Errorf("%s %v, want %s", text, err, want)
		}
	}
}
