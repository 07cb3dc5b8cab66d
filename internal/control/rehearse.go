package control

import (
	"context"

	"stockade/internal/server"
)

// Rehearse puts a stream of commands together on a stage that will never be
// committed: its jails are configured and do not run. The caller drops it.
func (t *Table) Rehearse(ctx context.Context, stream, sidecar any) (*server.Stage, error) {
	c := &call{ctx: ctx, table: t, srv: t.srv, jails: t.srv}
	return c.staged(stream, sidecar, &notes{})
}
