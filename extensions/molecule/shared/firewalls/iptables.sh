# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A iptables of somebody else that lets nothing in but SSH, and nothing out.
set -eu
for file in v4 v6; do
    icmp=$(test $file = v4 && echo icmp || echo ipv6-icmp)
    cat > /etc/iptables/rules.$file <<END
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p $icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -p $icmp -j ACCEPT
COMMIT
END
done
systemctl enable --now netfilter-persistent
