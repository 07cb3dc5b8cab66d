package source

type journalKey struct{}
type journalReader struct{}
type journalCursor struct{}

func (j *journalReader) subscriptions() []*Subscription { return nil }
