package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/testenv"
)

// TestMain lets the test's binary play the program that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("STOCKADE_TEST_VICTIM"); path != "" {
		victim(path)
	}
	os.Exit(m.Run())
}

// victim commits bans and unbans from several goroutines without end and
// prints each change when it was acknowledged.
func victim(path string) {
	s, _, err := Open(context.Background(), path, Options{MaxMatches: 10})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("10.%d.%d.%d", g, i/250%250, i%250)
				b := Batch{Bans: []Ban{ban("j", id, base, 86400)}, Positions: []Position{{Jail: "j", Path: fmt.Sprint(g), Pos: float64(i)}}}
				word := "ban"
				if i%3 == 2 {
					id = fmt.Sprintf("10.%d.%d.%d", g, (i-1)/250%250, (i-1)%250)
					b = Batch{Forget: []Key{{"j", id}}}
					word = "unban"
				}
				if err := s.Commit(b); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(word, id)
				out.Unlock()
			}
		}()
	}
	select {}
}

func TestKilledAtAnyMomentNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 15
	if testenv.Full() {
		rounds = 100
	}
	path := filepath.Join(t.TempDir(), "f.sqlite3")
	rnd := rand.New(rand.NewPCG(5, 6))
	acknowledged := 0
	for round := range rounds {
		_ = os.Remove(path)
		_ = os.Remove(path + "-journal")
		state := killOne(t, path, time.Duration(rnd.IntN(60)+5)*time.Millisecond)
		acknowledged += len(state)
		s := openTest(t, path, Options{})
		bans, err := s.CurrentBans("j", RestoreOptions{Now: base, Bantime: 86400})
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, b := range bans {
			have[b.ID.String()] = true
		}
		for id, banned := range state {
			if have[id] != banned {
				t.Errorf("round %d: %s acknowledged as banned: %v, stored: %v", round, id, banned, have[id])
			}
		}
		if got := query(t, path, `PRAGMA integrity_check`); got != "ok" {
			t.Errorf("round %d: integrity: %s", round, got)
		}
		if got := query(t, path, `SELECT count(*) FROM bips WHERE NOT EXISTS(SELECT 1 FROM bans WHERE bans.ip=bips.ip)`); got != "0" {
			t.Errorf("round %d: %s rows of half a commit", round, got)
		}
		_, _ = s.Close()
	}
	t.Logf("%d kills, %d acknowledged changes", rounds, acknowledged)
}

// killOne runs a victim, kills it after a while and returns what it had
// acknowledged: banned or not.
func killOne(t *testing.T, path string, after time.Duration) map[string]bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STOCKADE_TEST_VICTIM="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	state := map[string]bool{}
	var timer *time.Timer
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		word, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "ban":
			state[id] = true
		case "unban":
			state[id] = false
		default:
			t.Fatalf("victim: %s", line)
		}
		if timer == nil {
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	// What follows the last acknowledged change of a goroutine may or may not
	// have happened: an unban after the last ban is one of those.
	for g := range 4 {
		last := ""
		for id, banned := range state {
			if banned && strings.HasPrefix(id, fmt.Sprintf("10.%d.", g)) && later(id, last) {
				last = id
			}
		}
		delete(state, last)
	}
	return state
}

func later(a, b string) bool {
	var x, y [4]int
	fmt.Sscanf(a, "%d.%d.%d.%d", &x[0], &x[1], &x[2], &x[3])
	fmt.Sscanf(b, "%d.%d.%d.%d", &y[0], &y[1], &y[2], &y[3])
	return x[2]*250+x[3] > y[2]*250+y[3] || b == ""
}
