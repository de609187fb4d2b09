# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chains of nftables as C(Chain) of chains.py, from the JSON that nft lists (libnftables-json(5))."""

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from . import chains as _chains
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

if TYPE_CHECKING:
    from .._shapes import NftChain, NftExpression, NftRule

_BEFORE_TRACKING = -200  # NF_IP_PRI_CONNTRACK
_VERDICTS = {"accept": ACCEPT, "drop": DROP, "reject": DROP, "return": "return"}
_ODD = ("exthdr", "tcp option", "ip option", "sctp chunk", "rt", "socket", "osf", "ipsec")
_ODD_USERS = ("rt", "socket", "osf", "ipsec")  # those of which a user may send nothing else
_ENDS = ("saddr", "daddr", "ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr", "proto-src", "proto-dst")
_VERSIONS = {"ip": (4,), "ip6": (6,), "ipv4": (4,), "ipv6": (6,)}
# What planned traffic hardly ever meets: marks, priorities, lengths, times.
_RARE_META = (
    "mark",
    "priority",
    "length",
    "cpu",
    "cgroup",
    "nftrace",
    "secmark",
    "rtclassid",
    "time",
    "day",
    "hour",
    "ibrname",
    "ibriport",
)


def chains(family: str, items: "Sequence[NftChain]", rules: "Dict[str, List[NftRule]]") -> Dict[str, Chain]:
    """Return the chains of one table."""
    found = {}
    for item in items:
        tracked = item.get("hook") not in ("prerouting", "ingress") or _priority(item) > _BEFORE_TRACKING
        device = item.get("dev", "")
        links = [link for rule in rules.get(item["name"], []) for link in _links(rule, family, tracked)]
        found[item["name"]] = Chain(
            links=links,
            hook=item.get("hook", ""),
            policy=DROP if item.get("policy") == "drop" else ACCEPT,
            device=device if isinstance(device, str) else "",
            nat=item.get("type") == "nat",
        )
    return found


def _priority(item: "NftChain") -> int:
    priority = item.get("prio")
    return priority if isinstance(priority, int) else 0


def _links(rule: "NftRule", family: str, tracked: bool) -> Iterator[Link]:
    conditions = [_chains.version_is(_VERSIONS[family])] if family in _VERSIONS else []
    for expression in rule.get("expr", []):
        word = next(iter(expression), "")
        body = expression[word]
        if word == "xt":
            condition, verdict = _extension(body)
            conditions += [condition] if condition else []
            if verdict:
                yield _chains.link(conditions, verdict)
        elif word in _VERDICTS:
            yield _chains.link(conditions + _meant_by_answer(word, body), _VERDICTS[word])
        elif word in ("jump", "goto"):
            quiet = [always(SELDOM)] if FAIL2BAN.match(body["target"]) else []
            yield _chains.link(conditions + quiet, word, body["target"])
        elif word == "vmap":
            for more, verdict, target in _verdict_map(body, tracked):
                yield _chains.link(conditions + more, verdict, target)
        else:
            conditions += _conditions(word, body, tracked)


def _meant_by_answer(word: str, body: Any) -> List[Condition]:
    """Return what the answer of a rejection says of the packet: nft does not list that once more."""
    kind = body.get("type") if word == "reject" and isinstance(body, dict) else ""
    if kind in ("icmp", "icmpv6"):
        return [_chains.version_is([4 if kind == "icmp" else 6])]
    return [_chains.protocol_in(["tcp"])] if kind == "tcp reset" else []


def _extension(body: Any) -> Tuple[Optional[Condition], str]:
    # nft 0.9 lists null for an extension of iptables.
    name = (body or {}).get("name", "")
    if (body or {}).get("type") == "target":
        return None, DROP if name == "REJECT" else ""
    return {"comment": None, "rpfilter": always(RARELY)}.get(name, always(PARTLY, narrow=True)), ""


def _conditions(word: str, body: Any, tracked: bool) -> List[Condition]:
    if word == "match":
        return [_match(body["left"], body["right"], body.get("op", "=="), tracked)]
    if word in ("limit", "quota", "ct count"):
        return [always(SELDOM if isinstance(body, dict) and body.get("inv") else PARTLY)]
    # A set that packets fill, with a limit for each element.
    limited = isinstance(body, dict) and word in ("set", "meter") and ("stmt" in body)
    return [always(SELDOM)] if limited else []


def _match(left: Any, right: Any, operator: str, tracked: bool) -> Condition:
    if operator in ("<", ">", "<=", ">="):
        right, operator = _range(right, operator), "=="
    condition = _means(left, right, tracked)
    # With fragments, options and hop limits, "!=" excludes the usual packets, so what is left is as rare as
    # with "==".
    if operator != "!=" or _is_oddity(left):
        return condition
    # nft adds the protocol whose header is read: "ip saddr != 192.0.2.1" is about no packet of IPv6.
    scope, unlike = _scope(left), _chains.negated(condition)
    return _chains.both(scope, unlike) if scope else unlike


def _scope(left: Any) -> Optional[Condition]:
    """Return the condition that a packet has the header that is read, None if each has it."""
    protocol = _payload_of(left).get("protocol", "")
    if protocol in _VERSIONS:
        return _chains.version_is(_VERSIONS[protocol])
    return _chains.protocol_in([protocol]) if protocol not in ("", "th", "ether") else None


def _payload_of(left: Any) -> "NftExpression":
    """Return the field that the left side of a match reads, perhaps with a mask; empty if it reads none."""
    masked = left["&"] if isinstance(left, dict) and "&" in left else None
    body = masked[0] if isinstance(masked, list) else left
    payload: "NftExpression" = body.get("payload", {}) if isinstance(body, dict) else {}
    return payload


def _is_oddity(left: Any) -> bool:
    word = next(iter(left), "") if isinstance(left, dict) else ""
    payload = _payload_of(left)
    usual = ("saddr", "daddr", "sport", "dport", "protocol", "nexthdr", "flags", "type", "code")
    return word in _ODD or (bool(payload) and payload.get("field") not in usual)


def _range(right: Any, operator: str) -> Any:
    if not isinstance(right, int):
        return right
    return {
        "<": {"range": [0, right - 1]},
        "<=": {"range": [0, right]},
        ">": {"range": [right + 1, 65535]},
        ">=": {"range": [right, 65535]},
    }[operator]


def _means(left: Any, right: Any, tracked: bool) -> Condition:
    word = next(iter(left), "") if isinstance(left, dict) else ""
    body: Any = left[word] if word else {}
    if word == "ct":
        return _tracking(body, right, tracked)
    if word in _ODD:
        return always(SELDOM if word in _ODD_USERS else RARELY)
    if word == "&" and isinstance(body, list) and len(body) == 2:
        return _masked(body, right)
    known = {"payload": _payload, "meta": _meta, "fib": _route}
    return known[word](body, right) if word in known else always(_share_of_unknown(right), narrow=True)


def _share_of_unknown(right: Any) -> int:
    return SELDOM if isinstance(right, str) and FAIL2BAN.match(right.lstrip("@")) else PARTLY


def _payload(body: "NftExpression", right: Any) -> Condition:
    protocol, field = body.get("protocol", ""), body.get("field", "")
    if isinstance(right, str) and right.startswith("@"):
        return _named_set(protocol, right)
    if protocol in ("ip", "ip6") and field in ("saddr", "daddr"):
        networks = _networks(right)
        return (
            _chains.address_in(networks, 4 if protocol == "ip" else 6, field == "saddr")
            if networks
            else always(PARTLY, True)
        )
    if field in ("sport", "dport"):
        ports = _ports(right)
        return (
            _chains.port_in([] if protocol == "th" else [protocol], ports, field == "dport")
            if ports
            else always(PARTLY, True)
        )
    if (protocol, field) in (("ip", "protocol"), ("ip6", "nexthdr")):
        return _chains.protocol_in([str(one) for one in _flat(right)])
    if (protocol, field) == ("ether", "type"):
        return _chains.version_is(
            [version for word in _flat(right) for version in _VERSIONS.get(str(word), ())]
        )
    if (protocol, field) == ("tcp", "flags"):
        return _chains.flags_are(
            ["syn"] if "syn" in _flat(right) else ["fin"],
            [str(one) for one in _flat(right) if one == "syn"] or ["fin"],
        )
    if protocol in ("icmp", "icmpv6", "igmp", "arp", "esp", "ah", "sctp", "dccp", "udplite", "gre"):
        return _chains.protocol_in([protocol])
    # Hardware addresses; fragments; times to live, service codes, lengths.
    odd = always({"ether": PARTLY}.get(protocol, RARELY if field == "frag-off" else SELDOM), narrow=True)
    return _chains.both(_chains.version_is(_VERSIONS[protocol]), odd) if protocol in _VERSIONS else odd


def _named_set(protocol: str, name: str) -> Condition:
    share = _share_of_unknown(name)
    versions = _VERSIONS.get(protocol, (4, 6))
    protocols = {"tcp": ("tcp", "any"), "udp": ("udp", "any")}.get(protocol, ("tcp", "udp", "any"))
    return (lambda wanted: share if wanted.version in versions and wanted.protocol in protocols else NO), True


def _meta(body: "NftExpression", right: Any) -> Condition:
    key = body["key"]
    words = [str(one) for one in _flat(right)]
    if key in ("iif", "iifname", "oif", "oifname"):
        means = [
            _chains.interface_is(word.rstrip("*"), key.startswith("i"), is_prefix=word.endswith("*"))
            for word in words
        ]
        return (lambda wanted: max([share(wanted) for share, narrow in means] or [PARTLY])), any(
            narrow for share, narrow in means
        )
    if key in ("nfproto", "protocol"):
        return _chains.version_is([version for word in words for version in _VERSIONS.get(word, ())])
    if key == "l4proto":
        return _chains.protocol_in(words)
    if key == "pkttype":
        return always(YES if {"host", "unicast"} & set(words) else NO)
    return always(SELDOM if key in _RARE_META else PARTLY, narrow=True)


def _tracking(body: "NftExpression", right: Any, tracked: bool) -> Condition:
    key = body.get("key", "")
    if key == "state":
        return _chains.state_in([str(one) for one in _flat(right)], tracked)
    if key == "direction":
        return (lambda wanted: YES if right == ("reply" if wanted.reply else "original") else NO), False
    return always(PARTLY if key in _ENDS else SELDOM, narrow=key in _ENDS)


def _route(body: "NftExpression", right: Any) -> Condition:
    # "fib saddr . iif oif missing drop" drops forged sources; "fib daddr type" is about whose address the
    # destination is.
    if body.get("result") != "type":
        return always(RARELY) if right in (False, 0, "missing", "0") else always(YES)
    words = {str(one) for one in _flat(right)}
    source = "saddr" in body.get("flags", [])

    def share(wanted: "_chains.Traffic") -> int:
        ours = wanted.incoming != source
        return YES if ("local" if ours else "unicast") in words else NO

    return share, False


def _masked(body: List[Any], right: Any) -> Condition:
    left, mask = body
    payload = left.get("payload", {}) if isinstance(left, dict) else {}
    if payload.get("field") == "flags" and payload.get("protocol") == "tcp":
        return _chains.flags_are(
            [str(one) for one in _flat(mask)], [str(one) for one in _flat(right) if one != 0]
        )
    return always(SELDOM, narrow=True)  # marks


def _verdict_map(body: "NftExpression", tracked: bool) -> Iterator[Tuple[List[Condition], str, str]]:
    data = body.get("data")
    if not isinstance(data, dict) or "set" not in data:
        # The elements of a named map are not read. A key with this host's own address is for services behind
        # the host (kube-proxy).
        own = isinstance(body.get("key"), dict) and "concat" in body["key"]
        yield [((lambda wanted: RARELY if own or wanted.reply else PARTLY), True)], DROP, ""
        return
    for element, verdict in data["set"]:
        key = element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element
        word = next(iter(verdict), "")
        target = verdict[word]["target"] if word in ("jump", "goto") else ""
        condition = always(PARTLY) if key == "*" else _match(body["key"], key, "==", tracked)
        yield [condition], _VERDICTS.get(word, word if target else ""), target


def _flat(right: Any) -> List[Any]:
    if isinstance(right, dict):
        word = next(iter(right), "")
        return _flat(right[word]) if word in ("set", "|", "elem", "val") else [right]
    return [one for item in right for one in _flat(item)] if isinstance(right, list) else [right]


def _networks(right: Any) -> List[Interval]:
    found = []
    try:
        for element in _elements(right):
            if isinstance(element, dict) and "prefix" in element:
                prefix = element["prefix"]
                network = ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}", strict=False)
                found.append(_chains.interval(network))
            elif isinstance(element, dict):
                first, last = element["range"]
                found.append((int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last))))
            else:
                found.append(_chains.interval(ipaddress.ip_network(element)))
    except (KeyError, TypeError, ValueError):
        return []
    return found


def _elements(right: Any) -> List[Any]:
    elements = right["set"] if isinstance(right, dict) and "set" in right else [right]
    return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in elements]


def _ports(right: Any) -> List[Interval]:
    found = []
    try:
        for element in _elements(right):
            ends = element["range"] if isinstance(element, dict) else [element, element]
            first, last = (end if isinstance(end, int) else socket.getservbyname(end) for end in ends)
            found.append((first, last))
    except (KeyError, TypeError, OSError):
        return []
    return found
