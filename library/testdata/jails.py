"""Prints what the reference reads in a tree's jail.conf, as JSON: jail → option → value.

An option of actions becomes a list of [name, {parameter: value}]."""

import json
import sys

from fail2ban.client.jailsreader import JailsReader
from fail2ban.helpers import extractOptions, splitWithOptions

reader = JailsReader(basedir=sys.argv[1])
reader.setBaseDir(sys.argv[1])
reader.read()
config = reader._cfg

jails = {}
for jail in config.sections():
    if jail in ("INCLUDES", "DEFAULT") or "/" in jail:
        continue
    options = jails[jail] = {}
    for option in config.options(jail):
        if option.startswith("known/"):
            continue
        try:
            value = config.get(jail, option)
        except Exception as e:
            # Some shortcuts need a key that only the user has.
            options[option] = "cannot be read: " + type(e).__name__
            continue
        if option.startswith("action") or option == "filter":
            options[option] = [extractOptions(one) for one in splitWithOptions(value) if one]
        else:
            options[option] = value
json.dump(jails, sys.stdout)
