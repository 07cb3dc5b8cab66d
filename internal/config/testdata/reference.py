"""Runs the reference's client for many command lines from one process.

Reads one JSON object {"argv": [...]} a line and answers each with one line
{"out": ..., "err": ..., "code": ...}. Every command line runs in a forked
child, so that nothing one of them does can change the next, and the start of
Python is paid once.
"""
import json
import logging
import os
import runpy
import sys
import tempfile

client = sys.argv[1]
sys.dont_write_bytecode = True


def run(argv, out, err):
    """Run the client in a child; its output goes to two open files."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 254
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ['fail2ban-client'] + argv
        try:
            runpy.run_path(client, run_name='__main__')
            code = 0
        except SystemExit as e:
            code = e.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        logging.shutdown()
    finally:
        os._exit(code)


# The modules are loaded here, once, and not in every child.
import fail2ban.client.fail2banclient  # noqa: E402,F401

for line in sys.stdin:
    argv = json.loads(line)['argv']
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = run(argv, out, err)
        out.seek(0)
        err.seek(0)
        print(json.dumps({
            'out': out.read().decode('utf-8', 'surrogateescape'),
            'err': err.read().decode('utf-8', 'surrogateescape'),
            'code': code,
        }), flush=True)
