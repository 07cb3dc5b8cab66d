package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stockade/internal/event"
	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

func errandIDs(t *testing.T, s *Store, jail, action string) []int64 {
	t.Helper()
	list, err := s.Errands(jail, action)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestErrandsOutliveTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s, _, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	until := time.Unix(1795340000, 0)
	s.KeepErrands("j", "a", []Errand{{ID: 2, Data: []byte("two"), Until: until}, {ID: 1, Data: []byte("one")}}, nil)
	s.KeepErrands("j", "b", []Errand{{ID: 1, Data: []byte("other")}}, nil)
	s.KeepErrands("j", "a", []Errand{{ID: 3}}, nil)
	s.KeepErrands("j", "a", nil, []int64{3})
	if _, err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _, err = Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Errands("j", "a")
	if err != nil {
		t.Fatal(err)
	}
	want := []Errand{{ID: 1, Data: []byte("one")}, {ID: 2, Data: []byte("two"), Until: until}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{1}, errandIDs(t, s, "j", "b")); diff != "" {
		t.Error(diff)
	}
}

func TestPurgeForgetsErrandsThatAreTooLate(t *testing.T) {
	s, _, err := Open(context.Background(), filepath.Join(t.TempDir(), "db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Unix(1795340000, 0)
	s.KeepErrands("j", "a", []Errand{{ID: 1, Until: now.Add(-time.Second)}, {ID: 2, Until: now.Add(time.Hour)}, {ID: 3}}, nil)
	if err := s.Purge(now, time.Hour); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{2, 3}, errandIDs(t, s, "j", "a")); diff != "" {
		t.Error(diff)
	}
}

func TestTicketsComeBackAsTheyWere(t *testing.T) {
	one := ticket.Ticket{
		ID: ipaddr.Parse("192.0.2.1"), Time: time.Unix(1795334628, 250e6).UTC(), Failures: 3,
		Matches: []ticket.Match{{Before: "a", Date: "b", After: "c\r\n$(x)"}, {After: "d", Joined: true}},
		Fields:  ticket.Fields{{Name: "user", Value: "x`y`"}}, Bantime: 600, HasBantime: true, BanCount: 1, Restored: true, Ban: 7,
		Cause: event.Cause{Line: "d", Spans: event.NewSpans(&[]string{"user", "ip4"}, []int32{-1, -1, 0, 1})},
	}
	data, err := EncodeTicket(&one)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := DecodeTicket(data)
	if !ok {
		t.Fatal("not decoded")
	}
	if diff := cmp.Diff(one, got, cmp.Comparer(func(a, b ipaddr.ID) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if _, ok := DecodeTicket([]byte("{")); ok {
		t.Error("half a ticket was read")
	}
}
