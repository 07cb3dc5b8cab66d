"""Parses INI texts with Python's ConfigParser, set up as Fail2ban's reader is.

Each line of input is a JSON string; each line of output the list of sections,
[name, [[option, value], ...]], DEFAULT first, or null for an error.
"""
import configparser
import json
import sys

for line in sys.stdin:
    text = json.loads(line)
    parser = configparser.RawConfigParser(inline_comment_prefixes=(';',), interpolation=None)
    try:
        # files are read with universal newlines
        parser.read_string(text.replace('\r\n', '\n').replace('\r', '\n'))
        answer = [['DEFAULT', list(parser.defaults().items())]]
        answer += [[name, list(parser._sections[name].items())] for name in parser.sections()]
    except configparser.Error:
        answer = None
    print(json.dumps(answer), flush=True)
