"""Computes ban times with the reference: one JSON request a line, one JSON list of seconds back."""
import json
import sys

from fail2ban.server.jail import Jail
from fail2ban.server.observer import ObserverThread

observer = ObserverThread()
for line in sys.stdin:
    ask = json.loads(line)
    jail = Jail("j", "polling")
    for option, value in ask["options"]:
        jail.setBanTimeExtra(option, value)
    seconds = [observer.calcBanTime(jail, ask["base"], count) for count in ask["counts"]]
    print(json.dumps(seconds), flush=True)
