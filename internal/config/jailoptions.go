package config

// JailOptions are the names of the options that a jail knows, in the order in
// which they are read. Filters and actions may look at others, which the user
// makes up.
func JailOptions() []string {
	var names []string
	for _, group := range [][]optionKind{jailOptions.read, jailOptions.lead, jailOptions.regex, jailOptions.settings} {
		for _, o := range group {
			names = append(names, o.name)
		}
	}
	return names
}
