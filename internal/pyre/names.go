package pyre

// runeByName finds a character by its Unicode name.
func runeByName(name string) (rune, bool) { return 0, false }
