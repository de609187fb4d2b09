# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the observation of a host has counted, and what that says of a restriction.

The rules are read from nft's JSON, the counters from its text: older versions leave the counters of set
elements out of the JSON.
"""

import calendar
import ipaddress
import re
import time
from typing import TYPE_CHECKING, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .chains import interval, merged
from .cut import address_text, number_of
from .live import Flow
from .permits import Kind, Permits, is_about
from .restrict import OBSERVE
from .rule import ACCEPT, ALL, IN, SHORTENED, Rule, Rules, canonical
from .ruleset import OBSERVED, parse_rule
from .steps import FirewallError, read
from .words import BEGINS, CHANGED, COUNTED, GAPS, NO_ROOM, NOTHING, TOO_MANY, WIDER

if TYPE_CHECKING:
    from .._shapes import FirewallObserved, NftDocument, NftRule, ObservedFlow

CHAIN = "input"
SINCE, MORE = "exasol_since ", "exasol_more"  # comments of our rules: when counting began, and the full set's
TIME = "%Y-%m-%dT%H:%M:%SZ"
RULES_AT_HEAD = 4  # of the chain, before those of the plan
MAX_FLOWS = 1000  # in a result
MAX_NAMED = 5  # in a sentence
_SET = re.compile(r"^\tset (tcp|udp)([46]) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(r"([0-9a-f.:]+) \. (\d+) counter packets (\d+) bytes \d+")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class Counted(NamedTuple):
    """What the kernel holds of an observation."""

    rules: Rules
    since: str  # when counting began (UTC)
    flows: Dict[Flow, int]  # connections of each
    more: Dict[Tuple[str, int], int]  # connections without room in the set, by protocol and IP version
    is_intact: bool  # whether the chain holds our rules alone


def now() -> str:
    """Return the time of this host as it stands in a comment."""
    return time.strftime(TIME, time.gmtime())


def not_before_boot(since: str, at: Optional[float] = None) -> str:
    """Return when counting began, not before the kernel that counts was booted.

    A clock that is set only after the host booted wrote an earlier time, perhaps one of 1970.
    """
    begun = _seconds(since)
    words = (read("/proc/uptime") or "").split()
    if begun is None or not words:
        return since
    booted = (time.time() if at is None else at) - float(words[0])
    return since if begun >= int(booted) else time.strftime(TIME, time.gmtime(booted))


def set_of(rule: Rule) -> str:
    """Return the name of the set in which a rule counts."""
    return f"{rule.protocol}{rule.version}"


def parse(document: "NftDocument", text: str) -> Counted:
    """Read the observation from both of nft's listings of our table; raise if they do not fit."""
    own = [
        item["rule"]
        for item in document.get("nftables", [])
        if "rule" in item and (item["rule"]["table"], item["rule"]["chain"]) == (OBSERVED, CHAIN)
    ]
    rules = [found for rule in own for found in _rules_of(rule)]
    comments = [rule.get("comment", "") for rule in own]
    since = next((one[len(SINCE) :] for one in comments if one.startswith(SINCE)), "")
    observing = sum(rule.action == OBSERVE for rule in rules)
    flows = dict(_flows(text))
    elements = sum(
        len(item["set"].get("elem") or ()) for item in document.get("nftables", []) if "set" in item
    )
    if len(flows) < elements:
        # Whoever is not read would be taken for nobody.
        raise FirewallError(
            f"nft lists {elements} observed flows, but only {len(flows)} of them can be read: report what "
            f"nft --version and nft list table inet {OBSERVED} print, then remove the table with nft delete "
            f"table inet {OBSERVED}"
        )
    return Counted(
        rules=canonical(rules),
        since=since if _seconds(since) is not None else "",
        flows=flows,
        more=_without_room(own),
        is_intact=len(own) == RULES_AT_HEAD + len(rules) + observing,
    )


def _rules_of(rule: "NftRule") -> List[Rule]:
    found = _set_in(rule)
    if not found:
        return list(parse_rule(rule, IN))
    protocol, version = found
    return [
        one._replace(action=OBSERVE, protocol=protocol, version=version)
        for one in parse_rule(rule, IN, version)
    ]


def _set_in(rule: "NftRule") -> Optional[Tuple[str, int]]:
    """Return protocol and IP version of the set in which a rule of the kernel counts."""
    for expression in rule.get("expr", []):
        name = (expression.get("set") or {}).get("set", "")
        found = re.match(r"@(tcp|udp)([46])\Z", name if isinstance(name, str) else "")
        if found:
            return found.group(1), int(found.group(2))
    return None


def _without_room(rules: "Iterable[NftRule]") -> Dict[Tuple[str, int], int]:
    """Return the counters of the rules that see what a full set did not take."""
    counted: Dict[Tuple[str, int], int] = {}
    place: Optional[Tuple[str, int]] = None
    for rule in rules:
        place = _set_in(rule) or place
        if rule.get("comment") != MORE or place is None:
            continue
        packets = sum((one.get("counter") or {}).get("packets", 0) for one in rule["expr"])
        if packets:
            counted[place] = counted.get(place, 0) + packets
    return counted


def _flows(text: str) -> Iterable[Tuple[Flow, int]]:
    for protocol, version, body in _SET.findall(text):
        for address, port, packets in _ELEMENT.findall(body):
            kind = Kind(IN, int(version), protocol, int(port))
            yield Flow(kind, int(ipaddress.ip_address(address))), int(packets)


def counts_no_more(before: Rules, after: Rules) -> bool:
    """Tell whether everything that some rules would count was counted by those before them too.

    Only then the time since when they count is still true.
    """
    for kind in _kinds(before, after):
        was_observed = any(rule.action == OBSERVE and is_about(rule, kind) for rule in before)
        uncounted = _accepted(before, kind) if was_observed else [interval(ALL[kind.version])]
        now = _accepted(after, kind)
        for first, last in uncounted:
            if not any(low <= first and last <= high for low, high in now):
                return False
    return True


def _kinds(before: Rules, after: Rules) -> Iterable[Kind]:
    """Return a kind for each range of ports that is observed after, and within which no rules differ."""
    ranges = [item for rule in before + after for item in rule.ports.ranges]
    edges = {item.first for item in ranges} | {item.last + 1 for item in ranges}
    return [
        Kind(IN, rule.version, rule.protocol, port)
        for rule in after
        if rule.action == OBSERVE
        for port in sorted(edges)
        if port in rule.ports
    ]


def _accepted(rules: Rules, kind: Kind) -> List[Tuple[int, int]]:
    accepting = (rule for rule in rules if rule.action == ACCEPT and is_about(rule, kind))
    return merged(
        interval(network) for rule in accepting for network in rule.networks or (ALL[rule.version],)
    )


def report(
    counted: Optional[Counted], wanted: Rules, begins: Optional[str], at: Optional[float] = None
) -> "FirewallObserved":
    """Return what was counted, for the user.

    C(wanted) are the rules after this run; without any, those before it tell what was counted. C(begins) is
    when they begin to count: empty in a dry run, None if they go on counting.
    """
    found = _refused(counted, wanted or counted.rules) if counted else []
    unnamed = sum(counted.more.values()) if counted else 0
    flows: "List[ObservedFlow]" = [
        {
            "remote": address_text(flow.kind.version, flow.remote),
            "protocol": flow.kind.protocol,
            "port": flow.kind.port,
            "services": list(_services(wanted or counted.rules, flow.kind)) if counted else [],
            "connections": connections,
        }
        for flow, connections in found[:MAX_FLOWS]
    ]
    uncounted = BEGINS if wanted else NOTHING
    is_known = counted is None or (counted.is_intact and bool(counted.since))
    reasons = {
        NO_ROOM: bool(unnamed),
        TOO_MANY: len(found) > MAX_FLOWS,
        CHANGED: not is_known,
        WIDER: counted is not None and begins is not None and is_known,
    }
    gaps = [reason for reason in GAPS if reasons[reason]]
    result: "FirewallObserved" = {
        "status": COUNTED if counted else uncounted,
        "since": counted.since if counted else begins or "",
        "remotes": len({(flow.kind.version, flow.remote) for flow, unused in found}),
        "connections": sum(connections for unused, connections in found) + unnamed,
        "unnamed": unnamed,
        "flows": flows,
        "complete": not gaps,
        "gaps": gaps,
        "text": "",
    }
    result["text"] = _text(result, begins, time.time() if at is None else at)
    return result


def _refused(counted: Counted, wanted: Rules) -> List[Tuple[Flow, int]]:
    """Return the counted flows that rules would refuse, those with most connections first."""
    permits = Permits(rule for rule in wanted if rule.action == ACCEPT)
    observing = [rule for rule in wanted if rule.action == OBSERVE]
    kinds = {flow.kind for flow in counted.flows}
    watched = {kind for kind in kinds if any(is_about(rule, kind) for rule in observing)}
    left = [
        (flow, connections)
        for flow, connections in counted.flows.items()
        if flow.kind in watched and connections and permits.verdict(*flow) is None
    ]
    return sorted(left, key=lambda one: (-one[1], one[0]))


def _services(rules: Rules, kind: Kind) -> Tuple[str, ...]:
    """Return the services that have a port, as far as rules can tell.

    A rule has the names of all services on all of its ports. So a service of this port is in every rule with
    this port, and in no rule without it.
    """
    about = [set(rule.services) for rule in rules if rule.ports and is_about(rule, kind)]
    complete = [names for names in about if SHORTENED not in names]
    common = set.intersection(*complete) if complete else set().union(*about)
    of_others = {
        name
        for rule in rules
        if rule.action == ACCEPT and rule.protocol == kind.protocol and kind.port not in rule.ports
        for name in rule.services
    }
    return tuple(sorted(common - of_others or common))


def _text(observed: "FirewallObserved", begins: Optional[str], at: float) -> str:
    if observed["status"] == NOTHING:
        return "restrict would refuse nothing: there is nothing to count"
    if observed["status"] == BEGINS:
        if begins:
            return "counting begins now: run again later to read who would have been refused"
        return "counting would begin: nothing is known yet of who would be refused"
    said = sentence(observed, at)
    if begins is None:
        return said
    verb = "begins" if begins else "would begin"
    why = (
        "others changed its rules"
        if CHANGED in observed["gaps"]
        else "more would be refused now than was counted"
    )
    return f"{said}. Counting {verb} anew, because {why}"


def sentence(observed: "FirewallObserved", now: float) -> str:
    """Return who would have been refused in a sentence."""
    flows = observed["flows"]
    period = _period(observed["since"], now)
    if CHANGED in observed["gaps"] and not flows and not observed["unnamed"]:
        return f"{period} nobody was counted, but others changed the rules that count: nothing is known"
    if not flows and not observed["unnamed"]:
        return f"{period} nobody would have been refused"
    named = "; ".join(_what(flow) for flow in flows[:MAX_NAMED])
    others = len(flows) - MAX_NAMED
    if others > 0:
        named += f"; and {number_of(others, 'other flow')}"
    if observed["complete"] or observed["gaps"] == [WIDER]:
        return f"{period} nobody but {named} would have been refused"
    if not observed["unnamed"] and CHANGED in observed["gaps"]:
        return f"{period} {named} would have been refused: others changed the rules that count"
    if not observed["unnamed"]:
        return f"{period} {named}, and more than are listed, would have been refused"
    unnamed = number_of(observed["unnamed"], "connection")
    return (
        f"{period} {named + ', and ' if named else ''}{unnamed} of addresses for which there was no room "
        "would have been refused: the list is not complete"
    )


def _what(flow: "ObservedFlow") -> str:
    inside = [*flow["services"], number_of(flow["connections"], "connection")]
    return f"{flow['remote']} -> {flow['protocol']} {flow['port']} ({', '.join(inside)})"


def _period(since: str, now: float) -> str:
    begun = _seconds(since)
    if begun is None:
        return "since an unknown time"
    passed = int(now) - begun
    for unit, seconds in _UNITS:
        # The next unit says more than "1 day" does for 47 hours.
        if passed >= 2 * seconds:
            return f"in {number_of(passed // seconds, unit)} (since {since})"
    return f"since {since}"


def _seconds(since: str) -> Optional[int]:
    try:
        return calendar.timegm(time.strptime(since, TIME))
    except ValueError:
        return None
