//go:build !linux

package source

import "os"

// notifier does not exist here: all files are polled.
type notifier struct{}

func newNotifier() *notifier { return nil }

func (n *notifier) close() {}

func (n *notifier) file(*os.File, func()) *watch { return nil }

func (n *notifier) dir(string, string, func(), func(from, to string)) *watch { return nil }

func (n *notifier) tree(string, func()) *watch { return nil }

func (n *notifier) catchUp() {}

// watch is one interest in changes.
type watch struct{}

func (w *watch) alive() bool { return false }

func (w *watch) remove() {}
