# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chains of iptables as C(Chain) of chains.py, from the text that iptables-save prints."""

import ipaddress
import shlex
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import chains
from .chains import (
    DROP,
    FAIL2BAN,
    NO,
    PARTLY,
    RARELY,
    SELDOM,
    YES,
    Chain,
    Condition,
    Interval,
    Link,
    always,
)
from .rule import ACCEPT
from .steps import lines_of

Meaning = Callable[[Any], Condition]
_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "OUTPUT": "output", "POSTROUTING": "postrouting"}
_TABLES = ("filter", "mangle", "raw", "security")  # iptables inhibits DROP in nat
_TARGETS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": "return"}
# Options that are no condition.
_NO_CONDITION = (
    "-m",
    "--comment",
    "--rsource",
    "--name",
    "--icmp-type",
    "--icmpv6-type",
)  # the types of ICMP come with -p, which is the condition
# Marks, rate limits and other conditions that planned traffic hardly ever meets.
_RARE = (
    "--mark",
    "--ctstatus",
    "--limit-burst",
    "--hashlimit-above",
    "--connlimit-above",
    "--ttl-lt",
    "--rt-type",
    "--hitcount",
    "--string",
    "--vaddr",
)
# Those with which "!" excludes the usual packets, so that what is left is as rare.
_ODD = ("--mss", "--length", "--ttl-eq", "--tcp-option", "-f", "--fragment")
_RARE_FOR_ALL = ("--mss", "--tcp-option", "-f", "--fragment", "--rt-type")  # and not even seldom for one user
_FLAGS = (
    "--syn",
    "--invert",
    "--rcheck",
    "--update",
    "--remove",
    "--validmark",
    "--loose",
    "--rttl",
    "--fragment",
    "-f",
    "--accept-local",
)


def tables(text: str, version: int) -> Iterator[Tuple[str, Dict[str, Chain]]]:
    """Yield each table that filters, with its chains."""
    table = ""
    policies: Dict[str, str] = {}
    links: Dict[str, List[Link]] = {}
    for line in lines_of(text):
        if line.startswith("*"):
            table, policies, links = line[1:].strip(), {}, {}
        elif line.startswith(":"):
            name, policy = (line[1:].split() + [""])[:2]
            policies[name], links[name] = policy, []
        elif line.startswith("-A ") and table in _TABLES:
            name = line.split(" ", 2)[1]
            links.setdefault(name, []).append(_link(line, version, table))
        elif line.startswith("COMMIT") and table in _TABLES:
            yield table, _chains_of(policies, links)


def _chains_of(policies: Dict[str, str], links: Dict[str, List[Link]]) -> Dict[str, Chain]:
    return {
        name: Chain(
            links=found,
            hook=_HOOKS.get(name, ""),
            policy=DROP if policies.get(name) == "DROP" else ACCEPT,
        )
        for name, found in links.items()
    }


def _link(line: str, version: int, table: str) -> Link:
    conditions: List[Condition] = [chains.version_is([version])]
    verdict = target = ""
    try:
        # shlex is slow, and in rule sets of tens of thousands of lines only a few have quotes.
        words = (shlex.split(line) if '"' in line or "\\" in line or "'" in line else line.split())[2:]
        for option, values, inverted in _options(words):
            if option in ("-j", "-g"):
                # A target that is an extension is not among the chains, so the jump changes nothing.
                verdict = _TARGETS.get(values[0], {"-j": "jump", "-g": "goto"}[option])
                target = "" if values[0] in _TARGETS else values[0]
                break
            found = _condition(
                option, _Option(values=values, words=words, version=version, tracked=table != "raw")
            )
            if found:
                conditions.append(chains.negated(found) if inverted and option not in _ODD else found)
    except ValueError:
        return chains.link([always(PARTLY, narrow=True)], DROP)
    return chains.link(conditions + ([always(SELDOM)] if FAIL2BAN.match(target) else []), verdict, target)


def _options(words: List[str]) -> Iterator[Tuple[str, List[str], bool]]:
    position, inverted = 0, False
    while position < len(words):
        word = words[position]
        position += 1
        if word == "!":
            inverted = True
            continue
        values = []
        while (
            word not in _FLAGS
            and position < len(words)
            and words[position] != "!"
            and not words[position].startswith("-")
        ):
            values.append(words[position])
            position += 1
        yield word, values or [""], inverted
        inverted = False


class _Option(NamedTuple):
    """An option, with what else its condition depends on."""

    values: List[str]
    words: Sequence[str]  # of the whole line
    version: int
    tracked: bool


def _condition(option: str, asked: _Option) -> Optional[Condition]:
    if option in _NO_CONDITION:
        return None
    if option in _MEANINGS:
        return _MEANINGS[option](asked)
    if option in _RARE or option in _ODD:
        return always(RARELY if option in _RARE_FOR_ALL else SELDOM)
    return always(PARTLY, narrow=True)


def _address(source: bool) -> Meaning:
    def meaning(asked: _Option) -> Condition:
        network = ipaddress.ip_network(asked.values[0], strict=False)
        return chains.address_in([chains.interval(network)], asked.version, source)

    return meaning


def _port(destination: bool) -> Meaning:
    return lambda asked: chains.port_in([], _ports(asked.values[0]), destination)


def _interface(incoming: bool) -> Meaning:
    return lambda asked: chains.interface_is(
        asked.values[0].rstrip("+"), incoming, is_prefix=asked.values[0].endswith("+")
    )


def _protocol(asked: _Option) -> Condition:
    return chains.protocol_in(asked.values) if asked.values[0] != "all" else always(YES)


def _state(asked: _Option) -> Condition:
    return chains.state_in(asked.values[0].split(","), asked.tracked)


def _connection_way(asked: _Option) -> Condition:
    way = asked.values[0].lower()
    return (lambda wanted: YES if way == ("reply" if wanted.reply else "original") else NO), False


def _flags(asked: _Option) -> Condition:
    mask, flags = (asked.values + [""])[:2]
    return chains.flags_are(mask.split(","), [flag for flag in flags.split(",") if flag != "NONE"])


def _forged(asked: _Option) -> Condition:
    return always(RARELY) if "rpfilter" in asked.words else always(PARTLY, narrow=True)


def _set(asked: _Option) -> Condition:
    return always(SELDOM if FAIL2BAN.match(asked.values[0]) else PARTLY, narrow=True)


def _type(source: bool) -> Meaning:
    def meaning(asked: _Option) -> Condition:
        types = asked.values[0].split(",")
        return (
            lambda wanted: YES if ("LOCAL" if wanted.incoming != source else "UNICAST") in types else NO
        ), False

    return meaning


def _ports(value: str) -> List[Interval]:
    ends = [(item.split(":") * 2)[:2] for item in value.split(",")]
    return [(int(first or 0), int(last or 65535)) for first, last in ends]


_MEANINGS: Dict[str, Meaning] = {
    "-s": _address(source=True),
    "-d": _address(source=False),
    "-p": _protocol,
    "--sport": _port(destination=False),
    "--sports": _port(destination=False),
    "--dport": _port(destination=True),
    "--dports": _port(destination=True),
    "-i": _interface(incoming=True),
    "-o": _interface(incoming=False),
    "--ctstate": _state,
    "--state": _state,
    "--ctdir": _connection_way,
    "--tcp-flags": _flags,
    "--pkt-type": lambda asked: always(YES if asked.values[0] in ("host", "unicast") else RARELY),
    "--syn": lambda _asked: chains.flags_are(["syn"], ["syn"]),
    "--invert": _forged,
    "--match-set": _set,
    "--src-type": _type(source=True),
    "--dst-type": _type(source=False),
}
