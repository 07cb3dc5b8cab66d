package control

import (
	"stockade/internal/ignore"
	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// The options of this file are ours: they keep bans found in logs from locking
// the owner out.

func setNever(_ *call, s *jail.State, v any) (any, error) {
	if err := s.Never().SetList(pyobj.Str(v)); err != nil {
		return nil, pyobj.Builtin("ValueError", err.Error())
	}
	return list(s.Never().List()), nil
}

func setNeverWider(_ *call, s *jail.State, v any) (any, error) {
	if err := s.Never().SetWidest(pyobj.Str(v)); err != nil {
		return nil, pyobj.Builtin("ValueError", err.Error())
	}
	return s.Never().WidestText(), nil
}

func setNeverSelf(_ *call, s *jail.State, v any) (any, error) {
	s.SetNeverSelf(isTrue(v))
	return s.NeverSelf(), nil
}

// setSwitch sets one entry of the never-list on or off.
func setSwitch(which func(*ignore.Never) *bool) func(*call, *jail.State, any) (any, error) {
	return func(_ *call, s *jail.State, v any) (any, error) {
		on := which(s.Never())
		*on = isTrue(v)
		return *on, nil
	}
}

// setPace sets a number of bans a minute.
func setPace(set func(*jail.State, int)) func(*call, *jail.State, any) (any, error) {
	return func(_ *call, s *jail.State, v any) (any, error) {
		n, err := pyobj.Int(v)
		if err != nil {
			return nil, err
		}
		set(s, n)
		return n, nil
	}
}
