fail2ban-client start >/dev/null
