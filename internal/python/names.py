"""What actions import from Fail2ban, under its names, written anew.

It is read together with host.py, whose wire it uses.
"""

import collections.abc
import inspect
import ipaddress
import logging
import os
import socket
import subprocess
import sys
import time
import traceback
import types

MAX_TEXT = 8192


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
