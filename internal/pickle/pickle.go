// Package pickle reads and writes Python's pickles as data: no class is
// imported, no object is called. It owns the byte format of the control
// socket's messages, pickle protocols 0 to 5 in and protocol 5 out.
//
// Only two calls are understood, because Fail2ban's replies hold them: that of
// builtins.str, which gives its argument, and that of an exception class,
// which gives a *pyobj.Exception; both only where Limits allow them. What one
// pickle may cost in objects, depth and expanded size is bounded, and a value
// that holds itself is refused, so whoever gets a value may walk through it
// without care.
package pickle

// The bounds that stand where Limits has a zero. The complete stream of 99
// jails has some 30,000 objects and is six levels deep.
const (
	defaultObjects  = 1 << 20
	defaultDepth    = 200
	defaultExpanded = 1 << 22
)

// maxLongBytes bounds an integer: Python itself refuses to print those of more
// than 4300 digits.
const maxLongBytes = 1785

// Limits bound what one pickle may cost. Zero means the default.
type Limits struct {
	// Objects is how many values may be put on the stack or into the memo.
	Objects int
	// Depth is how deep lists, tuples and dicts may be nested.
	Depth int
	// Expanded is how many values there may be when those that stand in
	// several places are counted in each: what printing would have to write.
	Expanded int
	// Calls allows exceptions and builtins.str, as replies have them. Requests
	// are decoded without.
	Calls bool
}

func (l Limits) withDefaults() Limits {
	if l.Objects == 0 {
		l.Objects = defaultObjects
	}
	if l.Depth == 0 {
		l.Depth = defaultDepth
	}
	if l.Expanded == 0 {
		l.Expanded = defaultExpanded
	}
	return l
}

// Error is why a pickle could not be read, in Python's words.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// The texts that clients see.
var (
	errTruncated = &Error{"pickle data was truncated"}
	errEmpty     = &Error{"Ran out of input"}
	errUnderflow = &Error{"unpickling stack underflow"}
	errMark      = &Error{"unexpected MARK found"}
	errNoMark    = &Error{"could not find MARK"}
	errTooLarge  = &Error{"pickle holds too many objects"}
	errTooDeep   = &Error{"pickle is nested too deeply"}
	errRecursive = &Error{"pickle holds an object that contains itself"}
	errPersID    = &Error{"A load persistent id instruction was encountered,\nbut no persistent_load function was specified."}
	errBuffers   = &Error{"pickle stream refers to out-of-band data but no *buffers* argument was given"}
)

// highestProtocol is the newest one that is read, and the one written.
const highestProtocol = 5

// The opcodes.
const (
	opMark           = '('
	opStop           = '.'
	opPop            = '0'
	opPopMark        = '1'
	opDup            = '2'
	opFloat          = 'F'
	opInt            = 'I'
	opBinInt         = 'J'
	opBinInt1        = 'K'
	opLong           = 'L'
	opBinInt2        = 'M'
	opNone           = 'N'
	opPersID         = 'P'
	opBinPersID      = 'Q'
	opReduce         = 'R'
	opString         = 'S'
	opBinString      = 'T'
	opShortBinString = 'U'
	opUnicode        = 'V'
	opBinUnicode     = 'X'
	opAppend         = 'a'
	opBuild          = 'b'
	opGlobal         = 'c'
	opDict           = 'd'
	opEmptyDict      = '}'
	opAppends        = 'e'
	opGet            = 'g'
	opBinGet         = 'h'
	opInst           = 'i'
	opLongBinGet     = 'j'
	opList           = 'l'
	opEmptyList      = ']'
	opObj            = 'o'
	opPut            = 'p'
	opBinPut         = 'q'
	opLongBinPut     = 'r'
	opSetItem        = 's'
	opTuple          = 't'
	opEmptyTuple     = ')'
	opSetItems       = 'u'
	opBinFloat       = 'G'
	opBinBytes       = 'B'
	opShortBinBytes  = 'C'

	opProto           = 0x80
	opNewObj          = 0x81
	opExt1            = 0x82
	opExt2            = 0x83
	opExt4            = 0x84
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
	opNextBuffer      = 0x97
	opReadonlyBuffer  = 0x98
)
