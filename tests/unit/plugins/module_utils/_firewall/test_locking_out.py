# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No change is made that would lock the controller out, tried with connections in network namespaces."""

import json
import os

import pytest

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_namespaces import (
    IPTABLES,
    NFT,
    inside_python,
)

V4, V6 = "192.0.2.10", "2001:db8::10"
COMES = {
    "direction": "in",
    "protocol": "tcp",
    "ports": "8563",
    "addresses": ["192.0.2.14", "2001:db8::12"],
    "services": ["sql_client"],
}
GOES = dict(COMES, direction="out", ports="1521", services=["oracle"])
# SSH comes in by a rule of the host; what goes out has to be accepted by a rule.
ANSWERED = {
    "iptables": "for t in iptables ip6tables; do $t -P OUTPUT DROP; $t -A OUTPUT -o lo -j ACCEPT; done; "
    "ip6tables -A OUTPUT -p ipv6-icmp -j ACCEPT",
    "nftables": "nft 'add table inet host; add chain inet host output { type filter hook output priority 0; policy "
    "drop; }; add rule inet host output meta l4proto ipv6-icmp accept'",
}
# SSH comes in by our rule alone.
ACCEPTED = {
    "iptables": "for t in iptables ip6tables; do $t -P INPUT DROP; $t -A INPUT -m conntrack --ctstate ESTABLISHED "
    "-j ACCEPT; done; ip6tables -A INPUT -p ipv6-icmp -j ACCEPT",
    "nftables": "nft 'add table inet host; add chain inet host input { type filter hook input priority 0; policy "
    "drop; }; add rule inet host input ct state established accept; add rule inet host input meta l4proto ipv6-icmp "
    "accept'",
}
OWN = {
    "iptables": "; for t in iptables ip6tables; do $t -A INPUT -p tcp --dport 22 -j ACCEPT; done",
    "nftables": "; nft 'add rule inet host input tcp dport 22 accept'",
}
# SSH comes in by one interface of two.
ON = {
    "iptables": "; for t in iptables ip6tables; do $t -A INPUT -i {0} -p tcp --dport 22 -j ACCEPT; done",
    "nftables": "; nft 'add rule inet host input iifname {0} tcp dport 22 accept'",
}
HERE, ELSEWHERE = ({name: text.format(device) for name, text in ON.items()} for device in ("uplink", "side"))
SEVERAL = "-by-one-interface"
CASES = [
    (
        f"{provider}-{version}-{name}",
        refused,
        provider,
        controller,
        host[provider] + more.get(provider, ""),
        *plans,
    )
    for provider in ("iptables", "nftables")
    for version, controller in (("ipv4", V4), ("ipv6", V6))
    for name, refused, host, more, plans in (
        ("replies-and-nothing-outgoing", "replies", ANSWERED, {}, ([COMES, GOES], [COMES])),
        ("replies-and-absent", "replies", ANSWERED, {}, ([COMES, GOES], None)),
        ("replies-and-still-outgoing", "", ANSWERED, {}, ([COMES, GOES], [GOES])),
        ("accepted-and-absent", "accept that", ACCEPTED, {}, ([COMES], None)),
        ("accepted-and-empty", "accept that", ACCEPTED, {}, ([COMES], [])),
        ("accepted-and-planned", "", ACCEPTED, {}, ([COMES, GOES], [COMES])),
        ("accepted-by-the-host-and-absent", "", ACCEPTED, OWN, ([COMES], None)),
        ("accepted-by-the-host" + SEVERAL, "", ACCEPTED, HERE, ([COMES], None)),
        ("accepted-by-the-host-elsewhere" + SEVERAL, "accept that", ACCEPTED, ELSEWHERE, ([COMES], None)),
    )
    if version == "ipv4"
    or SEVERAL in name
    or name in ("replies-and-nothing-outgoing", "accepted-and-absent", "accepted-and-planned")
]


@NFT
@IPTABLES
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes sockets in two network namespaces")
def test_what_would_lock_the_controller_out_is_refused_and_the_rest_is_made(tmp_path):
    names = ("provider", "controller", "host", "earlier", "later")
    cases = json.dumps([dict(zip(names, case[2:]), several=SEVERAL in case[0]) for case in CASES])
    printed = inside_python("locking_out.py", tmp_path, stdin=cases, seconds=600)
    for (name, refused, *unused), seen in zip(CASES, json.loads(printed)):
        assert seen.pop("reached"), name
        assert seen.pop("dry") == seen["refusal"], name
        refusal = seen.pop("refusal")
        if not refused:
            assert (refusal, seen) == ("", {"reached after": True}), name
            continue
        assert "would lock this run out" in refusal and refused in refusal, (name, refusal)
        expected = {"unchanged": True, "forced": "", "reached when forced": False}
        if refused == "replies":
            expected.update({"advised": "", "reached as advised": True})
        assert seen == expected, (name, refusal)
