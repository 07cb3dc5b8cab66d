"""Mails starts, stops and bans of a jail through a mail server.

    action = smtp.py[host="mail.example.org:587", ssl="yes", user="me", password="secret", dest="admin@example.org"]

host        HOST or HOST:PORT (localhost, port 25)
ssl         anything: protect the connection by STARTTLS
user, password
            log in, if both are given
sendername, sender, dest
            whom the mails come from and go to; several are separated by commas
matches     matches, ipmatches or ipjailmatches: lines to quote

Stockade does this by itself; the class below is for other programs.
"""

import email.message
import smtplib
import socket
from email.utils import formataddr, formatdate

from fail2ban.server.actions import ActionBase

TEXTS = {
    "started on": "the jail %(jail)s watches now.",
    "stopped on": "the jail %(jail)s no longer watches.",
    "banned %(ip)s from": "the jail %(jail)s has banned %(ip)s for %(bantime)s seconds (failures: %(failures)s).",
}


def one_line(text):
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


class SMTPAction(ActionBase):

    def __init__(self, jail, name, host="localhost", ssl="", user="", password="", sendername="Fail2Ban",
                 sender="fail2ban", dest="root", matches=None):
        super().__init__(jail, name)
        self.host, self.ssl, self.user, self.password = host, ssl, user, password
        self.sendername, self.sender, self.dest, self.matches = sendername, sender, dest, matches
        # A restored ban was told of when it was new.
        self.norestored = True

    def send(self, event, quote="", **values):
        values = {"jail": self._jail.name, **{k: one_line(v) for k, v in values.items()}}
        mail = email.message.EmailMessage()
        mail["Subject"] = "[Fail2Ban] %s: %s %s" % (values["jail"], event % values, socket.gethostname())
        mail["From"] = formataddr((self.sendername, self.sender))
        mail["To"] = self.dest
        mail["Date"] = formatdate(localtime=True)
        text = "Hello,\n\n" + TEXTS[event] % values + "\n"
        if quote:
            lines = "".join(c if c.isprintable() or c in "\n\t" else " " for c in quote)
            text += "\nMatched lines:\n\n" + lines + "\n"
        mail.set_content(text + "\nRegards,\nFail2Ban\n")
        host, _, port = self.host.partition(":")
        with smtplib.SMTP(host, int(port or 25), timeout=60) as server:
            if self.ssl:
                server.starttls()
            if self.user and self.password:
                server.login(self.user, self.password)
            server.send_message(mail, self.sender, [a.strip() for a in self.dest.split(",")])

    def start(self):
        self.send("started on")

    def stop(self):
        self.send("stopped on")

    def ban(self, info):
        if info["restored"]:
            return
        quote = info[self.matches] if self.matches in ("matches", "ipmatches", "ipjailmatches") else ""
        self.send("banned %(ip)s from", quote, ip=info["ip"], failures=info["failures"],
                  bantime=self._jail.actions.getBanTime())

    def unban(self, info):
        pass


Action = SMTPAction
