# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rendered rules do to a packet, read from their text and from nothing else.

The packet is the first of a connection and goes over no loopback interface. A text that is not understood is
an error: nothing can be permitted by a word that nobody looked at.
"""

import ipaddress
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

# None stands for any.
Line = namedtuple("Line", "verdict direction version protocol networks ports")


def decide(lines, packet):
    """Return the verdict of the first line that the packet matches, or None."""
    for line in lines:
        if _matches(line, packet):
            return line.verdict
    return None


def _matches(line, packet):
    return (
        line.direction == packet.direction
        and line.version in (None, packet.version)
        and line.protocol in (None, packet.protocol)
        and (line.networks is None or packet.address in line.networks)
        and (line.ports is None or packet.port in line.ports)
    )


class Networks:
    """The addresses of several networks."""

    def __init__(self, texts):
        self._networks = [ipaddress.ip_network(text) for text in texts]

    def __contains__(self, address):
        return any(address in network for network in self._networks)


class Numbers:
    """The ports of a text, with the sign that stands between the ends of a range."""

    def __init__(self, text, sign):
        self._ranges = [
            tuple(int(end) for end in (item.strip().split(sign) * 2)[:2]) for item in text.split(",")
        ]

    def __contains__(self, port):
        return any(first <= port <= last for first, last in self._ranges)


_NFT = re.compile(
    r"(?:(?P<family>ip6?) (?P<end>[sd])addr \{ (?P<networks>[^{}]+) \} |meta nfproto (?P<nfproto>ipv[46]) )"
    r"(?:(?P<protocol>tcp|udp) dport \{ (?P<ports>[^{}]+) \} )?"
    r'counter (?P<verdict>accept|reject)(?: with icmpx type admin-prohibited)? comment "exasol: [^"\\\n]*"\Z'
)
# What concerns standing connections, loopback, and the shape of chains.
_NFT_ASIDE = re.compile(
    r"(ct state established(,related)? |iif lo |type filter hook )|\}|(table|chain) .*\{|(add|flush|delete) "
    r"(chain|table) [\w. -]+\Z"
)


def nft(text, direction):
    """Read commands that fill one chain."""
    lines = [re.sub(r"^add rule \w+ \w+ \w+ ", "", line.strip()) for line in text.splitlines()]
    return [_nft_line(line, direction) for line in lines if not _NFT_ASIDE.match(line)]


def _nft_line(line, direction):
    found = _NFT.match(line)
    assert found, f"not understood: {line}"
    words = found.groupdict()
    assert words["end"] in (None, {"in": "s", "out": "d"}[direction]), f"the wrong end: {line}"
    version = {"ip": 4, "ip6": 6, "ipv4": 4, "ipv6": 6}[words["family"] or words["nfproto"]]
    return Line(
        words["verdict"],
        direction,
        version,
        words["protocol"],
        words["networks"] and Networks(words["networks"].split(", ")),
        words["ports"] and Numbers(words["ports"], "-"),
    )


# Options with one argument that say which packet is meant.
_MEANT = {"-s": "in", "-d": "out", "-p": None, "--dport": None, "--dports": None}
_SAID = ("-m", "--comment", "--reject-with", "-i", "--ctstate", "--ctdir", "-j")
_TARGETS = {"ACCEPT": "accept", "REJECT": "reject"}


def iptables(text, version, chains):
    """Read the lines of iptables-restore that append to the chains.

    C(chains) maps a chain's name to its direction.
    """
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("-A ")]
    return [
        _iptables_line(words, version, chains[words[1]])
        for words in lines
        if words[1] in chains and not _aside(words)
    ]


def _aside(words):
    return words[2:4] == ["-i", "lo"] or (
        "--ctstate" in words and "NEW" not in words[words.index("--ctstate") + 1]
    )


def _iptables_line(words, version, direction):
    pairs = list(zip(words[2::2], words[3::2]))
    assert len(words) % 2 == 0, f"an option without its argument: {words}"
    strange = [option for option, unused in pairs if option not in _MEANT and option not in _SAID]
    assert not strange, f"not understood: {strange} in {words}"
    options = dict(pairs)
    wrong = [option for option in options if _MEANT.get(option) not in (None, direction)]
    assert not wrong, f"the wrong end: {wrong} in {words}"
    network, ports = options.get("-s") or options.get("-d"), options.get("--dports") or options.get("--dport")
    if "--dports" in options:
        # iptables-extensions(8): up to 15 ports, a range counts as two.
        assert ("-m", "multiport") in pairs and ports.count(",") + ports.count(":") < 15, (
            f"too many ports: {words}"
        )
    assert not ports or options["-p"] in ("tcp", "udp")
    return Line(
        _TARGETS[options["-j"]],
        direction,
        version,
        options.get("-p"),
        network and Networks([network]),
        ports and Numbers(ports, ":"),
    )


_UFW_TUPLE = re.compile(
    r"### tuple ### (?P<action>allow|reject) (?P<protocol>tcp|udp|any) (?P<dport>[\d:,]+|any) (?P<dst>\S+) "
    r"any (?P<src>\S+) (?P<direction>in|out) comment=[0-9a-f]+$"
)


def ufw_tuples(text, version):
    """Read the tuples that ufw shows and keeps, of rules of ours alone."""
    found = [_UFW_TUPLE.match(line) for line in text.splitlines() if line.startswith("### tuple ###")]
    return [_ufw_line(match.groupdict(), version) for match in found]


def _ufw_line(words, version):
    here, there = (words["dst"], words["src"]) if words["direction"] == "in" else (words["src"], words["dst"])
    assert here == {4: "0.0.0.0/0", 6: "::/0"}[version], f"the wrong end: {words}"
    return Line(
        {"allow": "accept", "reject": "reject"}[words["action"]],
        words["direction"],
        version,
        _unless_any(words["protocol"]),
        Networks([there]),
        Numbers(words["dport"], ":") if words["dport"] != "any" else None,
    )


def _unless_any(word):
    return None if word == "any" else word


_RICH = re.compile(
    r'rule(?: priority="(?P<priority>-?\d+)")? family="ipv(?P<version>[46])"(?: (?P<end>source|destination) address="(?P<network>[0-9a-f:./]+)")?'
    r'(?: port port="(?P<ports>[0-9-]+)" protocol="(?P<protocol>tcp|udp)")? (?P<verdict>accept|reject)(?: type="[a-z0-9-]+")?$'
)


def rich(texts, direction):
    """Read rich rules and bring them into the order in which firewalld looks at them."""
    found = [_RICH.match(text) for text in texts]
    assert all(found), f"not understood: {texts}"
    return _ordered(match.groupdict() for match in found)(direction)


def policy(document):
    """Read a policy's XML; the zones that it joins say which direction it is about."""
    root = ElementTree.fromstring(document.encode("utf-8"))
    assert root.get("target") == "CONTINUE" and int(root.get("priority")) < 0
    ends = (root.find("ingress-zone").get("name"), root.find("egress-zone").get("name"))
    return _ordered(_element(element) for element in root.findall("rule"))(
        {("ANY", "HOST"): "in", ("HOST", "ANY"): "out"}[ends]
    )


def _element(element):
    children = {child.tag: dict(child.attrib) for child in element}
    assert len(children) == len(element) and set(element.attrib) <= {"priority", "family"}, (
        ElementTree.tostring(element)
    )
    (verdict,) = set(children) & {"accept", "reject"}
    end = "source" if "source" in children else "destination" if "destination" in children else None
    assert set(children) <= {"source", "destination", "port", "accept", "reject"}, ElementTree.tostring(
        element
    )
    return {
        "priority": element.get("priority"),
        "version": element.get("family")[-1],
        "end": end,
        "network": children.get(end, {}).get("address"),
        "ports": children.get("port", {}).get("port"),
        "protocol": children.get("port", {}).get("protocol"),
        "verdict": verdict,
    }


def _ordered(found):
    # firewalld.richlanguage(5): by priority; among priority 0, what is denied comes before what is allowed.
    ordered = sorted(found, key=lambda words: (int(words["priority"] or 0), words["verdict"] == "accept"))
    return lambda direction: [_rich_line(words, direction) for words in ordered]


def _rich_line(words, direction):
    assert words["end"] in (None, {"in": "source", "out": "destination"}[direction]), (
        f"the wrong end: {words}"
    )
    return Line(
        words["verdict"],
        direction,
        int(words["version"]),
        words["protocol"],
        words["network"] and Networks([words["network"]]),
        words["ports"] and Numbers(words["ports"], "-"),
    )
