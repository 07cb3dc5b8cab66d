"""The far end of package python: one action of the user's, in one process.

Requests come as JSON lines on what was the standard input, answers go to what
was the standard output. Both are moved out of the way first, so that nothing
the action prints or reads can get between. The modules that actions import
from Fail2ban are in names.py, which is read before.
"""

import base64
import collections.abc
import importlib.util
import json
import logging
import os
import queue
import sys
import threading
import traceback

MAX_LINE = 1 << 20


# ---------------------------------------------------------------- the wire

class Wire:
    """Lines to and from the server."""

    def __init__(self):
        self.reader = os.fdopen(os.dup(0), "rb")
        self.writer = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
        self.writing = threading.Lock()
        self.calls = queue.SimpleQueue()
        self.waiting = {}
        self.count = 0

    def send(self, message):
        line = json.dumps(message).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise ValueError("a value of %d bytes is too large" % len(line))
        with self.writing:
            self.writer.write(line)
            self.writer.flush()

    def listen(self):
        """Sorts what comes: calls for the main thread, answers for who asked."""
        for line in self.reader:
            message = json.loads(line)
            if "answer" in message:
                box = self.waiting.pop(message["answer"], None)
                if box is not None:
                    box.put(message)
            else:
                self.calls.put(message)
        self.calls.put(None)

    def ask(self, what, **more):
        """Asks the server for something and waits for it."""
        box = queue.SimpleQueue()
        with self.writing:
            self.count += 1
            number = self.count
            self.waiting[number] = box
        self.send({"ask": what, "question": number, **more})
        message = box.get()
        if "error" in message:
            raise KeyError(message["error"])
        return decode(message["value"])


def encode(value):
    """Makes JSON of a value, with a mark where JSON has no such type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 53 else {"int": str(int(value))}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, (set, frozenset)):
        return {"set": [encode(v) for v in value]}
    if isinstance(value, collections.abc.Mapping):
        return {"dict": [[encode(k), encode(v)] for k, v in value.items()]}
    return repr(value)


def decode(value):
    if isinstance(value, list):
        return [decode(v) for v in value]
    if isinstance(value, dict):
        kind, content = next(iter(value.items()))
        if kind == "int":
            return int(content)
        if kind == "float":
            return float(content)
        if kind == "bytes":
            return base64.b64decode(content)
        if kind == "tuple":
            return tuple(decode(v) for v in content)
        if kind == "set":
            return set(decode(v) for v in content)
        return {decode(k): decode(v) for k, v in content}
    return value


def describe(error):
    args = list(error.args)
    if isinstance(error, json.JSONDecodeError):
        args = [error.msg, error.doc, error.pos]
    elif isinstance(error, OSError) and error.filename is not None:
        args = [error.errno, error.strerror, str(error.filename)]
    kind = type(error)
    args = encode(tuple(args))
    if len(json.dumps(args)) > 4 * MAX_TEXT:
        args = encode((str(error)[:MAX_TEXT],))
    return {
        "module": kind.__module__, "class": kind.__qualname__, "args": args, "text": str(error)[:MAX_TEXT],
        "trace": "".join(traceback.format_exception(kind, error, error.__traceback__))[-MAX_TEXT:],
    }


# ------------------------------------------------------------ carrying out

class Host:
    """Holds the action and does what it is told."""

    action = None

    def load(self, file, jail, name, params):
        where = os.path.splitext(os.path.basename(file))[0]
        with open(file, "rb"):
            pass  # the usual words where it is missing
        spec = importlib.util.spec_from_file_location(where, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not hasattr(module, "Action"):
            raise RuntimeError("%s module does not have 'Action' class" % file)
        if not issubclass(module.Action, ActionBase) and not all(callable(getattr(module.Action, n, None)) for n in NEEDED):
            raise RuntimeError("%s module Action does not implement required methods" % file)
        self.action = module.Action(Jail(jail), name, **json.loads(params))
        return {
            "norestored": bool(getattr(self.action, "norestored", False)),
            "prolongable": bool(getattr(self.action, "_prolongable", False)) and hasattr(self.action, "prolong"),
            **{n: callable(getattr(self.action, n, None)) for n in ("flush", "reload", "consistencyCheck")},
        }

    def run(self, method, ticket=None, keys=(), values=None):
        args = () if ticket is None else (ActionInfo.of(ticket, keys, values or {}),)
        return getattr(self.action, method)(*args)

    def check(self):
        self.action.consistencyCheck(lambda *args, **kwargs: True)

    def reload(self, params):
        if hasattr(self.action, "clearAllParams"):
            self.action.clearAllParams()
        return self.action.reload(**json.loads(params))

    def get(self, name):
        return getattr(self.action, name)

    def set(self, name, value):
        if callable(getattr(self.action, name, None)):
            return getattr(self.action, name)(**json.loads(value))
        setattr(self.action, name, decode(value))
        return getattr(self.action, name)

    def names(self, methods):
        found = []
        for name in dir(self.action):
            if not name.startswith("_") and callable(getattr(self.action, name, None)) == methods:
                found.append(name)
        return sorted(found)

    def serve(self):
        while True:
            message = wire.calls.get()
            if message is None:
                return
            number = message.pop("id")
            call = getattr(self, message.pop("call"))
            try:
                wire.send({"id": number, "value": encode(call(**message))})
            except BaseException as error:
                # sys.exit() in an action ends the action's call, not this.
                wire.send({"id": number, "error": describe(error)})
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    pass


wire = Wire()
sys.dont_write_bytecode = True
for level, word in ((25, "NOTICE"), (18, "MSG"), (7, "TRACEDEBUG"), (5, "HEAVYDEBUG")):
    add_level(level, word)
logging.getLogger("fail2ban").setLevel(1)
logging.getLogger("fail2ban").addHandler(WireHandler())
logging.getLogger("fail2ban").propagate = False
provide_modules()
threading.Thread(target=wire.listen, daemon=True).start()
wire.send({"ready": True})
Host().serve()
