// Package packaging holds what packages install beside the program. The
// program carries the part of it that it writes itself.
package packaging

import _ "embed"

// Strict is the drop-in for a service that runs no programs.
//
//go:embed systemd/strict.conf
var Strict []byte
