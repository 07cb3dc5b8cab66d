package pyexpr

// Seconds evaluates a time value as Fail2ban does: unit words are factors,
// neighbouring numbers are added, the rest is arithmetic.
func Seconds(text string) (Value, error) { return Value{}, nil }

// Expr is a checked formula.
type Expr struct{ text string }

// String gives the formula as written.
func (e *Expr) String() string { return e.text }

// Vars gives values to the names a formula may use: "ban.Time", "ban.Count",
// "banFactor".
type Vars map[string]Value

// Compile checks a formula; names lists what it may refer to besides the
// functions of the subset. An error is an *Error.
func Compile(text string, names ...string) (*Expr, error) { return &Expr{text: text}, nil }

// Eval computes the formula. random gives numbers in [0, 1) for random.*; nil
// means the process's own source.
func (e *Expr) Eval(vars Vars, random func() float64) (Value, error) { return Value{}, nil }

// Arithmetic checks and computes an expression without names, as
// bantime.factor is one.
func Arithmetic(text string) (Value, error) { return Value{}, nil }
