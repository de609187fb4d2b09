# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign firewalls of known content, and what a host looks like under them."""

from __future__ import annotations

import re
import typing as t

PROVIDERS = ("nftables", "iptables", "legacy", "ufw", "firewalld")
SERVICES = {
    "nftables": "nftables",
    "iptables": "netfilter-persistent",
    "legacy": "netfilter-persistent",
    "ufw": "ufw",
    "firewalld": "firewalld",
}
# What the baselines let in from everybody.
EVERYBODY = {22, 9998}

_FILES = ("default/ufw", "firewalld", "iptables", "nftables.conf", "ufw")
_PRISTINE = "/var/lib/exanet-pristine.tar"
_DROP_IN = "/etc/systemd/system/nftables.service.d"
_OBSERVING = "/etc/systemd/system/*.service.d/exasol_community.network-observe.conf"

_RESET = f"""
while umount /etc 2>/dev/null; do :; done
systemctl stop exanet-lockout 'exasol-network-rollback-*' 2>/dev/null || true
systemctl reset-failed 'exasol-network*' 2>/dev/null || true
rm -rf /var/lib/exasol_community.network /etc/exasol_community.network
rm -rf /usr/local/sbin/* /usr/sbin/firewall-cmd /usr/sbin/busctl
if test -e {_DROP_IN}; then rm -r {_DROP_IN}; systemctl daemon-reload; fi
if ls {_OBSERVING} >/dev/null 2>&1; then rm {_OBSERVING}; systemctl daemon-reload; fi
cd /etc
test -e {_PRISTINE} || tar -cpf {_PRISTINE} $(ls -d {" ".join(_FILES)} 2>/dev/null)
rm -rf {" ".join(_FILES)}
tar -xpf {_PRISTINE}
enable() {{ systemctl is-enabled --quiet $1 || systemctl enable --quiet $1; }}
"""

_NFTABLES = """
nft flush ruleset
cat > /etc/nftables.conf <<'END'
#!/usr/sbin/nft -f
flush ruleset
table inet host {
    chain input {
        type filter hook input priority filter; policy @INPUT@;
        ct state established,related accept
        iif "lo" accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        tcp dport { 22, 9998 } accept comment "foreign: everybody"
        ip saddr 192.0.2.0/24 tcp dport 443 counter accept comment "foreign: web"
        ip6 saddr 2001:db8::/32 tcp dport 443 counter accept comment "foreign: web"
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
    }
    chain output {
        type filter hook output priority filter; policy @OUTPUT@;
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
}
END
enable nftables
nft -f /etc/nftables.conf
systemctl start nftables
"""

_IPTABLES = """
nft flush ruleset
cat > /etc/iptables/rules.v4 <<'END'
*filter
:INPUT @INPUT@ [0:0]
:FORWARD DROP [0:0]
:OUTPUT @OUTPUT@ [0:0]
:FOREIGN - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,9998 -m comment --comment "foreign: everybody" -j ACCEPT
-A INPUT -j FOREIGN
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FOREIGN -s 192.0.2.0/24 -p tcp -m tcp --dport 443 -m comment --comment "foreign: web" -j ACCEPT
COMMIT
END
neighbours='-A INPUT -p ipv6-icmp -j ACCEPT\\n-A OUTPUT -p ipv6-icmp -j ACCEPT'
sed -e "s/^-A OUTPUT/$neighbours\\n&/" -e 's/192.0.2.0.24/2001:db8::\\/32/' /etc/iptables/rules.v4 > /etc/iptables/rules.v6
enable netfilter-persistent
netfilter-persistent start
systemctl start netfilter-persistent
"""

_LEGACY = """
for command in iptables ip6tables; do update-alternatives --quiet --set $command /usr/sbin/$command-legacy; done
"""

_UFW = """
nft flush ruleset
sed -i -e 's/^DEFAULT_INPUT_POLICY=.*/DEFAULT_INPUT_POLICY="@INPUT@"/' -e 's/^DEFAULT_OUTPUT_POLICY=.*/DEFAULT_OUTPUT_POLICY="@OUTPUT@"/' /etc/default/ufw
ufw allow proto tcp from any to any port 22,9998 comment 'foreign: everybody'
ufw allow proto tcp from 192.0.2.0/24 to any port 443 comment 'foreign: web'
ufw allow proto tcp from 2001:db8::/32 to any port 443 comment 'foreign: web'
ufw --force enable
"""

_FIREWALLD = """
nft list tables | grep -v firewalld | sed 's/^/delete /' | nft -f -  # firewalld cannot reload a table that is gone
cat > /etc/firewalld/zones/public.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone@INPUT@>
  <short>Public</short>
  <service name="ssh"/>
  <port port="9998" protocol="tcp"/>
  <rule family="ipv4"><source address="192.0.2.0/24"/><port port="443" protocol="tcp"/><accept/></rule>
  <rule family="ipv6"><source address="2001:db8::/32"/><port port="443" protocol="tcp"/><accept/></rule>
</zone>
END
@OUTPUT@
enable firewalld
systemctl start firewalld
firewall-cmd --quiet --reload
"""
_FIREWALLD_OUT = """
cat > /etc/firewalld/policies/foreign-out.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy priority="-1" target="DROP">
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <rule family="ipv6"><icmp-type name="neighbour-solicitation"/><accept/></rule>
  <rule family="ipv6"><icmp-type name="neighbour-advertisement"/><accept/></rule>
</policy>
END
"""

_NONE = {
    "nftables": "systemctl disable --quiet nftables\nnft flush ruleset\n",
    "iptables": "systemctl disable --quiet netfilter-persistent\n"
    "for command in iptables ip6tables; do $command -P INPUT ACCEPT; $command -P FORWARD ACCEPT; $command "
    "-F; $command -X; done\n",
    "ufw": "ufw --force disable\n",
    "firewalld": "systemctl disable --quiet --now firewalld\n",
}
_NONE["legacy"] = _NONE["iptables"]

_SCRIPTS = {
    "nftables": _NFTABLES,
    "iptables": _IPTABLES,
    "legacy": _LEGACY + _IPTABLES,
    "ufw": _UFW,
    "firewalld": _FIREWALLD,
}
_WORDS = {
    "nftables": {"INPUT": ("accept", "drop"), "OUTPUT": ("accept", "drop")},
    "firewalld": {"INPUT": (' target="ACCEPT"', ""), "OUTPUT": ("", _FIREWALLD_OUT)},
}

RELOAD = {
    "nftables": "systemctl reload nftables",
    "iptables": "systemctl restart netfilter-persistent",
    "legacy": "systemctl restart netfilter-persistent",
    "ufw": "ufw reload",
    "firewalld": "firewall-cmd --reload",
}

_TEXT = {
    "nftables": "nft list ruleset",
    "iptables": "iptables-save\nip6tables-save\nnft list ruleset 2>/dev/null",
    "legacy": "iptables-save\nip6tables-save\nnft list ruleset",
    "ufw": "ufw status verbose\niptables-save\nip6tables-save",
    "firewalld": (
        # What is permanent is in /etc.
        "firewall-cmd --list-all-policies\nfirewall-cmd --list-all-zones\nnft list ruleset"
    ),
}
_LOOK = """
set +e
{text}
echo =====
cd /etc
find . -printf '%p %y %m %u %g %l\\n' | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum
echo =====
ls -A /var/lib/exasol_community.network 2>/dev/null || true
systemctl list-units --all --plain --no-legend 'exasol-network*'
"""


class View(t.NamedTuple):
    """What a host looks like.

    Its firewall in its own words, its configuration, and what a change left behind.
    """

    text: str
    etc: str
    leftovers: str


def baseline(
    provider: str, closed_in: bool = True, closed_out: bool = False, running: bool = True, extra: str = ""
) -> str:
    """Return the script that brings a host to a foreign firewall, whatever was there before."""
    words = _WORDS.get(provider, {"INPUT": ("ACCEPT", "DROP"), "OUTPUT": ("ACCEPT", "DROP")})
    script = (
        _SCRIPTS[provider]
        .replace("@INPUT@", words["INPUT"][closed_in])
        .replace("@OUTPUT@", words["OUTPUT"][closed_out])
    )
    return f"exec >/dev/null\n{_RESET}\n{script}\n{'' if running else _NONE[provider]}\n{extra}\n"


def look(provider: str) -> str:
    """Return the script that prints what C(view) reads."""
    return _LOOK.format(text=_TEXT[provider])


def view(provider: str, output: str) -> View:
    """Read what the script of C(look) printed."""
    text, etc, leftovers = output.split("=====\n")
    lines = _without_counters(text)
    # firewalld lists the rules of a zone in an order of its own, anew each time.
    return View("\n".join(sorted(lines) if provider == "firewalld" else lines), etc, leftovers)


def _without_counters(text: str) -> list[str]:
    return [
        re.sub(r"packets \d+ bytes \d+|\[\d+:\d+\]", "(counter)", line)
        for line in text.splitlines()
        if not line.startswith("#")
    ]
