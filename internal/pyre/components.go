package pyre

import "slices"

// components groups the pairs that lead to each other (Tarjan's algorithm with
// a stack of its own).
func components(steps [][]step) [][]pair {
	c := &connected{steps: steps, index: make([]int, len(steps)), low: make([]int, len(steps)), on: make([]bool, len(steps))}
	for p := range steps {
		if c.index[p] == 0 && len(steps[p]) > 0 {
			c.visit(pair(p))
		}
	}
	return c.groups
}

// connected is the state of the search: index counts from 1 in the order of
// the visits, low is the least index that can be reached.
type connected struct {
	steps  [][]step
	count  int
	index  []int
	low    []int
	on     []bool
	stack  []pair
	groups [][]pair
}

type visit struct {
	at   pair
	next int
}

func (c *connected) visit(start pair) {
	calls := []visit{c.begin(start)}
	for len(calls) > 0 {
		v := &calls[len(calls)-1]
		if v.next < len(c.steps[v.at]) {
			to := c.steps[v.at][v.next].to
			v.next++
			if c.index[to] == 0 {
				calls = append(calls, c.begin(to))
			} else if c.on[to] {
				c.low[v.at] = min(c.low[v.at], c.index[to])
			}
			continue
		}
		done := v.at
		calls = calls[:len(calls)-1]
		if len(calls) > 0 {
			parent := calls[len(calls)-1].at
			c.low[parent] = min(c.low[parent], c.low[done])
		}
		if c.low[done] == c.index[done] {
			c.pop(done)
		}
	}
}

func (c *connected) begin(at pair) visit {
	c.count++
	c.index[at], c.low[at] = c.count, c.count
	c.stack = append(c.stack, at)
	c.on[at] = true
	return visit{at: at}
}

// pop takes a finished group from the stack.
func (c *connected) pop(root pair) {
	var group []pair
	for {
		p := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		c.on[p] = false
		group = append(group, p)
		if p == root {
			slices.Sort(group)
			c.groups = append(c.groups, group)
			return
		}
	}
}
