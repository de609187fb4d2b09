# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A firewalld of somebody else that lets nothing in but SSH, and nothing out. It rejects what comes in, or has the target that is asked for.
set -eu
target=${1:+target=\"$1\"}
cat > /etc/firewalld/zones/public.xml <<END
<?xml version="1.0" encoding="utf-8"?>
<zone $target>
  <short>Public</short>
  <service name="ssh"/>
  <rule family="ipv6"><icmp-type name="neighbour-solicitation"/><accept/></rule>
  <rule family="ipv6"><icmp-type name="neighbour-advertisement"/><accept/></rule>
</zone>
END

# Before release 1 such a policy drops the answers of established connections too, those of SSH among them.
test "$(firewall-offline-cmd --version | cut -d. -f1)" = 0 || cat > /etc/firewalld/policies/outgoing.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy priority="-1" target="DROP">
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <rule family="ipv6"><icmp-type name="neighbour-solicitation"/><accept/></rule>
  <rule family="ipv6"><icmp-type name="neighbour-advertisement"/><accept/></rule>
</policy>
END
systemctl enable --now firewalld
