package cli

import (
	"strings"

	"stockade/internal/pyobj"
)

// printStatus shows one jail or all. Servers that cannot show all at once, as
// Fail2ban 1.0, are asked for one after the other.
func (s *stockade) printStatus(options values, jails []string) error {
	if len(jails) == 0 {
		err := s.show(options, "status", "--all")
		if err == nil {
			return nil
		}
		overview, failed := s.call(options, []string{"status"})
		if failed != nil {
			return err
		}
		if err := s.show(options, "status"); err != nil {
			return err
		}
		jails = jailsOf(overview)
	}
	for _, name := range jails {
		if err := s.show(options, "status", name); err != nil {
			return err
		}
	}
	return nil
}

// jailsOf are the names in the answer to status.
func jailsOf(overview any) []string {
	rows, _ := overview.([]any)
	for _, r := range rows {
		if row, ok := r.(pyobj.Tuple); ok && len(row) == 2 && row[0] == "Jail list" {
			return strings.FieldsFunc(pyobj.Str(row[1]), func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return nil
}
