"""Drives the filter objects of an installed Fail2ban for comparisons.

Reads one JSON request a line on standard input and answers with one JSON line.
Nothing of Fail2ban is changed or printed; its classes are only called.
"""
import base64
import json
import logging
import os
import signal
import sys
import time

logging.raiseExceptions = False
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.filter import FileContainer, FileFilter
from fail2ban.server.ipdns import IPAddr
from fail2ban.server.mytime import MyTime

records = []


class TookTooLong(Exception):
    pass


def give_up(*args):
    raise TookTooLong()


signal.signal(signal.SIGALRM, give_up)


class Collect(logging.Handler):
    def emit(self, record):
        if record.levelno >= 30:
            records.append([record.levelno, record.getMessage()])


root = logging.getLogger("fail2ban")
root.setLevel(logging.WARNING)
root.handlers = [Collect()]
filters = {}


def encode(v):
    if v is None or isinstance(v, (str, int, float)):
        return v
    if isinstance(v, tuple):
        return {"tuple": [encode(x) for x in v]}
    if isinstance(v, (set, frozenset)):
        return {"set": sorted(v)}
    return str(v)


def make(req):
    f = FileFilter(None)
    if "usedns" in req:
        f.setUseDns(req["usedns"])
    f.setMaxLines(req.get("maxlines") or 1)
    if req.get("prefregex"):
        f.prefRegex = req["prefregex"]
    for r in req.get("failregex") or []:
        f.addFailRegex(r)
    for r in req.get("ignoreregex") or []:
        f.addIgnoreRegex(r)
    if req.get("datepattern"):
        f.setDatePattern(req["datepattern"])
    if "logtimezone" in req:
        f.setLogTimeZone(req["logtimezone"])
    if req.get("encoding"):
        f.setLogEncoding(req["encoding"])
    if req.get("findtime"):
        f.setFindTime(req["findtime"])
    f.checkFindTime = bool(req.get("age"))
    f.checkAllRegex = bool(req.get("all"))
    f.returnRawHost = bool(req.get("raw"))
    f.inOperation = bool(req.get("operation", True))
    return f


def read(req):
    r = FilterReader(req["name"], "test", req.get("opts") or {}, basedir=req["dir"])
    if not r.read():
        raise RuntimeError("cannot read filter " + req["name"])
    r.getOptions({})
    out = {"failregex": [], "ignoreregex": []}
    for words in r.convert():
        key, value = words[2], words[3]
        if key.startswith("add"):
            key = key[3:]
        if key in ("failregex", "ignoreregex"):
            out[key] += value if isinstance(value, list) else [value]
        elif key in ("prefregex", "maxlines", "datepattern"):
            out[key] = value
    return out


def rows(found):
    out = []
    for index, ident, when, data in found:
        data = dict(data)
        matches = data.pop("matches", None)
        data.pop("nofail-matches", None)
        pending = bool(data.pop("mlfpending", None))
        out.append([
            index,
            None if ident is None else str(ident),
            ident.familyStr if isinstance(ident, IPAddr) else None,
            when,
            [[k, encode(v)] for k, v in data.items()],
            None if matches is None else [list(m) for m in matches],
            pending,
        ])
    return out


def run(req):
    f = filters[req["id"]]
    out = []
    for item in req["lines"]:
        MyTime.setTime(item.get("now", req.get("now")))
        line = FileContainer.decode_line("test", f.getLogEncoding(), base64.b64decode(item["b"])).rstrip("\r\n")
        del records[:]
        signal.setitimer(signal.ITIMER_REAL, req.get("limit", 2))
        try:
            if "date" in item:
                found = f.processLine(("", item["date"], line), item["time"])
            else:
                found = f.processLine(line)
            out.append({"rows": rows(found)})
        except Exception as e:
            out.append({"error": type(e).__name__, "text": str(e)})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if req.get("records"):
            out[-1]["records"] = list(records)
    return out


def ips(req):
    out = []
    for text in req["texts"]:
        try:
            ip = IPAddr(text)
            out.append([str(ip), ip.familyStr or "", bool(ip.isSingle)])
        except ValueError as e:
            out.append([str(e)])
    return out


def answer(req):
    op = req["op"]
    if op == "make":
        filters[req["id"]] = make(req)
        return {}
    if op == "drop":
        filters.pop(req["id"], None)
        return {}
    if op == "read":
        return read(req)
    if op == "run":
        return {"lines": run(req)}
    if op == "ips":
        return {"ips": ips(req)}
    if op == "expand":
        f = make(dict(req, failregex=[req["regex"]]))
        return {"regex": f.getFailRegex()[0]}
    if op == "dates":
        f = filters[req["id"]]
        return {"dates": [[t.name, t.hits] for t in f.dateDetector.templates]}
    if op == "zone":
        os.environ["TZ"] = req["zone"]
        time.tzset()
        return {}
    raise ValueError(op)


for request in sys.stdin:
    try:
        reply = answer(json.loads(request))
    except Exception as e:
        reply = {"error": type(e).__name__, "text": str(e)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
