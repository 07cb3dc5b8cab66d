// Package control is the door to the server: the unix socket with its pickle
// messages, the table of commands with their grammar, effects, replies and
// error texts, and the words in which a client prints a reply.
//
// It promises that a request of any client of Fail2ban gets the reply that
// Fail2ban 1.1.1 gives; that a request is data and is never executed; that
// what one client may cost is bounded; and that a command whose effect is
// asked for (banip, unbanip, stop, reload) is answered when it is done.
//
// Commands of different clients run side by side. Those that change which
// jails there are (add, start, stop, reload, server-stream) run alone.
package control
