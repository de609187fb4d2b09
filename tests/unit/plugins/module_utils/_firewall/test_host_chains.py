# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all chains of a host do with flows, from listings as the tools print them."""

import ipaddress
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    chains,
    host_chains,
    nft_chains,
    saved_chains,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.host_chains import HostChains
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.plugins.module_utils._kernel import own_addresses
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import rulesets

SQL = Kind("in", 4, "tcp", 8563)


def saved(*lines, policy="DROP", device="", odd=True):
    """Return the chains of an iptables filter table."""
    text = "\n".join(
        ["*filter", f":INPUT {policy} [0:0]", ":OUTPUT ACCEPT [0:0]", ":MORE - [0:0]", *lines, "COMMIT", ""]
    )
    tables = [("ip", chains) for unused, chains in saved_chains.tables(text, 4)]
    return HostChains(tables, device=device, odd=odd)


def nft(*expressions, policy="drop", device="", odd=True):
    """Return the chains of an nftables table with these rules in its base chain."""
    base = rulesets.base(policy=policy)["chain"]
    rules = [rulesets.entry("input", *words)["rule"] for words in expressions]
    return HostChains([("inet", nft_chains.chains("inet", [base], {"input": rules}))], device=device, odd=odd)


def ask(chains, address="198.51.100.99", established=False, kind=SQL):
    return chains.verdicts(kind, [int(ipaddress.ip_address(address))], established)[0]


ACCEPTS_ESTABLISHED = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


@pytest.mark.parametrize(
    "lines, policy, new, opened",
    [
        ([], "ACCEPT", "accept", "accept"),
        ([], "DROP", "drop", "drop"),
        ([ACCEPTS_ESTABLISHED], "DROP", "drop", "accept"),
        ([ACCEPTS_ESTABLISHED, "-A INPUT -p tcp --dport 8563 -j REJECT"], "ACCEPT", "drop", "accept"),
        (["-A INPUT -p tcp --dport 8563 -j REJECT", ACCEPTS_ESTABLISHED], "ACCEPT", "drop", "drop"),
        (["-A INPUT -p tcp --tcp-flags SYN,ACK SYN -j DROP"], "ACCEPT", "drop", "accept"),
        (["-A INPUT -s 198.51.100.0/24 -p tcp --dport 8563 -j ACCEPT"], "DROP", "accept", "accept"),
        (["-A INPUT -s 203.0.113.0/24 -p tcp --dport 8563 -j ACCEPT"], "DROP", "drop", "drop"),
        (["-A INPUT -j MORE", "-A MORE -p tcp --dport 8563 -j ACCEPT"], "DROP", "accept", "accept"),
        (["-A INPUT -i eth7 -j ACCEPT"], "DROP", "unknown", "unknown"),
        (["-A INPUT -i lo -j ACCEPT"], "DROP", "drop", "drop"),
        (["-A INPUT -p udp --dport 8563 -j ACCEPT"], "DROP", "drop", "drop"),
        (["-A INPUT -m rt --rt-type 0 -j DROP", ACCEPTS_ESTABLISHED], "DROP", "drop", "accept"),
    ],
    ids=[
        "open",
        "closed",
        "established passes",
        "established passes before a rejection",
        "a rejection comes first",
        "only new connections are dropped",
        "the address is accepted",
        "another address is accepted",
        "a jump accepts",
        "an interface nobody knows",
        "loopback is another way",
        "another protocol",
        "a header that hardly any packet has",
    ],
)
def test_iptables(lines, policy, new, opened):
    chains = saved(*lines, policy=policy)
    assert (ask(chains), ask(chains, established=True)) == (new, opened)


@pytest.mark.parametrize(
    "line, verdicts",
    [
        ("-A INPUT -i eth7 -j ACCEPT", {"": "unknown", "eth7": "accept", "eth77": "drop", "wg0": "drop"}),
        ("-A INPUT -i eth7+ -j ACCEPT", {"": "unknown", "eth7": "accept", "eth77": "accept", "eth0": "drop"}),
        ("-A INPUT ! -i eth7 -j ACCEPT", {"": "unknown", "eth7": "drop", "eth0": "accept"}),
        # Users may come through a tunnel.
        ("-A INPUT -i wg0 -j ACCEPT", {"": "unknown", "wg0": "accept", "eth0": "drop"}),
    ],
)
def test_a_rule_for_an_interface_is_certain_where_there_is_only_one(line, verdicts):
    assert {device: ask(saved(line, device=device)) for device in verdicts} == verdicts


@pytest.mark.parametrize(
    "word, verdicts",
    [
        ("eth7", {"": "unknown", "eth7": "accept", "eth77": "drop"}),
        ("eth7*", {"": "unknown", "eth7": "accept", "eth77": "accept", "eth0": "drop"}),
    ],
)
def test_nft_writes_the_beginning_of_interfaces_with_a_star(word, verdicts):
    words = ({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": word}}, rulesets.ACCEPT)
    assert {device: ask(nft(words, device=device)) for device in verdicts} == verdicts


def test_nftables_accepts_established_connections_by_a_verdict_map():
    chains = nft((rulesets.vmap(established="accept", related="accept", invalid="drop"),))
    assert (ask(chains), ask(chains, established=True)) == ("drop", "accept")


def unlike(field, right, protocol="ip"):
    """Return the match of nft that a field of a header differs."""
    return {
        "match": {"op": "!=", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}
    }


FLAGS = {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn", "rst", "ack"]]}


@pytest.mark.parametrize(
    "match, expected",
    [
        (unlike("saddr", "192.0.2.15"), {4: "accept", 6: "drop", "udp": "accept"}),
        (unlike("saddr", "2001:db8::1", "ip6"), {4: "drop", 6: "accept", "udp": "drop"}),
        (unlike("dport", 22, "tcp"), {4: "accept", 6: "accept", "udp": "drop"}),
        (unlike("protocol", "udp"), {4: "accept", 6: "drop", "udp": "drop"}),
        (unlike("type", "echo-request", "icmp"), {4: "drop", 6: "drop", "udp": "drop"}),
        ({"match": {"op": "!=", "left": FLAGS, "right": "ack"}}, {4: "accept", 6: "accept", "udp": "drop"}),
    ],
    ids=["address", "address-of-ipv6", "port", "protocol", "icmp", "flags"],
)
def test_what_differs_in_nftables_has_the_header_all_the_same(match, expected):
    """C(ip saddr != 192.0.2.15 accept) accepts no packet of IPv6: see nft(8), "payload expressions"."""
    chains = nft((match, rulesets.ACCEPT))
    assert {
        4: ask(chains),
        6: ask(chains, "2001:db8::99", kind=SQL._replace(version=6)),
        "udp": ask(chains, kind=SQL._replace(protocol="udp")),
    } == expected


def test_a_table_of_the_other_version_does_not_count():
    assert ask(saved(), kind=SQL._replace(version=6), address="2001:db8::99") == "accept"


def test_any_chain_that_drops_decides():
    open_table = {"input": host_chains.Chain(links=(), hook="input", policy="accept")}
    closed = {"input": host_chains.Chain(links=(), hook="input", policy="drop")}
    assert ask(HostChains([("inet", open_table)])) == "accept"
    assert ask(HostChains([("inet", open_table), ("ip", closed)])) == "drop"


NETWORKS = ["192.0.2.0/25", "192.0.2.64/26", "192.0.2.200/32", "192.0.2.128/28"]


@example([("192.0.2.64/26", "RETURN"), ("192.0.2.0/25", "ACCEPT")], [0, 64])
@given(
    st.lists(st.tuples(st.sampled_from(NETWORKS), st.sampled_from(["ACCEPT", "DROP", "RETURN"])), max_size=5),
    st.lists(st.integers(0, 255), min_size=1, unique=True).map(sorted),
)
def test_many_addresses_together_are_what_each_is_alone(rules, numbers):
    chains = saved(*(f"-A INPUT -s {network} -j {target}" for network, target in rules))
    base = int(ipaddress.ip_address("192.0.2.0"))
    verdict = {"ACCEPT": "accept", "DROP": "drop", "RETURN": "drop"}  # the policy drops
    expected = []
    for number in numbers:
        address = ipaddress.ip_address(base + number)
        first = [target for network, target in rules if address in ipaddress.ip_network(network)]
        expected.append(verdict[first[0]] if first else "drop")
    assert chains.verdicts(SQL, [base + number for number in numbers]) == expected


def test_what_would_take_too_long_is_unknown(monkeypatch):
    lines = [f"-A INPUT -s 192.0.2.{number}/32 -j ACCEPT" for number in range(0, 256, 2)]
    base = int(ipaddress.ip_address("192.0.2.0"))
    everybody = range(base, base + 256)
    assert saved(*lines).verdicts(SQL, everybody) == ["accept", "drop"] * 128
    monkeypatch.setattr(host_chains, "MAX_LOOKS", 10 * 130)
    some = saved(*lines).verdicts(SQL, everybody)
    assert "unknown" in some
    known = [(verdict, place % 2) for place, verdict in enumerate(some) if verdict != "unknown"]
    assert all(verdict == ("accept", "drop")[odd] for verdict, odd in known)


def left(word, **body):
    return {"match": {"op": "==", "left": {word: body}, "right": 7}}


@pytest.mark.parametrize(
    "line",
    [
        "-m mark --mark 0x7",
        "-m ttl --ttl-eq 64",
        "-m ttl --ttl-lt 65",
        "-m length --length 0:1500",
        "-m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr",
        "-m recent --update --seconds 30 --hitcount 6 --name DEFAULT --rsource",
        "-m limit --limit 3/min --limit-burst 10",
        "-p tcp -m tcp --sport 1024",
        "-m set --match-set f2b-sql src",
    ],
)
def test_what_one_user_may_meet_with_all_packets_is_uncertain_in_iptables(line):
    drops, accepts = (f"-A INPUT {line} -j {target}" for target in ("DROP", "ACCEPT"))
    assert ask(saved(drops, policy="ACCEPT")) == "unknown"
    assert ask(saved(accepts)) == "unknown"
    assert ask(saved("-A INPUT -j MORE", f"-A MORE {line} -j RETURN", "-A MORE -j ACCEPT")) == "unknown"
    jump = f"-A INPUT {line} -j MORE"
    assert ask(saved(jump, "-A MORE -s 198.51.100.99/32 -j DROP", policy="ACCEPT")) == "unknown"
    # The control: of the others, the chain says nothing.
    assert ask(saved(jump, "-A MORE -s 198.51.100.98/32 -j DROP", policy="ACCEPT")) == "accept"


@pytest.mark.parametrize(
    "words",
    [
        left("meta", key="mark"),
        left("ct", key="mark"),
        left("ct", key="ip saddr", dir="original"),
        left("payload", protocol="ip", field="dscp"),
        left("payload", protocol="ip", field="ttl"),
        left("socket", key="mark"),
        {"ct count": {"val": 3, "inv": True}},
        {"limit": {"rate": 3, "per": "minute", "inv": True}},
    ],
    ids=lambda words: str(words.get("match", {}).get("left", words)),
)
def test_what_one_user_may_meet_with_all_packets_is_uncertain_in_nft(words):
    assert ask(nft((words, {"drop": None}), policy="accept")) == "unknown"
    assert ask(nft((words, rulesets.ACCEPT))) == "unknown"


@pytest.mark.parametrize(
    "kind, verdict",
    [
        ({"type": "icmp", "expr": "port-unreachable"}, "drop"),
        ({"type": "icmpv6", "expr": "port-unreachable"}, "accept"),
        ({"type": "icmpx", "expr": "admin-prohibited"}, "drop"),
        ({"type": "tcp reset"}, "drop"),
        (None, "drop"),
    ],
    ids=str,
)
def test_an_answer_of_one_ip_version_or_protocol_rejects_nothing_else(kind, verdict):
    chains = nft(({"reject": kind},), policy="accept")
    assert ask(chains) == verdict
    datagram = SQL._replace(protocol="udp")
    assert ask(nft(({"reject": {"type": "tcp reset"}},), policy="accept"), kind=datagram) == "accept"


def test_what_no_user_meets_often_is_passed_over():
    assert ask(saved("-A INPUT -f -j DROP", policy="ACCEPT")) == "accept"
    assert ask(saved("-A INPUT -m pkttype --pkt-type broadcast -j DROP", policy="ACCEPT")) == "accept"
    assert ask(saved("-A INPUT -m pkttype --pkt-type unicast -j DROP", policy="ACCEPT")) == "drop"
    ttl = left("payload", protocol="ip6", field="hoplimit")
    assert ask(nft((ttl, {"drop": None}), policy="accept")) == "accept"  # of the other IP version


def test_a_lock_out_is_certain_although_marked_packets_would_be_accepted():
    accepts, drops = (f"-A INPUT -m mark --mark 0x7 -j {target}" for target in ("ACCEPT", "DROP"))
    assert ask(saved(accepts, odd=False)) == "drop"
    assert ask(saved(drops, policy="ACCEPT", odd=False)) == "unknown"


@pytest.mark.parametrize("binds_to_any", [False, True], ids=["usual", "ip_nonlocal_bind"])
def test_an_address_that_can_be_bound_need_not_be_ours(monkeypatch, binds_to_any):
    """Keepalived and haproxy let any address be bound. test_cutting.py does that to the kernel."""

    class Bound(socket.socket):
        def bind(self, address):
            if not binds_to_any:
                super().bind(address)

    monkeypatch.setattr(own_addresses, "binds_to_any", lambda version: binds_to_any)
    monkeypatch.setattr(chains.socket, "socket", Bound)
    ours = {
        text: chains.is_local(int(ipaddress.ip_address(text)), ipaddress.ip_address(text).version)
        for text in ("127.0.0.1", "192.0.2.1", "2001:db8::1")
    }
    assert ours == {"127.0.0.1": True, "192.0.2.1": False, "2001:db8::1": False}
