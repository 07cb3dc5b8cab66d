package trial

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/testenv"
)

// regexScript runs the reference's fail2ban-regex again and again in one
// process.
const regexScript = `
import io, json, logging, sys
from fail2ban.client import fail2banregex
from fail2ban.server.ipdns import DNSUtils
plain = sys.stdout
for request in sys.stdin:
    args = json.loads(request)
    out, err, status = io.StringIO(), io.StringIO(), 0
    sys.stdout, sys.stderr = out, err
    sys.argv = ["fail2ban-regex"] + args
    try:
        fail2banregex.exec_command_line(args)
    except SystemExit as e:
        status = e.code or 0
    except BaseException as e:
        status, err = 1, io.StringIO("%s: %s" % (type(e).__name__, e))
    finally:
        sys.stdout = plain
        logging.getLogger("fail2ban").handlers = []
        DNSUtils.CACHE_nameToIp = type(DNSUtils.CACHE_nameToIp)(maxCount=1000, maxTime=5 * 60)
    plain.write(json.dumps([out.getvalue(), err.getvalue(), status]) + "\n")
    plain.flush()
`

// reference is the reference's fail2ban-regex.
type reference struct {
	*testenv.Dialogue
	t   testing.TB
	dir string
}

func startReference(t testing.TB, cwd string) *reference {
	t.Helper()
	testenv.Need(t, "python3")
	dir := testenv.Reference(t)
	cmd := testenv.ReferenceCommand(t, "-W", "ignore", "-c", regexScript)
	cmd.Env = append(cmd.Env, "TZ=UTC", "COLUMNS=80")
	cmd.Dir = cwd
	return &reference{Dialogue: testenv.Talk(t, cmd), t: t, dir: dir}
}

// result is what a program did.
type result struct {
	out, err string
	status   int
}

func (r *reference) run(args []string) result {
	r.t.Helper()
	b, err := json.Marshal(args)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.In.Write(append(b, '\n')); err != nil {
		r.t.Fatal(err)
	}
	line, err := r.Out.ReadBytes('\n')
	if err != nil {
		r.t.Fatalf("the reference ended: %v", err)
	}
	var x result
	if err := json.Unmarshal(line, &[]any{&x.out, &x.err, &x.status}); err != nil {
		r.t.Fatal(err)
	}
	return x
}

// ours runs our program in the same way.
func ours(cwd string, args []string) result {
	var out, errs bytes.Buffer
	status := Regex(args, Env{
		Program: "fail2ban-regex", Stdout: &out, Stderr: &errs, Dir: cwd, Zone: time.UTC,
		Resolve: func(name string) []ipaddr.ID {
			addrs, err := net.LookupHost(name)
			if err != nil {
				return nil
			}
			var ids []ipaddr.ID
			for _, a := range addrs {
				ids = append(ids, ipaddr.Parse(a))
			}
			return ids
		},
	})
	return result{out.String(), errs.String(), status}
}

var (
	took    = regexp.MustCompile(`processed in [0-9.]+ sec`)
	nowText = regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [0-9:]{8} \d{4}`)
	// pythonSet is a set of names, whose order means nothing.
	pythonSet = regexp.MustCompile(`\{'[^':{}]*'(?:, '[^':{}]*')+\}`)
	nowReal   = regexp.MustCompile(`\b\d{10}\.\d{3,7}\b`)
	// help is the page of options, which is our own.
	help = regexp.MustCompile(`(?s)^Usage: .*`)
)

// normal takes out of a report what differs from run to run: the time that it
// took, and the present where it stands for a missing date.
func normal(s string, present time.Time) string {
	s = pythonSet.ReplaceAllStringFunc(s, func(x string) string {
		names := strings.Split(strings.Trim(x, "{}"), ", ")
		slices.Sort(names)
		return "{" + strings.Join(names, ", ") + "}"
	})
	s = took.ReplaceAllString(s, "processed in N sec")
	s = nowText.ReplaceAllStringFunc(s, func(x string) string {
		at, err := time.Parse("Mon Jan 02 15:04:05 2006", x)
		if err == nil && at.Sub(present).Abs() < time.Hour {
			return "NOW"
		}
		return x
	})
	return nowReal.ReplaceAllStringFunc(s, func(x string) string {
		at, err := strconv.ParseFloat(x, 64)
		if err == nil && math.Abs(at-float64(present.Unix())) < 3600 {
			return "NOW"
		}
		return x
	})
}
