# Makes a fresh machine of this namespace: nothing outside of it is changed.
# sshd listens, and its log tells of somebody who tried six passwords.
set -e
ip link set lo up
for dir in /var/log /var/lib /run /root; do mount -t tmpfs machine $dir; done
mkdir -p /run/sshd /run/lock /var/lib/fail2ban
cp -a /etc /run/etc
rm -rf /run/etc/fail2ban
mount --bind /run/etc /etc
cd /root

# attack FILE TEXT: six lines, the last of just now.
attack() {
  for ago in 6 5 4 3 2 1; do
    echo "$(date -d "$((ago * 20)) seconds ago" '+%b %e %H:%M:%S') gate $2" >>"$1"
  done
}

# until_true COMMAND: waits for it to succeed, for half a minute.
until_true() {
  for _ in $(seq 300); do
    eval "$1" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "not reached: $1" >&2
  return 1
}

# protected: the sshd jail runs and has banned the attacker.
protected() {
  stockade jail enable sshd >/dev/null
  fail2ban-client start >/dev/null
  until_true "nft list ruleset | grep -q 203.0.113.9"
}

ssh-keygen -q -t ed25519 -N '' -f /run/host.key
"$(command -v sshd)" -h /run/host.key -o PidFile=none -p 22
attack /var/log/auth.log "sshd[1201]: Failed password for root from 203.0.113.9 port 40221 ssh2"
stockade library export /etc/fail2ban >/dev/null
set +e
