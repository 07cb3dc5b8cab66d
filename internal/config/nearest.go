package config

import "sort"

// nearest finds the name that somebody who wrote word most likely meant, empty
// when none is near enough. Of equally near names the first in order wins.
func nearest(word string, names []string) string {
	if len(word) < 2 || len(word) > 80 {
		return ""
	}
	sorted := append([]string(nil), names...)
	sort.Strings(sorted)
	best, limit := "", max(1, len(word)/4)
	for _, name := range sorted {
		if name == word || len(name) > len(word)+limit || len(word) > len(name)+limit {
			continue
		}
		if d := distance(word, name); d <= limit {
			best, limit = name, d-1
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
