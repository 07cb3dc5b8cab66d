package trial

// journalPrefix is how a LOG argument names the journal.
const journalPrefix = "systemd-journal"

// readJournal runs the entries of the journal through the filter.
func (t *regexTrial) readJournal() error {
	return refusal{"the journal cannot be read yet"}
}
