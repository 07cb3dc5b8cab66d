"""Evaluates expressions with Python itself, one JSON object a line.

{"formula": text, "time": T, "count": N, "factor": F} gives the value of a
formula, {"seconds": text} that of a time value by the reference's own parser
(when its modules are in PYTHONPATH). The answer is repr of the value, or null
for an error.
"""
import json
import math
import sys
import warnings

try:
    from fail2ban.server.mytime import MyTime
except ImportError:
    MyTime = None

warnings.simplefilter('ignore')
sys.set_int_max_str_digits(0)


class Ban:
    def __init__(self, time, count):
        self.Time, self.Count = time, count


def value(q):
    if 'seconds' in q:
        return MyTime.str2seconds(q['seconds'])
    names = {'ban': Ban(q['time'], q['count']), 'banFactor': q['factor'], 'math': math}
    return eval(q['formula'], names)


for line in sys.stdin:
    try:
        answer = repr(value(json.loads(line)))
    except Exception:
        answer = None
    print(json.dumps(answer), flush=True)
