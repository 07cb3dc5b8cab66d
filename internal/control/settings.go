package control

import (
	"strconv"

	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
)

// setting is an option of the server. set is nil for one that cannot be set.
type setting struct {
	get func(c *call) (any, error)
	set func(c *call, value any) error
}

// settings are the server's options, by the word behind get and set.
var settings = map[string]setting{
	"loglevel": {
		get: func(c *call) (any, error) { return c.srv.Book().Level(), nil },
		set: func(c *call, v any) error { return c.srv.Book().SetLevel(pyobj.Str(v)) },
	},
	"logtarget": {
		get: func(c *call) (any, error) { return c.srv.Book().Target(), nil },
		set: func(c *call, v any) error { return c.srv.Book().SetTarget(pyobj.Str(v)) },
	},
	"syslogsocket": {
		get: func(c *call) (any, error) { return c.srv.Book().SyslogSocket(), nil },
		set: func(c *call, v any) error { return c.srv.Book().SetSyslogSocket(pyobj.Str(v)) },
	},
	"dbfile": {
		get: func(c *call) (any, error) {
			if db := c.srv.Database(); db != nil {
				return db.Path(), nil
			}
			return nil, nil
		},
		set: func(c *call, v any) error {
			if c.stage != nil {
				return c.srv.ConfigureDatabase(pyobj.Str(v))
			}
			return c.srv.SetDatabase(pyobj.Str(v))
		},
	},
	"dbmaxmatches": {get: dbNumber(func(c *call) any { return c.srv.DBMaxMatches() }), set: setDBMaxMatches},
	"dbpurgeage": {
		get: dbNumber(func(c *call) any {
			_, text := c.srv.DBPurgeAge()
			return number(text)
		}),
		set: setDBPurgeAge,
	},
	"thread": {
		get: func(c *call) (any, error) { return pyobj.NewDict("stacksize", c.srv.StackSize()), nil },
		set: setThread,
	},
	"allowipv6": {
		set: func(c *call, v any) error {
			c.srv.SetIPv6(pyobj.Str(v))
			return nil
		},
	},
}

// dbNumber is None while there is no database.
func dbNumber(get func(c *call) any) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		if c.srv.Database() == nil {
			return nil, nil
		}
		return get(c), nil
	}
}

func setDBMaxMatches(c *call, v any) error {
	if c.srv.Database() == nil {
		return nil
	}
	n, err := pyobj.Int(v)
	if err == nil {
		c.srv.SetDBMaxMatches(n)
	}
	return err
}

func setDBPurgeAge(c *call, v any) error {
	if c.srv.Database() == nil {
		return nil
	}
	seconds, text, err := seconds(v)
	if err == nil {
		c.srv.SetDBPurgeAge(seconds, text)
	}
	return err
}

// setThread takes the stack size of threads, which is only kept for those who
// ask.
func setThread(c *call, v any) error {
	d, ok := v.(*pyobj.Dict)
	if !ok {
		return pyobj.Errorf("AttributeError", "'%s' object has no attribute 'items'", pyobj.TypeName(v))
	}
	for i := range d.Len() {
		key, value := d.At(i)
		if key != "stacksize" {
			return pyobj.Builtin("KeyError", "unknown option "+pyobj.Repr(key))
		}
		n, err := pyobj.Int(value)
		if err != nil {
			return err
		}
		c.srv.SetStackSize(n)
	}
	return nil
}

// set answers `set` and `multi-set`.
func set(c *call) (any, error) {
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	o, known := settings[name]
	if !known {
		return setJail(c, name)
	}
	value, err := c.word(2)
	if err != nil {
		return nil, err
	}
	if c.stage != nil {
		c.stage.Defer(func() error { return o.set(c, value) })
		return nil, nil
	}
	if err := o.set(c, value); err != nil {
		return nil, err
	}
	switch {
	case name == "thread":
		return nil, nil
	case o.get == nil:
		return value, nil
	}
	return o.get(c)
}

// get answers `get`.
func get(c *call) (any, error) {
	name, err := c.text(1)
	if err != nil {
		return nil, err
	}
	if o, known := settings[name]; known && o.get != nil {
		return o.get(c)
	}
	return getJail(c, name)
}

// seconds evaluates a time expression; text is the number as Python prints it.
func seconds(v any) (value float64, text string, err error) {
	switch v := v.(type) {
	case int:
		return float64(v), strconv.Itoa(v), nil
	case float64:
		return v, pyobj.Float(v), nil
	}
	x, err := pyexpr.Seconds(pyobj.Str(v))
	if err != nil {
		return 0, "", err
	}
	value, ok := x.Float64()
	if !ok {
		return 0, "", pyobj.Errorf("TypeError", "int() argument must be a string, a bytes-like object or a real number, not 'tuple'")
	}
	return value, x.String(), nil
}

// number reads back what Python printed of a number.
func number(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return f
}
