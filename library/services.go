package library

// Service is something that may run on a machine, and the jails that fit it.
type Service struct {
	Name string
	// Programs are the names under which its processes run, Packages those
	// under which distributions ship it.
	Programs, Packages []string
	// Jails are those worth having wherever the service runs. Jails that ban
	// for something that is normal on some machines are left to their admins.
	Jails []string
}

// Services are the services that can be recognised on a machine.
func Services() []Service { return services }

var services = []Service{
	{"OpenSSH", []string{"sshd"}, []string{"openssh-server", "openssh"}, []string{"sshd"}},
	{"Dropbear", []string{"dropbear"}, []string{"dropbear", "dropbear-bin"}, []string{"dropbear"}},
	{"xrdp", []string{"xrdp", "xrdp-sesman"}, []string{"xrdp"}, []string{"xrdp"}},
	{"Webmin", nil, []string{"webmin"}, []string{"webmin-auth"}},
	{
		"nginx",
		[]string{"nginx"},
		[]string{"nginx", "nginx-core", "nginx-full", "nginx-light", "nginx-extras"},
		// nginx-botsearch finds nothing where a site answers 404 by try_files.
		[]string{"nginx-http-auth", "nginx-bad-request"},
	},
	{
		"Apache",
		[]string{"apache2", "httpd"},
		[]string{"apache2", "httpd"},
		[]string{"apache-auth", "apache-badbots", "apache-botsearch", "apache-overflows", "apache-shellshock"},
	},
	{"lighttpd", []string{"lighttpd"}, []string{"lighttpd"}, []string{"lighttpd-auth"}},
	{"HAProxy", []string{"haproxy"}, []string{"haproxy"}, []string{"haproxy-http-auth"}},
	{"Traefik", []string{"traefik"}, []string{"traefik"}, []string{"traefik-auth"}},
	{"Squid", []string{"squid"}, []string{"squid", "squid-openssl"}, []string{"squid"}},
	{"3proxy", []string{"3proxy"}, []string{"3proxy"}, []string{"3proxy"}},
	{"stunnel", []string{"stunnel4", "stunnel"}, []string{"stunnel4", "stunnel"}, []string{"stunnel"}},
	{"Roundcube", nil, []string{"roundcube", "roundcube-core", "roundcubemail"}, []string{"roundcube-auth"}},
	{"phpMyAdmin", nil, []string{"phpmyadmin", "phpMyAdmin"}, []string{"phpmyadmin-syslog"}},
	{"GitLab", nil, []string{"gitlab-ce", "gitlab-ee"}, []string{"gitlab"}},
	{"Grafana", []string{"grafana", "grafana-server"}, []string{"grafana", "grafana-enterprise"}, []string{"grafana"}},
	{"Vaultwarden", []string{"vaultwarden"}, []string{"vaultwarden"}, []string{"vaultwarden"}},
	{"Guacamole", []string{"guacd"}, []string{"guacd"}, []string{"guacamole"}},
	{"Proxmox VE", []string{"pveproxy"}, []string{"pve-manager"}, []string{"proxmox"}},
	{"Monit", []string{"monit"}, []string{"monit"}, []string{"monit"}},
	{"ProFTPD", []string{"proftpd"}, []string{"proftpd-core", "proftpd-basic", "proftpd"}, []string{"proftpd"}},
	{"Pure-FTPd", []string{"pure-ftpd"}, []string{"pure-ftpd", "pure-ftpd-common"}, []string{"pure-ftpd"}},
	{"vsftpd", []string{"vsftpd"}, []string{"vsftpd"}, []string{"vsftpd"}},
	{"Postfix", []string{"qmgr", "pickup"}, []string{"postfix"}, []string{"postfix", "postfix-sasl"}},
	{"Exim", []string{"exim4", "exim"}, []string{"exim4-daemon-light", "exim4-daemon-heavy", "exim"}, []string{"exim"}},
	{"sendmail", nil, []string{"sendmail-bin", "sendmail"}, []string{"sendmail-auth", "sendmail-reject"}},
	{"Courier mail", nil, []string{"courier-imap", "courier-pop"}, []string{"courier-auth"}},
	{"Courier SMTP", nil, []string{"courier-mta"}, []string{"courier-smtp"}},
	{"Dovecot", []string{"dovecot"}, []string{"dovecot-core", "dovecot"}, []string{"dovecot"}},
	{"ManageSieve", nil, []string{"dovecot-managesieved"}, []string{"sieve"}},
	{"Cyrus IMAP", []string{"cyrmaster"}, []string{"cyrus-imapd"}, []string{"cyrus-imap"}},
	{"BIND", []string{"named"}, []string{"bind9", "bind"}, []string{"named-refused"}},
	{"NSD", []string{"nsd"}, []string{"nsd"}, []string{"nsd"}},
	{"OpenLDAP", []string{"slapd"}, []string{"slapd", "openldap-servers"}, []string{"slapd"}},
	{
		"MySQL or MariaDB",
		[]string{"mysqld", "mariadbd"},
		[]string{"mariadb-server", "mysql-server", "default-mysql-server"},
		[]string{"mysqld-auth"},
	},
	{"MongoDB", []string{"mongod"}, []string{"mongodb-org-server", "mongodb-server"}, []string{"mongodb-auth"}},
	{"SQL Server", []string{"sqlservr"}, []string{"mssql-server"}, []string{"mssql-auth"}},
	{"Asterisk", []string{"asterisk"}, []string{"asterisk"}, []string{"asterisk"}},
	{"FreeSWITCH", []string{"freeswitch"}, []string{"freeswitch"}, []string{"freeswitch"}},
	{"ejabberd", nil, []string{"ejabberd"}, []string{"ejabberd-auth"}},
	{"Mumble", []string{"murmurd", "mumble-server"}, []string{"mumble-server"}, []string{"murmur"}},
	{"ZNC", []string{"znc"}, []string{"znc"}, []string{"znc-adminlog"}},
	{"OpenVPN", []string{"openvpn"}, []string{"openvpn"}, []string{"openvpn"}},
	{"Dante", []string{"danted", "sockd"}, []string{"dante-server"}, []string{"dante"}},
	{"Caddy", []string{"caddy"}, []string{"caddy"}, []string{"caddy"}},
	{"Gitea", []string{"gitea"}, []string{"gitea"}, []string{"gitea"}},
	{"Forgejo", []string{"forgejo"}, []string{"forgejo"}, []string{"forgejo"}},
	{"Jellyfin", []string{"jellyfin"}, []string{"jellyfin-server", "jellyfin"}, []string{"jellyfin"}},
	{"Home Assistant", []string{"hass"}, nil, []string{"home-assistant"}},
	{"Authelia", []string{"authelia"}, []string{"authelia"}, []string{"authelia"}},
	{"rspamd", []string{"rspamd"}, []string{"rspamd"}, []string{"rspamd"}},
	{"OpenSMTPD", []string{"smtpd"}, []string{"opensmtpd"}, []string{"opensmtpd"}},
	{"PostgreSQL", []string{"postgres"}, []string{"postgresql", "postgresql-server"}, []string{"pgsql"}},
	{"Redis", []string{"redis-server"}, []string{"redis-server", "redis"}, []string{"redis"}},
	{"Cockpit", []string{"cockpit-ws"}, []string{"cockpit", "cockpit-ws"}, []string{"cockpit"}},
	{"Proxmox Backup", []string{"proxmox-backup"}, []string{"proxmox-backup-server"}, []string{"proxmox-backup"}},
	{"portsentry", []string{"portsentry"}, []string{"portsentry"}, []string{"portsentry"}},
}
