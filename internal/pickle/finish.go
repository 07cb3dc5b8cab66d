package pickle

import (
	"strings"

	"stockade/internal/pyobj"
)

// node is what every container under construction has: its items, and once it
// is finished the value, with what it costs.
type node struct {
	items    []any
	busy     bool
	done     bool
	value    any
	expanded int
	depth    int
}

// finish turns what was built into plain values and checks the bounds. A value
// that stands in several places stays one value.
func (d *decoder) finish(v any) (any, error) {
	value, _, _, err := d.finishAt(v)
	return value, err
}

// finishAt returns the value, its expanded size and its depth.
func (d *decoder) finishAt(v any) (any, int, int, error) {
	n := nodeOf(v)
	switch {
	case n == nil:
		if c, ok := v.(*class); ok {
			return nil, 0, 0, forbidden(c)
		}
		return v, 1, 0, nil
	case n.busy:
		return nil, 0, 0, errRecursive
	case n.done:
		return n.value, n.expanded, n.depth, nil
	}
	n.busy = true
	defer func() { n.busy = false }()
	if err := d.enter(); err != nil {
		return nil, 0, 0, err
	}
	defer d.leave()
	items := make([]any, len(n.items))
	n.expanded = 1
	for i, e := range n.items {
		value, expanded, depth, err := d.finishAt(e)
		if err != nil {
			return nil, 0, 0, err
		}
		items[i] = value
		n.expanded += expanded
		n.depth = max(n.depth, depth)
		if n.expanded > d.lim.Expanded {
			return nil, 0, 0, errTooLarge
		}
	}
	if n.depth++; n.depth > d.lim.Depth {
		return nil, 0, 0, errTooDeep
	}
	value, err := valueOf(v, items)
	n.value, n.done = value, err == nil
	return value, n.expanded, n.depth, err
}

// enter and leave count how deep the walk is, so that it cannot exhaust the
// stack before the depth is known.
func (d *decoder) enter() error {
	if d.walk++; d.walk > d.lim.Depth {
		return errTooDeep
	}
	return nil
}

func (d *decoder) leave() { d.walk-- }

func nodeOf(v any) *node {
	switch v := v.(type) {
	case *list:
		return &v.node
	case *tuple:
		return &v.node
	case *set:
		return &v.node
	case *dict:
		return &v.node
	case *call:
		return &v.node
	}
	return nil
}

// valueOf makes the plain value of a container from its finished items.
func valueOf(v any, items []any) (any, error) {
	switch v := v.(type) {
	case *list:
		return items, nil
	case *tuple:
		return pyobj.Tuple(items), nil
	case *set:
		return distinct(items)
	case *dict:
		out := &pyobj.Dict{}
		for i, key := range v.keys {
			out.Set(key, items[i])
		}
		return out, nil
	case *call:
		return &pyobj.Exception{Module: v.class.module, Class: v.class.name, Args: items}, nil
	}
	return nil, errUnderflow
}

// distinct drops what a set holds twice.
func distinct(items []any) (any, error) {
	seen := &pyobj.Dict{}
	for _, e := range items {
		if !seen.Set(e, nil) {
			return nil, &Error{"unhashable type in a set"}
		}
	}
	return pyobj.Set(seen.Keys()), nil
}

// call is one of the opcodes that would import or call something. With Calls
// the two known calls are understood; all else is refused.
func (d *decoder) call(op byte) error {
	if !d.lim.Calls {
		return d.refuse(op)
	}
	switch op {
	case opGlobal:
		module, err := d.line()
		if err != nil {
			return err
		}
		name, err := d.line()
		if err != nil {
			return err
		}
		return d.pushClass(string(module), string(name))
	case opStackGlobal:
		name, err := d.pop()
		if err != nil {
			return err
		}
		module, err := d.pop()
		if err != nil {
			return err
		}
		m, isText := module.(string)
		n, alsoText := name.(string)
		if !isText || !alsoText {
			return &Error{"STACK_GLOBAL requires str"}
		}
		return d.pushClass(m, n)
	case opReduce:
		return d.reduce()
	case opBuild:
		// The state of an exception holds nothing that we show.
		_, err := d.pop()
		return err
	}
	return d.refuse(op)
}

// pushClass pushes a class if it is one of those that may be called.
func (d *decoder) pushClass(module, name string) error {
	c := &class{module, name}
	if !c.isText() && !c.isException() {
		return forbidden(c)
	}
	return d.push(c)
}

func (c *class) isText() bool {
	return (c.module == "builtins" || c.module == "__builtin__") && (c.name == "str" || c.name == "unicode")
}

// isException goes by the name: the value is only ever shown.
func (c *class) isException() bool {
	for _, end := range []string{"Exception", "Error", "Warning", "Exit", "Interrupt", "StopIteration"} {
		if strings.HasSuffix(c.name, end) {
			return true
		}
	}
	return false
}

// reduce applies a class to a tuple of arguments.
func (d *decoder) reduce() error {
	args, err := d.pop()
	if err != nil {
		return err
	}
	callee, err := d.pop()
	if err != nil {
		return err
	}
	t, isTuple := args.(*tuple)
	c, isClass := callee.(*class)
	switch {
	case !isClass:
		return &Error{"'" + typeName(callee) + "' object is not callable"}
	case !isTuple:
		return &Error{"argument list must be a tuple"}
	case c.isText() && len(t.items) == 0:
		return d.push("")
	case c.isText():
		v, err := d.finish(t.items[0])
		if err != nil {
			return err
		}
		return d.push(pyobj.Str(v))
	}
	return d.push(&call{node: node{items: t.items}, class: c})
}

// forbidden says which class was asked for.
func forbidden(c *class) error {
	return &Error{"global '" + c.module + "." + c.name + "' is forbidden"}
}

// refuse is the answer to an import or a call in a request.
func (d *decoder) refuse(op byte) error {
	if op != opGlobal && op != opStackGlobal {
		if (op == opReduce || op == opBuild) && len(d.stack)-d.fence() < 2 {
			return d.underflow()
		}
		return &Error{"calls are forbidden"}
	}
	c := &class{}
	if op == opGlobal {
		module, err := d.line()
		if err != nil {
			return err
		}
		name, err := d.line()
		if err != nil {
			return err
		}
		c.module, c.name = string(module), string(name)
	} else if n := len(d.stack); n >= 2 {
		c.module, _ = d.stack[n-2].(string)
		c.name, _ = d.stack[n-1].(string)
	}
	return forbidden(c)
}
