package source

type (
	journalKey    struct{}
	journalReader struct{}
	journalCursor struct{}
)

func (j *journalReader) subscriptions() []*Subscription { return nil }
