"""Runs the filters of jails of an installed Fail2ban over a log, as its server does.

Reads a job as JSON on standard input and answers with one JSON line. Nothing of Fail2ban is changed or
printed; its classes are only called.
"""
import json
import logging
import os
import sys
import time
import zlib

job = json.load(sys.stdin)
os.environ["TZ"] = job["Zone"]
time.tzset()

logging.raiseExceptions = False
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.filter import FileContainer
from fail2ban.server.jail import Jail
from fail2ban.server.mytime import MyTime

MyTime.setTime(job["Now"])
texts = []


class Collect(logging.Handler):
    def emit(self, record):
        text = record.getMessage()
        if "] Found " in text:
            texts.append(text.split("] Found ", 1)[1])


root = logging.getLogger("fail2ban")
root.setLevel(logging.INFO)
root.handlers = [Collect()]


def jail_filter(j):
    f = Jail(j["Name"], backend="polling").filter
    f.active = True
    f.inOperation = False
    f.setUseDns("no")
    f.ignoreSelf = False
    r = FilterReader(j["Filter"], j["Name"], j.get("Options") or {}, basedir=job["Config"])
    r.read()
    r.getOptions({})
    for words in r.convert():
        key, value = words[2], words[3]
        values = value if isinstance(value, list) else [value]
        if key in ("addfailregex", "failregex", "multi-set-failregex"):
            for v in values:
                f.addFailRegex(v)
        elif key in ("addignoreregex", "ignoreregex"):
            for v in values:
                f.addIgnoreRegex(v)
        elif key == "prefregex":
            f.prefRegex = value
        elif key == "maxlines":
            f.setMaxLines(value)
        elif key == "datepattern":
            f.setDatePattern(value)
    f.setMaxRetry(1 << 30)
    f.setFindTime(j["FindTime"])
    return f


def read(j, f):
    with open(job["Log"], "rb") as log:
        encoding = f.getLogEncoding()
        for line in log:
            f.processLineAndAdd(FileContainer.decode_line(job["Log"], encoding, line).rstrip("\r\n"))


filters = [(j, jail_filter(j)) for j in job["Jails"]]
found, everything = {}, []
del texts[:]
cpu, wall = time.process_time(), time.time()
for j, f in filters:
    read(j, f)
    found[j["Name"]] = list(texts)
    del texts[:]
cpu, wall = time.process_time() - cpu, time.time() - wall
for name, lines in found.items():
    text = "".join(x + "\n" for x in lines)
    everything.append(text)
    data = text.encode()
    found[name] = {"Count": len(lines), "Digest": "%08x of %d bytes" % (zlib.crc32(data), len(data))}
if job.get("Found"):
    with open(job["Found"], "w") as out:
        out.write("".join(everything))
print(json.dumps({"CPU": cpu, "Wall": wall, "Found": found}))
