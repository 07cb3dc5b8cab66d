package acceptance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stockade/internal/control"
	"stockade/internal/testenv"
)

// stream is a client that bans and unbans until its server is dead, and what
// it knows of it.
type stream struct {
	random *rand.Rand
	prefix string
	next   int
	// acknowledged holds whether an address is banned, as far as the server
	// has said so. open is the one whose answer never came.
	acknowledged map[string]bool
	open         string
}

// run sends commands until the connection breaks.
func (s *stream) run(socket string) {
	conn, err := control.Dial(context.Background(), socket, 5*time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	s.open = ""
	for {
		id, word := fmt.Sprintf("%s.%d.%d", s.prefix, s.next/250, s.next%250+1), "banip"
		if known := slices.Sorted(maps.Keys(s.acknowledged)); s.random.IntN(3) == 0 && len(known) > 0 {
			id = known[s.random.IntN(len(known))]
			if s.acknowledged[id] {
				word = "unbanip"
			}
		} else {
			s.next++
		}
		s.open = id
		reply, err := conn.Call([]any{"set", "sshd", word, id})
		if err != nil {
			return
		}
		if _, failure, err := control.Split(reply); err != nil || failure != nil {
			return
		}
		s.acknowledged[id], s.open = word == "banip", ""
	}
}

// TestKilledAtAnyMomentAllThreeAgree kills the server while clients ban and
// unban. After each restart the kernel, the server and the database hold the
// same, and that is what was acknowledged.
func TestKilledAtAnyMomentAllThreeAgree(t *testing.T) {
	testenv.Need(t, "nft", "sqlite3")
	rounds := 8
	if testenv.Full() {
		rounds = 100
	}
	in := place(t, stockade(t), testenv.NewNetns(t), restartJail)
	in.write(t, "auth.log", "")
	random := rand.New(rand.NewPCG(3, 1))
	streams := make([]*stream, 4)
	for i := range streams {
		streams[i] = &stream{
			random: rand.New(rand.NewPCG(7, uint64(i))), prefix: fmt.Sprintf("10.%d", i+1), acknowledged: map[string]bool{},
		}
	}
	in.start(t)
	for round := range rounds {
		var group sync.WaitGroup
		for _, s := range streams {
			group.Add(1)
			go func() {
				defer group.Done()
				s.run(in.path("socket"))
			}()
		}
		// The moment of the kill is what varies, nothing is waited for.
		time.Sleep(time.Duration(random.IntN(300)+10) * time.Millisecond)
		in.signal(t, syscall.SIGKILL)
		group.Wait()
		in.start(t)
		compareAll(t, in, streams, round)
		if t.Failed() {
			return
		}
	}
	total, banned := 0, 0
	for _, s := range streams {
		total += s.next
		for _, is := range s.acknowledged {
			if is {
				banned++
			}
		}
	}
	t.Logf("%d kills, %d addresses, %d banned at the end", rounds, total, banned)
}

// compareAll compares kernel, server, database and what the clients know.
func compareAll(t *testing.T, in *instance, streams []*stream, round int) {
	t.Helper()
	rows := strings.Fields(query(t, in, "SELECT ip FROM bips WHERE jail='sshd'"))
	// As with the reference, a jail has started when its bans may still be on
	// their way back.
	var server []string
	until(10*time.Second, func() bool {
		server = strings.Fields(in.ask(t, "get", "sshd", "banip"))
		return len(server) == len(rows) && len(elements(in, "addr-set-sshd")) == len(rows)
	})
	kernel := elements(in, "addr-set-sshd")
	slices.Sort(server)
	slices.Sort(rows)
	if !slices.Equal(kernel, server) || !slices.Equal(server, rows) {
		t.Errorf("round %d: kernel %d, server %d, database %d: they do not agree", round, len(kernel), len(server), len(rows))
	}
	is := map[string]bool{}
	for _, id := range server {
		is[id] = true
	}
	for _, s := range streams {
		// Nobody knows about the open one; now one does.
		if s.open != "" {
			s.acknowledged[s.open] = is[s.open]
		}
		for id, banned := range s.acknowledged {
			if is[id] != banned {
				t.Errorf("round %d: %s was acknowledged as banned: %v, and is: %v", round, id, banned, is[id])
			}
		}
	}
}

// query asks the database with sqlite3, as people do.
func query(t *testing.T, in *instance, sql string) string {
	t.Helper()
	out, err := sqlite(in, sql).CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3 %s: %v\n%s", sql, err, out)
	}
	return string(out)
}
