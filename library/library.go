// Package library is the configuration that every Stockade carries: jails,
// filters and actions under the names that Fail2ban's users know.
//
// The user's own directory lies over it file by file. Samples holds labelled
// log lines for each filter: what it must find and what it must not.
package library

import (
	"embed"
	"io/fs"
)

//go:embed *.conf filter.d action.d
var files embed.FS

//go:embed samples
var samples embed.FS

// Files is the configuration: fail2ban.conf, jail.conf, paths-*.conf, filter.d
// and action.d.
func Files() fs.FS { return files }

// Samples holds one file of labelled lines for each filter, under its name.
func Samples() fs.FS {
	sub, err := fs.Sub(samples, "samples")
	if err != nil {
		// The name is the one embedded above.
		panic(err)
	}
	return sub
}
