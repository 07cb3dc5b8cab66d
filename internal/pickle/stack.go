package pickle

// push puts a value on the stack.
func (d *decoder) push(v any) error {
	if d.count++; d.count > d.lim.Objects {
		return errTooLarge
	}
	d.stack = append(d.stack, v)
	return nil
}

// fence is the place below which nothing may be popped before the mark is.
func (d *decoder) fence() int {
	if n := len(d.marks); n > 0 {
		return d.marks[n-1]
	}
	return 0
}

func (d *decoder) underflow() error {
	if len(d.marks) > 0 {
		return errMark
	}
	return errUnderflow
}

func (d *decoder) pop() (any, error) {
	if len(d.stack) <= d.fence() {
		return nil, d.underflow()
	}
	v := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	return v, nil
}

// popMark takes everything above the last mark. The slice is a copy.
func (d *decoder) popMark() ([]any, error) {
	if len(d.marks) == 0 {
		return nil, errNoMark
	}
	at := d.fence()
	d.marks = d.marks[:len(d.marks)-1]
	items := append([]any(nil), d.stack[at:]...)
	d.stack = d.stack[:at]
	return items, nil
}

func (d *decoder) shuffle(op byte) error {
	switch op {
	case opPopMark:
		_, err := d.popMark()
		return err
	case opDup:
		if len(d.stack) <= d.fence() {
			return d.underflow()
		}
		return d.push(d.stack[len(d.stack)-1])
	}
	// POP also takes a mark away when nothing stands above it.
	if n := len(d.marks); n > 0 && d.marks[n-1] == len(d.stack) {
		d.marks = d.marks[:n-1]
		return nil
	}
	_, err := d.pop()
	return err
}

// readonly would make the buffer on top unchangeable, which ours are.
func (d *decoder) readonly() error {
	if len(d.stack) <= d.fence() {
		return d.underflow()
	}
	if _, ok := d.stack[len(d.stack)-1].([]byte); !ok {
		return &Error{"memoryview: a bytes-like object is required, not '" + typeName(d.stack[len(d.stack)-1]) + "'"}
	}
	return nil
}
