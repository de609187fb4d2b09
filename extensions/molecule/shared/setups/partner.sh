# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Real services, each with its own configuration, plain and with TLS.
set -eu
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=partner -keyout /etc/ssl/partner.key -out /etc/ssl/partner.pem 2>/dev/null
chmod 644 /etc/ssl/partner.key  # of this lab alone
echo ordinary:ordinary | chpasswd

cat > /etc/vsftpd.conf <<'END'
listen=NO
listen_ipv6=YES
local_enable=YES
ssl_enable=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
require_ssl_reuse=NO
rsa_cert_file=/etc/ssl/partner.pem
rsa_private_key_file=/etc/ssl/partner.key
connect_from_port_20=YES
pasv_min_port=49152
pasv_max_port=49252
seccomp_sandbox=NO
END
{ cat /etc/vsftpd.conf; echo implicit_ssl=YES; echo listen_port=990; } > /etc/vsftpd-implicit.conf
systemd-run --quiet --unit=vsftpd-implicit vsftpd /etc/vsftpd-implicit.conf

rm -f /etc/nginx/sites-enabled/default
cat > /etc/nginx/conf.d/partner.conf <<'END'
server {
    listen 80;
    listen [::]:80;
    listen 443 ssl;
    listen [::]:443 ssl;
    ssl_certificate /etc/ssl/partner.pem;
    ssl_certificate_key /etc/ssl/partner.key;
    location / { return 200 "partner\n"; }
}
END

sed -i 's|^SLAPD_SERVICES=.*|SLAPD_SERVICES="ldap:/// ldaps:/// ldapi:///"|' /etc/default/slapd
printf '[mysqld]\nbind-address = *\n' > /etc/mysql/mariadb.conf.d/99-partner.cnf
pg_conftool set listen_addresses '*'
printf 'interface=eth0\nno-resolv\nno-hosts\naddress=/partner.test/192.0.2.1\nptr-record=1.0.0.127.in-addr.arpa,localhost\n' > /etc/dnsmasq.d/partner.conf
printf 'local stratum 10\nallow all\n' > /etc/chrony/chrony.conf
printf 'DAEMON_OPTS="-x"\n' > /etc/default/chrony  # never touch the clock
systemctl start vsftpd nginx slapd mariadb postgresql dnsmasq chrony
mariadb --execute="CREATE USER importer@'%' IDENTIFIED BY 'ordinary'"  # else it refuses every host but its own, with error 1130

ldapmodify -Q -Y EXTERNAL -H ldapi:/// <<'END'
dn: cn=config
changetype: modify
replace: olcTLSCertificateKeyFile
olcTLSCertificateKeyFile: /etc/ssl/partner.key
-
replace: olcTLSCertificateFile
olcTLSCertificateFile: /etc/ssl/partner.pem
END
