package cli

import (
	"encoding/hex"
	"os"
	"strings"
)

// answerTraps are about what commands print.
var answerTraps = []trap{
	{number: 1, name: "an empty list is an empty line", do: func(r trapped) { r.says("get two banip", "") }},
	{number: 2, name: "a second ban counts nothing", do: func(r trapped) {
		r.says("set one banip 192.0.2.1", "1")
		r.says("set one banip 192.0.2.1", "0")
	}},
	{number: 3, name: "banned is a repr", do: func(r trapped) {
		r.says("set one banip 192.0.2.1", "1")
		r.says("banned", "[{'one': ['192.0.2.1']}, {'two': []}]")
	}},
	{number: 4, name: "banip does not ask ignoreip", do: func(r trapped) { r.says("set one banip 127.0.0.9", "1") }},
	{number: 5, name: "attempt asks ignoreip", do: func(r trapped) { r.says("set one attempt 127.0.0.8", "0") }},
	{number: 6, name: "absent addresses", do: func(r trapped) {
		r.fails("set one unbanip --report-absent 203.0.113.9", "not banned: ['203.0.113.9']\n", "")
		r.says("set one unbanip 203.0.113.9", "0")
	}},
	{number: 7, name: "ids are canonical", do: func(r trapped) {
		r.says("set one banip ::ffff:192.0.2.55 192.0.4.5/24", "2")
		r.says("get one banip ,", "192.0.2.55,192.0.4.0/24")
	}},
	{number: 8, name: "banned matches exactly", do: func(r trapped) {
		r.says("set one banip 192.0.2.1 192.0.4.0/24", "2")
		r.says("get one banned 192.0.4.7", "0")
		r.says("get one banned 192.0.2.1 1.1.1.1", "[1, 0]")
		r.says("banned 192.0.2.1 1.1.1.1", "[['one'], []]")
	}},
	{number: 9, name: "unban by network", do: func(r trapped) {
		r.says("set one banip 192.0.2.1 192.0.2.55 192.0.4.0/24 198.51.100.1", "4")
		r.says("set one unbanip 192.0.0.0/16", "3")
	}},
	{number: 10, name: "a tab after the colon", do: func(r trapped) {
		r.says("status", "Status\n|- Number of jail:\t2\n`- Jail list:\tone, two")
	}},
	{number: 11, name: "errors go to both streams", do: func(r trapped) {
		r.fails("status nojail", "Sorry but the jail 'nojail' does not exist\n", "ERROR   NOK: ('nojail',)")
	}},
	{number: 12, name: "missing words", do: func(r trapped) {
		r.fails("get", "Sorry but the command is invalid\n", "NOK: ('list index out of range',)")
	}},
	{number: 13, name: "int and float times", do: func(r trapped) {
		r.says("set one findtime 1mo", "2629800.0")
		r.says("set one bantime 1mo", "2629800")
	}},
	{number: 14, name: "loglevel as typed", do: func(r trapped) { r.says("set loglevel 20", "Current logging level is '20'") }},
	{number: 16, name: "stats", do: func(r trapped) {
		if got := r.f("stats"); got.status != 0 || !strings.HasPrefix(got.stdout, strings.Repeat(" ", 10)+"║") {
			r.Errorf("%+v", got)
		}
	}},
	{number: 17, name: "status of all", do: func(r trapped) {
		got := r.f("status --all")
		if got.status != 0 || !strings.HasPrefix(got.stdout, "Status\n|- Number of jail:\t2\n") || !strings.Contains(got.stdout, "Jail: two\n") {
			r.Errorf("%+v", got)
		}
	}},
	{number: 18, name: "a second jail of a name", do: func(r trapped) { r.fails("add one", "The jail 'one' already exists\n", "") }},
	{number: 27, name: "options after the command are words", do: func(r trapped) {
		r.fails("status -v", "Sorry but the jail '-v' does not exist\n", "")
	}},
	{number: 28, name: "version", do: func(r trapped) {
		r.says("-V", "1.1.1")
		r.says("version", "1.1.1")
	}},
	{number: 33, name: "flushlogs minds the case", do: func(r trapped) {
		r.says("set logtarget stdout", "Current logging target is:\n`- stdout")
		r.says("flushlogs", "logs: rolled over")
		r.says("set logtarget STDOUT", "Current logging target is:\n`- STDOUT")
		r.says("flushlogs", "logs: flushed")
	}},
	{number: 34, name: "delaction runs nothing", do: func(r trapped) {
		r.says("set two addaction xx", "xx")
		r.says("set two action xx actionstop 'touch $D/stopped'", "touch $D/stopped")
		r.says("set two delaction xx", "None")
		if _, err := os.Stat(r.path("stopped")); err == nil {
			r.Error("actionstop ran")
		}
	}},
	{number: 35, name: "a ban for ever", do: func(r trapped) {
		r.says("set two bantime -1", "-1")
		r.says("set two banip 192.0.2.1", "1")
		r.says("get two banip --with-time", "192.0.2.1 \tTIME + -1 = TIME")
	}},
	{number: 36, name: "statistics of one jail", do: func(r trapped) {
		r.says("set two banip 192.0.2.1", "1")
		r.says("set two unbanip 192.0.2.1", "1")
		r.says("status two stats", "['Status for the jail: two', '|- p']['polling', (0, 0), (0, 1)]")
	}},
	{number: 37, name: "old requests get new replies", do: func(r trapped) {
		request, err := hex.DecodeString("800228550470696e6755033130306c2e")
		if err != nil {
			r.Fatal(err)
		}
		got := dialWire(r.T, r.path("f.sock")).send(append(request, endOfMessage...), 1)
		if hex := hex.EncodeToString(got); !strings.HasPrefix(hex, "8005950c000000000000004b008c04706f6e67948694") {
			r.Error(hex)
		}
	}},
	{number: 38, name: "a method is no property", do: func(r trapped) {
		r.fails("get one action act ban", "", "'str' object has no attribute 'args'")
	}},
	{number: 39, name: "usedns of no meaning", do: func(r trapped) { r.says("set two usedns bogus", "no") }},
	{number: 45, name: "help is no command", do: func(r trapped) { r.fails("help", "Invalid command\n", "") }},
}
