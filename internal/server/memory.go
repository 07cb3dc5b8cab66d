package server

import "runtime/debug"

// garbage is how much garbage may gather, in percent of what lives. A server
// lives in a few MiB, so that much is little memory, and the usual 100 would
// have a flood of failures collected every few milliseconds.
const garbage = 400

// Settle gives back the memory that the start took, and prepares for service:
// it is called when the configuration is read.
func Settle() {
	debug.FreeOSMemory()
	debug.SetGCPercent(garbage)
	releaseProgram()
}
