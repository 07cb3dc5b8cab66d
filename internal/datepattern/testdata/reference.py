"""Drives the reference's date detector for the differential tests.

Reads scenarios as JSON, one a line, and answers each with one line of JSON.
A scenario: tz, now, patterns (null: the defaults), zone (logtimezone or null),
lines: [[text, now], ...].
"""
import json
import logging
import os
import re
import sys
import time

import types

logging.disable(logging.CRITICAL)

from fail2ban.server import datedetector
from fail2ban.server.datedetector import DateDetector
from fail2ban.server.mytime import MyTime

# The ranking asks the machine's clock, not the one that tests set.
datedetector.time = types.SimpleNamespace(time=MyTime.time)


def failure(error):
    return [type(error).__name__, str(error)]


def describe(detector):
    rows = []
    for t in detector.templates:
        inner = t.template
        rows.append([t.name, getattr(inner, "pattern", None) or "",
                     bool(inner.flags & 12), inner.weight, t.hits, t.weight])
    return rows


def broken(detector):
    """Tells whether a template is no regular expression, which the reference
    finds out when it tries it first."""
    for t in detector.templates:
        try:
            re.compile(t.template.regex)
        except re.error:
            return True
    return False


def one_line(detector, text, now):
    MyTime.setTime(now)
    try:
        found = detector.matchTime(text)
    except Exception as error:
        return {"error": failure(error)}
    match = found[0] if found else None
    if not match:
        return {}
    answer = {"span": match.span(), "cut": match.span(1), "name": found[1].name}
    try:
        result = detector.getTime(text, found)
    except Exception as error:
        answer["timeError"] = failure(error)
        return answer
    if result:
        answer["time"] = float(result[0])
        answer["integer"] = isinstance(result[0], int)
    return answer


def run(scenario):
    datedetector.DD_patternCache.clear()
    # The C library remembers the offset that it found last; begin with none.
    os.environ["TZ"] = "UTC"
    time.tzset()
    time.mktime((2000, 1, 1, 0, 0, 0, 0, 0, -1))
    os.environ["TZ"] = scenario["tz"]
    time.tzset()
    MyTime.setTime(scenario["now"])
    detector = DateDetector()
    try:
        for pattern in scenario["patterns"] or []:
            detector.appendTemplate(pattern)
        if not scenario["patterns"]:
            detector.addDefaultTemplate()
        if scenario["zone"] is not None:
            detector.default_tz = scenario["zone"]
    except Exception as error:
        return {"error": failure(error), "templates": describe(detector)}
    answer = {"templates": describe(detector), "broken": broken(detector)}
    answer["lines"] = []
    for text, now in scenario["lines"]:
        line = one_line(detector, text, now)
        line["order"] = [t.name for t in detector.templates]
        answer["lines"].append(line)
    answer["ranking"] = describe(detector)
    return answer


for request in sys.stdin:
    print(json.dumps(run(json.loads(request))), flush=True)
