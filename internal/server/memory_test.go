package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestLittleThatLivesLetsMuchGarbageGather(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 1 << 20: 800, 4 << 20: 800, 8 << 20: 400, 32 << 20: 400, 64 << 20: 200, 128 << 20: 100, 1 << 30: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB live: %d percent, want %d", live>>20, got, want)
		}
	}
}

func TestMuchThatLivesLetsNoMoreGarbageGatherThanThat(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	Settle()
	much := make([]byte, 160<<20)
	for i := 0; percent() != 100; i++ {
		if i == 1000 {
			t.Fatalf("%d percent", percent())
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	runtime.KeepAlive(much)
}

func percent() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestQuietServerGivesMemoryBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	c := collector{percent: 400, last: time.Now()}
	garbage := make([]byte, 64<<20)
	for i := range garbage {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	garbage = nil
	runtime.GC()
	c.collected(c.last.Add(time.Second))
	c.collected(c.last.Add(quiet))
	if held := free(); held > 8<<20 {
		t.Errorf("it holds %d bytes", held)
	}
}

func free() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
