# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of rule sets that products and people load, against what the kernel does with a connection each way.

C(all) are chains that drop whatever they do not accept, the planned connection among it: the kernel ends it.
C(some) are chains that drop packets of some kind, the planned one among them or perhaps. C(none) is said only
where the kernel lets it pass.
"""

import json
import os
import sys

import pytest

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_namespaces import (
    HERE,
    IPTABLES,
    NFT,
    inside,
)

SAID = ("all", "some", "none")


def nft(text):
    return f"nft -f - <<'END'\n{text}\nEND"


def base(body, hook="input", policy="accept", kind="filter", priority=0, table="inet t"):
    return nft(
        f"table {table} "
        f"{{\nchain c {{ type {kind} hook {hook} priority {priority}; policy {policy};\n{body}\n}}\n}}"
    )


def ipt(text):
    return f"iptables-restore <<'END'\n{text}\nEND"


def table(name, *lines, **policies):
    bases = {
        "filter": ["INPUT", "FORWARD", "OUTPUT"],
        "mangle": ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "raw": ["PREROUTING", "OUTPUT"],
    }[name]
    own = sorted({line.split()[1] for line in lines if line.startswith("-A")} - set(bases))
    heads = [":{0} {1} [0:0]".format(chain, policies.get(chain, "ACCEPT")) for chain in bases] + [
        f":{chain} - [0:0]" for chain in own
    ]
    return "\n".join(["*" + name] + heads + list(lines) + ["COMMIT"])


# Written as the products write them.
HARMLESS = {
    "docker-28": ipt(
        table("raw", "-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP")
        + "\n"
        + table(
            "filter",
            "-A FORWARD -j DOCKER-USER",
            "-A DOCKER-USER -j RETURN",
            "-A DOCKER ! -i docker0 -o docker0 -j DROP",
            FORWARD="DROP",
        )
    ),
    "kube-proxy": ipt(
        table(
            "filter",
            '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
            "-A INPUT -j KUBE-FIREWALL",
            "-A OUTPUT -j KUBE-FIREWALL",
            "-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES",
            "-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP",
            "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate "
            "RELATED,ESTABLISHED,DNAT -j DROP",
            "-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 53 -j REJECT --reject-with "
            "icmp-port-unreachable",
            "-A KUBE-PROXY-FIREWALL -m mark --mark 0x1 -j DROP",
        )
    ),
    "kube-proxy-nft": nft("""table ip kube-proxy {
        map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
        map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
        chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
        chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
        chain filter-prerouting { type filter hook prerouting priority -110; policy accept; ct state new jump firewall-check; }
        chain filter-input { type filter hook input priority -110; policy accept; ct state new jump service-endpoints-check; }
        chain filter-output { type filter hook output priority -110; policy accept; ct state new jump service-endpoints-check; }
        }"""),
    "calico": ipt(
        table(
            "raw",
            "-A PREROUTING -j cali-PREROUTING",
            "-A cali-PREROUTING -j MARK --set-xmark 0x0/0xf0000",
            "-A cali-PREROUTING -i cali+ -j MARK --set-xmark 0x40000/0x40000",
            "-A cali-PREROUTING -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP",
            "-A cali-PREROUTING -m mark --mark 0x0/0x40000 -j cali-from-host-endpoint",
            "-A cali-PREROUTING -m mark --mark 0x10000/0x10000 -j ACCEPT",
            "-A cali-from-host-endpoint -m comment --comment x",
        )
        + "\n"
        + table(
            "filter",
            "-A INPUT -j cali-INPUT",
            "-A cali-INPUT -i cali+ -g cali-wl-to-host",
            "-A cali-INPUT -m mark --mark 0x10000/0x10000 -j ACCEPT",
            "-A cali-INPUT -j MARK --set-xmark 0x0/0xf0000",
            "-A cali-wl-to-host -p tcp -j DROP",
        )
    ),
    "fail2ban-nft": nft("""table inet f2b-table {
        set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.5 } }
        set addr-set-recidive { type ipv4_addr; elements = { 203.0.113.6 } }
        chain f2b-chain { type filter hook input priority filter - 1; policy accept;
        tcp dport { 22 } ip saddr @addr-set-sshd reject with icmp port-unreachable
        meta l4proto tcp ip saddr @addr-set-recidive drop
        }
        }"""),
    "fail2ban": ipt(
        table(
            "filter",
            "-A INPUT -p tcp -j f2b-recidive",
            "-A f2b-recidive -s 203.0.113.5/32 -j REJECT",
            "-A f2b-recidive -j RETURN",
        )
    ),
    "libvirt": ipt(
        table(
            "filter",
            "-A INPUT -j LIBVIRT_INP",
            "-A OUTPUT -j LIBVIRT_OUT",
            "-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT",
            "-A LIBVIRT_OUT -o virbr0 -p tcp -m tcp --dport 68 -j ACCEPT",
            "-A FORWARD -j LIBVIRT_FWI",
            "-A LIBVIRT_FWI -o virbr0 -j REJECT",
        )
    ),
    "tailscale": ipt(
        table(
            "filter",
            "-A INPUT -j ts-input",
            "-A ts-input -s 100.101.102.103/32 -i lo -j ACCEPT",
            "-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN",
            "-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP",
            "-A ts-input -i tailscale0 -j ACCEPT",
            "-A ts-input -p udp -m udp --dport 41641 -j ACCEPT",
        )
    ),
    "hardening": ipt(
        table(
            "mangle",
            "-A PREROUTING -m conntrack --ctstate INVALID -j DROP",
            "-A PREROUTING -p tcp ! --syn -m conntrack --ctstate NEW -j DROP",
            "-A PREROUTING -p tcp --tcp-flags FIN,SYN FIN,SYN -j DROP",
            "-A PREROUTING -p tcp --tcp-flags ALL NONE -j DROP",
            "-A PREROUTING -s 127.0.0.0/8 ! -i lo -j DROP",
            "-A PREROUTING -s 224.0.0.0/3 -j DROP",
            "-A PREROUTING -p icmp -j DROP",
            "-A PREROUTING -f -j DROP",
            "-A PREROUTING -m rpfilter --invert -j DROP",
            "-A PREROUTING -p tcp -m conntrack --ctstate NEW -m tcpmss ! --mss 536:65535 -j DROP",
        )
    ),
    "hardening-nft": base(
        """ct state invalid drop
        tcp flags & (fin|syn|rst|ack) != syn ct state new drop
        tcp flags & (fin|syn) == (fin|syn) drop
        fib saddr . iif oif missing drop
        ip frag-off & 0x1fff != 0 drop
        iif != lo ip saddr 127.0.0.0/8 drop
        meta pkttype { broadcast, multicast } drop
        icmp type echo-request limit rate over 5/second drop
        ip daddr 192.0.2.255 drop""",
        "prerouting",
        priority=-150,
    ),
    "services-of-others": base(
        "tcp dport { 22, 25, 5000-6000 } drop\nudp dport 8563 drop\nip saddr 203.0.113.0/24 drop\nip6 saddr "
        "::/0 drop\ntcp dport 8564-8600 drop"
    ),
    "accepts": base(
        'iifname "uplink" accept\nct state vmap { established : accept, invalid : drop }\ntcp dport 8563 accept\nmeta l4proto udp drop'
    ),
    "permitted": base(
        "ct state established,related accept\nct state new tcp dport { 22, 8563 } ip saddr 192.0.2.0/24 "
        "accept\ntcp dport 1521 accept\ncounter drop",
        "prerouting",
    ),
    "permitted-iptables": ipt(
        table(
            "mangle",
            "-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT",
            "-A PREROUTING -s 192.0.2.0/24 -p tcp -m multiport --dports 22,8000:8999 -j ACCEPT",
            PREROUTING="DROP",
        )
    ),
    "forward": base("", "forward", "drop"),
    "containers": base('iifname { "docker0", "veth1" } drop\noifname "cni0" drop'),
}


def drops(where="in", said="all"):
    return {way: said if way == where else "none" for way in ("in", "out")}


# Each with what is said of what comes in and of what goes out.
EVIL = {
    "prerouting-policy": (
        base("iif lo accept\nct state established accept", "prerouting", "drop", priority=-150),
        drops(),
    ),
    "prerouting-last-rule": (
        base("tcp dport 22 accept\nct state established accept\ncounter drop", "prerouting", priority=-150),
        drops(),
    ),
    "ingress": (
        nft(
            "table netdev t "
            "{\nchain c { type filter hook ingress device uplink priority 0; policy accept;\nether type ip tcp dport 22 accept\nether type arp accept\n"
            "tcp sport 1521 accept\ndrop\n}\n}"
        ),
        drops(),
    ),
    "input-mangle": (base("ct state established accept", "input", "drop", priority=-150), drops()),
    # Whether a chain of type nat drops at all differs between kernels.
    "nat-input": (base("", "input", "drop", kind="nat", priority=100), drops(said="some")),
    "route-output": (
        base("oif lo accept\nct state established accept", "output", "drop", kind="route", priority=-150),
        drops("out"),
    ),
    "output": (
        base("ct state established accept\nmeta skuid 12345 accept", "output", "drop"),
        drops("out", "some"),
    ),
    "untracked": (
        base("tcp sport 1521 accept\ntcp dport 22 accept", "prerouting", "drop", priority=-300),
        drops(),
    ),
    "postrouting": (
        base("ct state established accept\ntcp dport 22 accept\ndrop", "postrouting"),
        drops("out"),
    ),
    "jumps": (
        nft("""table inet t {
        chain last { tcp dport 22 return; drop; }
        chain some { tcp dport 25 accept; return; }
        chain c { type filter hook input priority 0; policy accept; ct state established accept; jump some; goto last; }
        }"""),
        drops(),
    ),
    "states": (base("ct state vmap { established : accept, related : accept, new : drop }"), drops()),
    "new": (base("ct state new drop"), drops()),
    "protocol": (base("meta l4proto { tcp, udp } ct state new drop"), drops()),
    "map-of-ports": (
        base("ct state established accept\ntcp dport vmap { 22 : accept, 8563 : drop }"),
        drops(said="some"),
    ),
    "port": (base("tcp dport 8000-9000 reject"), drops(said="some")),
    "everybody-else": (base("tcp dport 8563 ip saddr != 192.0.2.20 drop"), drops(said="some")),
    "a-set": (
        nft(
            "table inet t "
            "{\nset bad { type ipv4_addr; elements = { 192.0.2.21 } }\nchain c { type filter hook input priority 0;\nct state new ip saddr @bad drop\n}\n}"
        ),
        drops(said="some"),
    ),
    "answers-in": (base("tcp dport 8563 accept\ndrop"), drops("out")),
    "answers-out": (base("ct state new accept", "output", "drop"), drops()),
    "answers-of-a-port": (base("tcp sport 1000-2000 drop"), drops("out", "some")),
    "both-ways": (base("", "prerouting", "drop"), {"in": "all", "out": "all"}),
    "a-map": (
        nft(
            "table inet t "
            "{\nmap m { type inet_service : verdict; elements = { 8563 : drop } }\nchain c { type filter hook input priority 0;\ntcp dport vmap @m\n}\n}"
        ),
        drops(said="some"),
    ),
    "interface": (base('iifname "uplink" ct state new drop'), drops(said="some")),
    "handmade-in-capitals": (
        nft(
            "table ip filter "
            "{\nchain INPUT { type filter hook input priority 0; policy drop;\nct state established,related accept\ntcp dport { 22, 9998 } accept\n}\n}"
        ),
        drops(),
    ),
    "iptables": (
        ipt(
            table(
                "filter",
                "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
                INPUT="DROP",
            )
        ),
        drops(),
    ),
    "iptables-last-rule": (
        ipt(
            table(
                "filter",
                "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
            )
        ),
        drops(),
    ),
    "mangle-prerouting": (
        ipt(
            table(
                "mangle",
                "-A PREROUTING -s 192.0.2.0/24 -p tcp -m tcp ! --dport 22 -m conntrack --ctstate NEW -j DROP",
            )
        ),
        drops(said="some"),
    ),
    "raw-prerouting": (
        ipt(table("raw", "-A PREROUTING -p tcp -m tcp --sport 1521 -j ACCEPT", PREROUTING="DROP")),
        drops(),
    ),
    "mangle-output": (
        ipt(table("mangle", "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", OUTPUT="DROP")),
        drops("out"),
    ),
    "iptables-chains": (
        ipt(
            table(
                "filter",
                "-A INPUT -m conntrack --ctstate ESTABLISHED -j RETURN",
                "-A INPUT -p tcp -j TCP",
                "-A INPUT -j DROP",
                "-A TCP -p tcp -m tcp --dport 22 -j ACCEPT",
            )
        ),
        drops(),
    ),
    "addrtype": (
        ipt(table("filter", "-A INPUT -m addrtype --dst-type LOCAL -m conntrack --ctstate NEW -j DROP")),
        drops(),
    ),
}
SCENARIOS = [dict(host=host, name=name, **drops(said="none")) for name, host in HARMLESS.items()]
SCENARIOS += [dict(host=host, name=name, **expected) for name, (host, expected) in EVIL.items()]


@pytest.fixture(scope="module")
def seen():
    """What was said and what the kernel did, by scenario."""
    done = inside("{0} {1}".format(sys.executable, os.path.join(HERE, "passage.py")), json.dumps(SCENARIOS))
    assert not done.returncode, done.stderr.decode("utf-8")
    return dict(zip((scenario["name"] for scenario in SCENARIOS), json.loads(done.stdout.decode("utf-8"))))


@NFT
@IPTABLES
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_what_is_said_of_a_rule_set_is_what_the_kernel_does(seen, scenario):
    found = seen[scenario["name"]]
    assert "error" not in found, found["error"]
    assert {way: found[way][0] for way in ("in", "out")} == {way: scenario[way] for way in ("in", "out")}, (
        found
    )
    for way in ("in", "out"):
        assert found["kernel " + way] == {"all": "ends", "none": "passes", "some": ""}[scenario[way]]
