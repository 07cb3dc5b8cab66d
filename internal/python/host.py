"""The far end of package python: one action of the user's, in one process.

Requests come as JSON lines on what was the standard input, answers go to what
was the standard output. Both are moved out of the way first, so that nothing
the action prints or reads can get between. The modules that actions import
from Fail2ban stand here under their names, written anew.
"""

import base64
import collections.abc
import importlib.util
import inspect
import ipaddress
import json
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import traceback
import types

MAX_LINE = 1 << 20
MAX_TEXT = 8192


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


# ------------------------------------------- what actions import of Fail2ban

class WireHandler(logging.Handler):
    """Brings what an action logs to the server's log."""

    def emit(self, record):
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
            wire.send({"log": record.levelno, "logger": record.name, "text": text[:MAX_TEXT]})
        except Exception:
            self.handleError(record)


def add_level(number, name):
    logging.addLevelName(number, name)

    def method(self, message, *args, **kwargs):
        if self.isEnabledFor(number):
            self._log(number, message, args, **kwargs)

    setattr(logging.Logger, name.lower(), method)


def get_logger(name):
    """The logger of a name; of dotted ones the last part counts."""
    return logging.getLogger("fail2ban." + name.rpartition(".")[2])


class ActionBase:
    """What the classes of actions are made of."""

    _prolongable = False

    def __init__(self, jail, name):
        self._jail = jail
        self._name = name
        self._logSys = get_logger(type(self).__name__)

    def start(self):
        pass

    def stop(self):
        pass

    def ban(self, aInfo):
        pass

    def reban(self, aInfo):
        return self.ban(aInfo)

    def unban(self, aInfo):
        pass


NEEDED = ("start", "stop", "ban", "reban", "unban")


def wants_argument(function):
    try:
        return bool(inspect.signature(function).parameters)
    except ValueError:
        return False  # as many built-in functions


class CallingMap(collections.abc.MutableMapping):
    """A mapping whose callable values are worked out when they are asked for."""

    def __init__(self, *pairs, **more):
        self.data, self.storage = dict(*pairs, **more), {}

    def __getitem__(self, key):
        if key in self.storage:
            return self.storage[key]
        value = self.data[key]
        if callable(value):
            value = value(self) if wants_argument(value) else value()
            self.storage[key] = value
        return value

    def __setitem__(self, key, value):
        self.storage.pop(key, None)
        self.data[key] = value

    def __delitem__(self, key):
        self.storage.pop(key, None)
        del self.data[key]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)

    def __contains__(self, key):
        return key in self.data

    def copy(self):
        twin = type(self)(self.data)
        twin.storage = dict(self.storage)
        return twin

    def reset(self):
        self.storage.clear()

    def __repr__(self):
        return "%s(%r)" % (type(self).__name__, {k: self[k] for k in self})

    __str__ = __repr__


class IPAddr(str):
    """An address, a network, or an identifier that is neither."""

    def __new__(cls, text, *_):
        self = super().__new__(cls, text)
        self._net = None
        try:
            self._net = ipaddress.ip_network(text, strict=False)
        except ValueError:
            pass
        return self

    def __repr__(self):
        return repr(str(self))

    addr = property(lambda self: int(self._net.network_address) if self._net else 0)
    raw = property(lambda self: str(self))
    ntoa = property(lambda self: str(self))
    plen = property(lambda self: self._net.prefixlen if self._net else None)
    isValid = property(lambda self: self._net is not None)
    isIPv4 = property(lambda self: self._net is not None and self._net.version == 4)
    isIPv6 = property(lambda self: self._net is not None and self._net.version == 6)
    isSingle = property(lambda self: self._net is not None and self._net.num_addresses == 1)

    @property
    def family(self):
        if self._net is None:
            return -1
        return socket.AF_INET if self.isIPv4 else socket.AF_INET6

    @property
    def familyStr(self):
        return None if self._net is None else "inet%d" % self._net.version

    def isInNet(self, net):
        net = IPAddr(net)
        return (self._net is not None and net._net is not None and self._net.version == net._net.version
                and self._net.subnet_of(net._net))

    def contains(self, ip):
        return IPAddr(ip).isInNet(self)

    def getPTR(self, suffix=None):
        if self._net is None:
            return ""
        labels, _, _ = self._net.network_address.reverse_pointer.rpartition(".in-addr" if self.isIPv4 else ".ip6")
        return labels + "." + (suffix if suffix is not None else "in-addr.arpa." if self.isIPv4 else "ip6.arpa.")

    def getHost(self):
        try:
            return socket.gethostbyaddr(str(self))[0]
        except OSError:
            return None


class ActionInfo(CallingMap):
    """A ticket as an action sees it; the server knows the values."""

    @classmethod
    def of(cls, ticket, keys, values):
        info = cls((key, lambda self, key=key: fetch(ticket, key)) for key in keys)
        for key, value in values.items():
            info.storage[key] = dress(key, decode(value))
        return info

    def __getitem__(self, key):
        try:
            return super().__getitem__(key)
        except KeyError:
            if not key.startswith("F-"):
                raise
            fields = self["F-*"]
            name = key[2:].lower()
            name = {"id": "fid", "port": "fport"}.get(name, name)
            if name in fields:
                return fields[name]
            raise KeyError(key) from None


def fetch(ticket, key):
    return dress(key, wire.ask("info", ticket=ticket, key=key))


def dress(key, value):
    return IPAddr(value) if key in ("ip", "fid") and isinstance(value, str) else value


class JailActions:
    """The part of a jail that knows the ban time."""

    def getBanTime(self):
        return wire.ask("bantime")

    banTime = property(getBanTime)


class Jail:
    """What an action may know of its jail."""

    database = None
    idle = False

    def __init__(self, name):
        self.name = name
        self.actions = JailActions()

    def __repr__(self):
        return "Jail(%r)" % self.name

    __str__ = __repr__


class MyTime:
    """The time."""

    @staticmethod
    def now():
        import datetime
        return datetime.datetime.now()

    @staticmethod
    def time2str(unixTime, format=None):
        format = format or "%Y-%m-%d %H:%M:%S"
        return time.strftime(format, time.localtime(unixTime))


MyTime.time = staticmethod(time.time)
MyTime.gmtime = staticmethod(time.gmtime)
MyTime.localtime = staticmethod(time.localtime)


class Utils:
    """Running commands."""

    @staticmethod
    def executeCmd(realCmd, timeout=60, shell=True, output=False, success_codes=(0,), varsDict=None, **_):
        process = subprocess.Popen(
            realCmd, shell=shell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **{k: str(v) for k, v in (varsDict or {}).items()}})
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        good = process.returncode in success_codes
        if not good:
            get_logger("utils").error("%s -- returned %s: %s", realCmd, process.returncode, err.decode(errors="replace").strip())
        if output:
            return good, out, err, process.returncode
        return good


class DNSUtils:
    """Names."""

    @staticmethod
    def getHostname(fqdn=True):
        return socket.getfqdn() if fqdn else socket.gethostname()

    @staticmethod
    def ipToName(ip):
        return IPAddr(ip).getHost()


def to_text(value, encoding="utf-8", errors="replace"):
    return value.decode(encoding, errors) if isinstance(value, bytes) else str(value)


def provide(name, **content):
    module = types.ModuleType(name)
    module.__path__ = []
    module.__dict__.update(content)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)


def provide_modules():
    provide("fail2ban", __version__="1.1.1")
    provide("fail2ban.version", version="1.1.1")
    provide("fail2ban.helpers", getLogger=get_logger, logging=logging, uni_decode=to_text, uni_string=to_text,
            splitwords=lambda text: text.replace(",", " ").split())
    provide("fail2ban.server")
    provide("fail2ban.server.action", ActionBase=ActionBase, CallingMap=CallingMap)
    actions = types.SimpleNamespace(ActionInfo=ActionInfo)
    provide("fail2ban.server.actions", ActionBase=ActionBase, CallingMap=CallingMap, Actions=actions)
    provide("fail2ban.server.ipdns", IPAddr=IPAddr, DNSUtils=DNSUtils)
    provide("fail2ban.server.jail", Jail=Jail)
    provide("fail2ban.server.mytime", MyTime=MyTime)
    provide("fail2ban.server.utils", Utils=Utils)


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
