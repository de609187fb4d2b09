# shellcheck shell=sh
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A firewalld of somebody else that lets nothing in but SSH, and nothing out.
set -eu
cat > /etc/firewalld/zones/public.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="ssh"/>
</zone>
END
cat > /etc/firewalld/policies/outgoing.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy priority="-1" target="DROP">
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <rule family="ipv6"><icmp-type name="neighbour-solicitation"/><accept/></rule>
  <rule family="ipv6"><icmp-type name="neighbour-advertisement"/><accept/></rule>
</policy>
END
systemctl enable --now firewalld
