"""Answers questions about Python's re, one JSON object a line.

{"p": pattern, "f": flags, "t": [texts], "from": n, "to": n} is answered with
{"err": [class, message, position, line, column]} or
{"names": {...}, "groups": n, "r": [[spans] | null | "slow" | "broken"]}.
"""
import json
import re
import signal
import sys
import warnings

warnings.simplefilter("ignore")


class Slow(Exception):
    pass


def alarm(*_):
    raise Slow


signal.signal(signal.SIGALRM, alarm)


def search(pattern, text, start, end):
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    try:
        m = pattern.search(text, start, len(text) if end is None else end)
        if m is None:
            return None
        return [x for g in range(pattern.groups + 1) for x in m.span(g)]
    except Slow:
        return "slow"
    except (SystemError, MemoryError, RecursionError):
        return "broken"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def everywhere(pattern, text):
    return [x for m in pattern.finditer(text) for x in m.span()]


def answer(q):
    try:
        pattern = re.compile(q["p"], q["f"])
    except re.error as e:
        return {"err": ["error", e.msg, -1 if e.pos is None else e.pos, e.lineno or 0, e.colno or 0, str(e)]}
    except (ValueError, OverflowError, RecursionError) as e:
        return {"err": [type(e).__name__, str(e), -1, 0, 0, str(e)]}
    if q.get("all"):
        return {"r": [everywhere(pattern, t) for t in q["t"]]}
    return {
        "names": dict(pattern.groupindex),
        "groups": pattern.groups,
        "r": [search(pattern, t, q.get("from", 0), q.get("to")) for t in q["t"]],
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
