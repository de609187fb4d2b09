# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts of Red Hat's family hold before anybody changes them: facts as data, in our own words.

Sources, read on 2026-11-29:

- firewalld's zones and settings: config/zones, config/policies and config/firewalld.conf of its repository
  (https://github.com/firewalld/firewalld) at v0.9.11, v1.3.4 and v2.3.0, the versions of RHEL 8, 9 and 10.
  Red Hat's package adds the service cockpit to the zones in COCKPIT.
- What firewall-cmd prints: print_zone_policy_info of src/firewall/command.py at the same tags.
- iptables-services: iptables.init, iptables.service, iptables-config, and the samples for /etc/sysconfig of the
  package iptables (https://src.fedoraproject.org/rpms/iptables).
"""

from typing import Dict, List, NamedTuple, Tuple


class Zone(NamedTuple):
    """A zone of firewalld, as the package has it."""

    services: Tuple[str, ...] = ()
    target: str = "default"
    masquerade: bool = False


class Release(NamedTuple):
    """What differs between the releases."""

    firewalld: str
    forward: bool  # within a zone, by default since firewalld 1.0
    priorities: bool  # of zones, since 2.0
    blank_ends: bool  # a field without a value ends with a blank
    settings: Dict[str, str]  # of firewalld.conf that decide what we meet


_CLIENT = ("dhcpv6-client", "ssh")
_HOME = ("dhcpv6-client", "mdns", "samba-client", "ssh")
ZONES = {
    "block": Zone(target="%%REJECT%%"),
    "dmz": Zone(("ssh",)),
    "drop": Zone(target="DROP"),
    "external": Zone(("ssh",), masquerade=True),
    "home": Zone(_HOME),
    "internal": Zone(_HOME),
    "public": Zone(_CLIENT),
    "trusted": Zone(target="ACCEPT"),
    "work": Zone(_CLIENT),
}
COCKPIT = ("home", "internal", "public", "work")
DEFAULT_ZONE = "public"
# The ports of those services (config/services of the same repository).
SERVICES = {
    "cockpit": "9090/tcp",
    "dhcpv6-client": "546/udp to fe80::/64",
    "mdns": "5353/udp to 224.0.0.251 and ff02::fb",
    "samba-client": "137/udp 138/udp",
    "ssh": "22/tcp",
}
RELEASES = {
    "8": Release(
        firewalld="0.9.11",
        forward=False,
        priorities=False,
        blank_ends=True,
        settings={"FirewallBackend": "nftables", "IPv6_rpfilter": "yes", "AllowZoneDrifting": "yes"},
    ),
    "9": Release(
        firewalld="1.3.4",
        forward=True,
        priorities=False,
        blank_ends=True,
        settings={"FirewallBackend": "nftables", "IPv6_rpfilter": "yes"},
    ),
    "10": Release(
        firewalld="2.3.0",
        forward=True,
        priorities=True,
        blank_ends=True,
        settings={
            "FirewallBackend": "nftables",
            "IPv6_rpfilter": "strict",
            "NftablesTableOwner": "yes",
            "ReloadPolicy": "INPUT:DROP,FORWARD:DROP,OUTPUT:DROP",
        },
    ),
}
# Too old for policies: CentOS 7, and RHEL 8 before 8.5.
TOO_OLD = {"7": "0.6.3", "8.3": "0.8.2"}


def services_of(name: str) -> List[str]:
    """Return the services that a zone lets in, in their order."""
    return sorted(ZONES[name].services + (("cockpit",) if name in COCKPIT else ()))


def zone_document(name: str, release: Release) -> str:
    """Return a zone's file (firewalld.zone(5))."""
    zone = ZONES[name]
    target = "" if zone.target == "default" else f' target="{zone.target}"'
    lines = [f'  <service name="{service}"/>' for service in services_of(name)]
    lines += ["  <masquerade/>"] if zone.masquerade else []
    lines += ["  <forward/>"] if release.forward else []
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<zone{target}>\n  <short>{name.title()}</short>\n'
    return head + "".join(line + "\n" for line in lines) + "</zone>\n"


def list_all_zones(release: Release, interfaces: Tuple[str, ...] = ()) -> str:
    """Return what C(firewall-cmd --list-all-zones) prints, with these interfaces in the default zone."""
    return "".join(
        _listed_zone(name, release, interfaces if name == DEFAULT_ZONE else ()) for name in sorted(ZONES)
    )


def _listed_zone(name: str, release: Release, interfaces: Tuple[str, ...]) -> str:
    zone = ZONES[name]
    marks = ["default"] if release.priorities and name == DEFAULT_ZONE else []
    marks += ["active"] if interfaces else []
    fields = [("target", zone.target)]
    fields += [("ingress-priority", "0"), ("egress-priority", "0")] if release.priorities else []
    fields += [
        ("icmp-block-inversion", "no"),
        ("interfaces", " ".join(interfaces)),
        ("sources", ""),
        ("services", " ".join(services_of(name))),
        ("ports", ""),
        ("protocols", ""),
        ("forward", "yes" if release.forward else "no"),
        ("masquerade", "yes" if zone.masquerade else "no"),
        ("forward-ports", ""),
        ("source-ports", ""),
        ("icmp-blocks", ""),
        ("rich rules", ""),
    ]
    head = f"{name} ({', '.join(marks)})" if marks else name
    return "\n".join([head, *(f"  {field}: {value}" for field, value in fields), "", ""])


def list_all_policies() -> str:
    """Return what C(firewall-cmd --list-all-policies) prints: the one policy that the package has."""
    fields = [
        ("priority", "-15000"),
        ("target", "CONTINUE"),
        ("ingress-zones", "ANY"),
        ("egress-zones", "HOST"),
    ]
    fields += [(name, "") for name in ("services", "ports", "protocols")]
    fields += [("masquerade", "no")]
    fields += [(name, "") for name in ("forward-ports", "source-ports", "icmp-blocks", "rich rules")]
    rules = [
        f'\trule family="ipv6" icmp-type name="{name}" accept'
        for name in ("neighbour-advertisement", "neighbour-solicitation", "router-advertisement", "redirect")
    ]
    return "\n".join(
        ["allow-host-ipv6 (active)", *(f"  {field}: {value}" for field, value in fields), *rules, "", ""]
    )


# iptables-services

SYSCONFIG = "/etc/sysconfig"
IPTABLES_INIT = "/usr/libexec/iptables/iptables.init"


class Service(NamedTuple):
    """The files of one IP version."""

    command: str  # and the name of its unit and of its file
    ping: str
    rejection: str
    more: Tuple[str, ...] = ()  # rules of the sample

    @property
    def path(self) -> str:
        """The rules that its unit loads."""
        return f"{SYSCONFIG}/{self.command}"

    @property
    def sample(self) -> str:
        """What the package lets in: replies, ping, loopback and SSH. Everything else is rejected."""
        rules = [
            "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
            f"-A INPUT -p {self.ping} -j ACCEPT",
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT",
            *self.more,
            f"-A INPUT -j REJECT --reject-with {self.rejection}",
            f"-A FORWARD -j REJECT --reject-with {self.rejection}",
        ]
        policies = [f":{chain} ACCEPT [0:0]" for chain in ("INPUT", "FORWARD", "OUTPUT")]
        return "\n".join(["# rules as the package has them", "*filter", *policies, *rules, "COMMIT", ""])

    @property
    def unit(self) -> str:
        """The unit, whose file must exist before it starts."""
        lines = [
            "[Unit]",
            f"AssertPathExists={self.path}",
            "Before=network-pre.target",
            "[Service]",
            "Type=oneshot",
        ]
        lines += ["RemainAfterExit=yes"]
        for name, word in (("ExecStart", "start"), ("ExecReload", "reload"), ("ExecStop", "stop")):
            lines.append(f"{name}={IPTABLES_INIT} {word} {self.command}")
        return "\n".join([*lines, "[Install]", "WantedBy=multi-user.target", ""])


SERVICES_OF_IPTABLES = (
    Service("iptables", ping="icmp", rejection="icmp-host-prohibited"),
    Service(
        "ip6tables",
        ping="ipv6-icmp",
        rejection="icmp6-adm-prohibited",
        more=("-A INPUT -d fe80::/64 -p udp -m udp --dport 546 -m state --state NEW -j ACCEPT",),
    ),
)
# Beside each other in /etc/sysconfig/iptables-config; both are "no" in the package.
SAVE_ON_STOP, SAVE_COUNTER = "IPTABLES_SAVE_ON_STOP", "IPTABLES_SAVE_COUNTER"
# A stand-in of a few lines: it starts, stops, reloads and saves as iptables.init does, with one difference. Ours
# gets the command as an argument, where the package has two scripts.
STAND_IN = f"""#!/bin/sh
IPTABLES=$2 DATA={SYSCONFIG}/$2
{SAVE_ON_STOP}=no {SAVE_COUNTER}=no
[ ! -f {SYSCONFIG}/$IPTABLES-config ] || . {SYSCONFIG}/$IPTABLES-config
counters=
[ "${SAVE_COUNTER}" != yes ] || counters=-c
load() {{ $IPTABLES-restore $counters $DATA || $IPTABLES-restore $counters $DATA.fallback; }}
save() {{
    umask 077
    $IPTABLES-save $counters > $DATA.new || exit 1
    cp -p $DATA $DATA.save
    mv $DATA.new $DATA
}}
case $1 in
    start) load;;
    reload) load;;
    save) save;;
    stop)
        [ "${SAVE_ON_STOP}" != yes ] || save
        for chain in INPUT OUTPUT FORWARD; do $IPTABLES -P $chain ACCEPT; done
        for table in $($IPTABLES-save | sed -n 's/^[*]//p'); do
            $IPTABLES -t $table -F
            $IPTABLES -t $table -X
            $IPTABLES -t $table -Z
        done;;
esac
"""


def config(**settings: bool) -> str:
    """Return iptables-config with these settings."""
    return "".join(f'{name}="{"yes" if value else "no"}"\n' for name, value in sorted(settings.items()))
