package pyexpr

// node is a part of a parsed expression; at is the byte offset of what an error
// about it points at.
type node interface{ place() int }

type (
	literal  struct{ value Value }
	variable struct {
		at   int
		name string
	}
	call struct {
		at   int
		name string
		fn   function
		args []node
	}
	unary struct {
		at int
		op string
		x  node
	}
	binary struct {
		at   int
		op   string
		x, y node
	}
	// compare is x op y op z…, each y evaluated once.
	compare struct {
		at    int
		first node
		ops   []string
		rest  []node
	}
	choice  struct{ cond, yes, no node }
	logical struct {
		op   string
		x, y node
	}
	tuple struct{ items []node }
)

func (literal) place() int    { return 0 }
func (n variable) place() int { return n.at }
func (n call) place() int     { return n.at }
func (n unary) place() int    { return n.at }
func (n binary) place() int   { return n.at }
func (n compare) place() int  { return n.at }
func (n choice) place() int   { return n.cond.place() }
func (n logical) place() int  { return n.x.place() }
func (tuple) place() int      { return 0 }
