# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld: a policy of ours for each direction, which is evaluated before all zones.

- Why policies: a zone that is bound to a source takes all traffic of that source, SSH included. A policy from
  ANY to HOST with a priority below 0 changes no zone (firewalld.policies(5), since 0.9).
- When to reload: policies appear and disappear only with a reload. A few of their rules change without one,
  but each in a transaction of its own: 2000 of them would take minutes.
- What a reload forgets: whatever others have changed only in the running firewall. So we look that up before,
  and do it again after each reload, at the change and at its rollback.
"""

import html
import ipaddress
import itertools
import re
import shlex
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Type

from .._values.addresses import Network
from .._values.ports import PortRange, Ports
from . import drift, firewalld_bus, xtables
from .chains import DROP, Chain, link
from .listing import Listing
from .provider import Change, Provider
from .rule import (
    ACCEPT,
    ALL,
    IN,
    OUT,
    REJECT,
    Rule,
    Rules,
    canonical,
    collapse,
    fit_names,
    names_of,
    network_text,
    sort_rules,
)
from .steps import FirewallError, Run, Step, Write, as_it_is, lines_of, output, read, run

_MIN_VERSION = (0, 9)
_FOLDER = "/etc/firewalld/policies/"
_CONFIGURATION, _DIRECT = "/etc/firewalld/firewalld.conf", "/etc/firewalld/direct.xml"
MAX_CHANGES = 50  # of single rules; more are faster with a reload
_RELOAD_SECONDS = 600
_PRIORITY = -32000  # before the policies of others; -32768 is the lowest
_TARGET = "CONTINUE"  # whoever comes next decides about the rest
_REJECT_PRIORITY = 100  # after everything that is accepted
_REJECTIONS = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


# What rich_rules() writes; anything else in our policies is removed.
_RICH = re.compile(
    r'rule( priority="\d+")? family="ipv[46]"( (source|destination) address="[0-9a-f:./]+")?'
    r'( port port="[0-9-]+" protocol="(tcp|udp)")? (accept|reject type="[a-z0-9-]+")$'
)


class Policy(NamedTuple):
    """One of our policies."""

    name: str
    direction: str
    ingress: str
    egress: str

    @property
    def path(self) -> str:
        """Its permanent configuration."""
        return f"{_FOLDER}{self.name}.xml"


POLICIES = (Policy("exasol-network-in", IN, "ANY", "HOST"), Policy("exasol-network-out", OUT, "HOST", "ANY"))


def rich_rules(rules: Sequence[Rule], direction: str) -> List[str]:
    """Return a rich rule for each network and range of ports (firewalld.richlanguage(5))."""
    texts = []
    for rule in rules:
        if rule.direction != direction:
            continue
        networks: Sequence[Optional[Network]] = rule.networks
        if not networks:
            # A rich rule needs something to match (Rich_Rule.check): ports are enough.
            networks = [None] if rule.ports else [ALL[rule.version]]
        for network in networks:
            texts += [_rich(rule, network, item) for item in rule.ports.ranges or (None,)]
    return texts


def _rich(rule: Rule, network: Optional[Network], item: Optional[PortRange]) -> str:
    parts = ["rule"]
    if rule.action == REJECT:
        parts.append(f'priority="{_REJECT_PRIORITY}"')
    parts.append(f'family="ipv{rule.version}"')
    if network is not None:
        end = {IN: "source", OUT: "destination"}[rule.direction]
        parts.append(f'{end} address="{network_text(network)}"')
    if item is not None:
        parts.append(f'port port="{item}" protocol="{rule.protocol}"')
    parts.append("accept" if rule.action == ACCEPT else f'reject type="{_REJECTIONS[rule.version]}"')
    return " ".join(parts)


def parse_rich(text: str, direction: str, services: Dict[str, Tuple[str, ...]]) -> Optional[Rule]:
    """Return our rule, None for any other text; C(services) has the names by protocol and port range."""
    words = shlex.split(text)
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if not _RICH.match(text):
        return None
    first, _dash, last = options.get("port", "").partition("-")
    protocol = options.get("protocol", "any")
    return Rule(
        action=REJECT if "reject" in words else ACCEPT,
        direction=direction,
        version=int(options["family"][-1]),
        protocol=protocol,
        ports=Ports.of_ranges([(int(first), int(last or first))]) if first else Ports(),
        networks=(ipaddress.ip_network(options["address"]),) if "address" in options else (),
        services=services.get(_what(protocol, options.get("port", "")), ()),
    )


def _what(protocol: str, ports: str) -> str:
    return f"{protocol} {ports}".strip()


def split_rules(rules: Iterable[Rule]) -> Rules:
    """Return rules as firewalld keeps them: one for each range of ports.

    The names of services are in the description of the policy, so all rules for a range of ports share them.
    """
    networks: Dict[Tuple[str, str, int, str, Ports], List[Network]] = {}
    services: Dict[Tuple[str, str, Ports], Set[str]] = {}
    for rule in rules:
        for item in rule.ports.ranges or (None,):
            ports = Ports() if item is None else Ports.of_ranges([item])
            kind = (rule.action, rule.direction, rule.version, rule.protocol, ports)
            networks.setdefault(kind, []).extend(rule.networks or (ALL[rule.version],))
            services.setdefault((rule.direction, rule.protocol, ports), set()).update(rule.services)
    found = []
    for (action, direction, version, protocol, ports), some in networks.items():
        found.append(
            Rule(
                action=action,
                direction=direction,
                version=version,
                protocol=protocol,
                ports=ports,
                networks=collapse(some, version),
                services=fit_names(services[(direction, protocol, ports)]),
            )
        )
    return sort_rules(found)


def merge_rules(rules: Iterable[Rule]) -> Rules:
    """Return rules in the canonical form of all providers, with the names that firewalld can keep."""
    found = canonical(split_rules(rules))
    before: Rules = ()
    while found != before:
        found, before = canonical(split_rules(found)), found
    return found


def services_of(rules: Rules, direction: str) -> str:
    """Return the description of a policy, which names the services of each range of ports."""
    lines = set()
    for rule in rules:
        for item in rule.ports.ranges or ("",) if rule.direction == direction else ():
            lines.add(f"{_what(rule.protocol, str(item))}: {', '.join(rule.services)}")
    return "; ".join(sorted(lines))


def parse_services(description: str) -> Dict[str, Tuple[str, ...]]:
    """Read the services from a policy's description."""
    pairs = [part.split(": ", 1) for part in description.split("; ") if ": " in part]
    return {what: names_of(names) for what, names in pairs}


def document(policy: Policy, rules: Rules) -> str:
    """Return a policy's permanent configuration (firewalld.policy(5))."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<policy priority="{_PRIORITY}" target="{_TARGET}">',
        "  <short>exasol_community.network</short>",
        f"  <description>{html.escape(services_of(rules, policy.direction))}</description>",
        f'  <ingress-zone name="{policy.ingress}"/>',
        f'  <egress-zone name="{policy.egress}"/>',
    ]
    lines += [f"  {_element(text)}" for text in rich_rules(rules, policy.direction)]
    return "\n".join([*lines, "</policy>", ""])


def _element(rich: str) -> str:
    # The rich language is the XML without brackets: <rule attributes><element attributes/>...</rule>.
    found = re.match(r'rule((?: \w+="[^"]*")*) ?(.*)$', rich)
    elements = re.findall(r'(\b[a-z]+\b)((?: \w+="[^"]*")*)(?= |$)', found.group(2)) if found else []
    inner = "".join(f"<{name}{words}/>" for name, words in elements)
    attributes = found.group(1) if found else ""
    return f"<rule{attributes}>{inner}</rule>"


def parse_policies(listing: str) -> Dict[str, Dict[str, str]]:
    """Read C(firewall-cmd --list-all-policies): policy -> field -> text, with one rich rule a line."""
    policies: Dict[str, Dict[str, str]] = {}
    fields: Dict[str, str] = {}
    field = ""
    for line in lines_of(listing):
        if line and not line[0].isspace():
            fields = policies.setdefault(line.split(" ")[0], {})
        elif re.match(r"  [a-z-]+( [a-z]+)?:", line):
            field, value = line.strip().split(":", 1)
            fields[field] = value.strip()
        elif line.strip():
            fields[field] = (fields.get(field, "") + "\n" + line.strip()).strip()
    return policies


class _Reload(NamedTuple):
    """A reload, what is done again after it, and whose settings in the running firewall it forgets."""

    steps: List[Step]
    restored: List[str]  # zones, policies and ipsets that get back what the reload forgets
    lost: List[str]  # those that do not
    held_back: List[str]  # zones and policies that were prepared for a later reload
    ours_again: List[Step]  # what others changed in our own policies, for a reload that restores these

    def notes(self) -> List[str]:
        """Return what the user should know of it."""
        notes = []
        if self.restored:
            notes.append(
                "firewalld must be reloaded, which drops the rules that are not permanent in "
                f"{', '.join(self.restored)}. They are restored at once. If the change is rolled back, "
                "whatever others change there until then is lost. To make the rules permanent, run "
                "firewall-cmd --runtime-to-permanent"
            )
        if self.lost:
            notes.append(
                f"firewalld must be reloaded, which drops the rules that are not permanent in "
                f"{', '.join(self.lost)}: to keep them, run firewall-cmd --runtime-to-permanent first"
            )
        if self.held_back:
            notes.append(
                "firewalld must be reloaded, which would activate what others have prepared in "
                f"{', '.join(self.held_back)}. It is removed from the running firewall at once. To activate "
                "it, run firewall-cmd --reload"
            )
        return notes


class Firewalld(Provider):
    """Our policies of firewalld."""

    name = "firewalld"
    command = "firewall-cmd"
    owns_tables = "firewalld"
    has_service = True
    # firewalld makes several chains of a policy, such as filter_IN_policy_exasol-network-in_allow. Those of
    # iptables have shorter names, such as IN_exasol-network-in_allow.
    our_chains = r"([a-z]+_)?[A-Z]+_(policy_)?exasol-network-(in|out)(_|\Z)"

    @classmethod
    def is_running(cls, listing: Listing, beside: Sequence[Type[Provider]] = ()) -> bool:
        """Tell whether the service runs, asked over the bus if it answers there."""
        del listing, beside
        runs = firewalld_bus.runs()
        return run(("firewall-cmd", "--state")).stdout.strip() == "running" if runs is None else runs

    @classmethod
    def without_its_rules(cls, saved: str, version: int) -> str:
        """Return a filter table without as many rules of INPUT and OUTPUT as firewalld has direct ones there.

        firewalld gives direct rules to iptables even where it uses nftables itself (firewalld.direct(5)).
        iptables lists them in its own words, so they can only be counted.
        """
        direct = (
            run(("firewall-cmd", "--direct", "--get-all-rules")).stdout
            + run(("firewall-cmd", "--direct", "--get-all-passthroughs")).stdout
        )
        lines = lines_of(saved, ends=True)
        for base in ("INPUT", "OUTPUT"):
            known = re.findall(rf"^ipv{version} (?:filter {base} |.*-[AI] {base} )", direct, re.MULTILINE)
            dropping = [line for line in lines if line.startswith(f"-A {base} ") and xtables.may_drop(line)]
            if len(dropping) <= len(known):
                lines = [line for line in lines if line not in dropping]
        return "".join(lines)

    def __init__(self, listing: Optional[Listing] = None) -> None:
        super().__init__(listing)
        of_bus = firewalld_bus.policies()
        self._policies = _policies() if of_bus is None else of_bus
        self._has_all_fields = of_bus is None

    def rules(self) -> Rules:
        """Return what our policies hold at run time; one that is disabled holds nothing."""
        return merge_rules(rule for policy in POLICIES for rule in self._held(policy))

    def _held(self, policy: Policy) -> Rules:
        if _is_disabled(self._policies.get(policy.name, {})):
            return ()
        description = re.search(r"<description>(.*?)</description>", read(policy.path) or "", re.DOTALL)
        services = parse_services(html.unescape(description.group(1)) if description else "")
        parsed = (parse_rich(text, policy.direction, services) for text in self._texts(policy))
        return tuple(rule for rule in parsed if rule is not None)

    def _texts(self, policy: Policy) -> List[str]:
        return [line for line in lines_of(self._policies.get(policy.name, {}).get("rich rules", "")) if line]

    def wanted(self, rules: Rules) -> Rules:
        """Return all of the rules, with the names that firewalld can keep."""
        return merge_rules(rules)

    def change_to(self, rules: Rules, persist: bool) -> Change:
        """Return the files of our policies, and a reload or changes of single rules.

        A policy cannot exist without being permanent, so the rules always persist.
        """
        kept = split_rules(rules)
        change = Change(steps=[], undo=[], notes=[])
        need_reload = [self._change_file(policy, kept, change) for policy in POLICIES]
        differences = {
            policy: self._differences(policy, rich_rules(kept, policy.direction)) for policy in POLICIES
        }
        changes = sum(len(added) + len(removed) for added, removed in differences.values())
        if any(need_reload) or changes > MAX_CHANGES:
            reload = self._reload()
            change.steps.extend(reload.steps)
            change.undo.extend(reload.steps + reload.ours_again)
            change.notes.extend(reload.notes())
            return change
        for policy, (added, removed) in differences.items():
            change.steps.extend(_change_rules(policy, added=added, removed=removed))
            change.undo.extend(_change_rules(policy, added=removed, removed=added))
        return change

    def _change_file(self, policy: Policy, rules: Rules, change: Change) -> bool:
        """Add the permanent configuration of a policy; tell whether only a reload brings it into force.

        That is so if the policy appears or disappears, and if others have changed what it decides about.
        """
        needed = any(rule.direction == policy.direction for rule in rules)
        content = document(policy, rules) if needed else None
        before = as_it_is(policy.path)
        if before.content != content:
            change.steps.append(Write(policy.path, content))
            change.undo.append(before)
        running = self._policies.get(policy.name)
        if running is None:
            return needed
        return not needed or not _is_as_made(policy, running)

    def own_files(self) -> List[str]:
        """Return the permanent configuration of our policies."""
        return [policy.path for policy in POLICIES]

    def foreign_changes(self) -> List[drift.ForeignChange]:
        """Return what others did to our policies, compared with their permanent configuration."""
        found = []
        held = split_rules(self.rules())
        for policy in POLICIES:
            kept, where = read(policy.path), f"policy {policy.name}"
            if policy.name not in self._policies:
                found += [drift.chain_gone(where, policy.path)] if kept is not None else []
                continue
            if kept is None:
                found.append(drift.changed(where, f"{policy.path} is gone, and a reload will remove them"))
            elif _is_disabled(self._policies[policy.name]):
                found.append(drift.changed(where, "the policy is disabled"))
            elif not _is_as_made(policy, self._policies[policy.name]):
                found.append(drift.changed(where, "the policy has another priority, target or zones"))
            elif kept != document(policy, held):
                found.append(drift.changed(where, f"they are not those of {policy.path}"))
            before = self._evaluated_before(policy)
            found += [drift.not_first(where, len(before), f"policy {before[0]}")] if before else []
        return found

    def _evaluated_before(self, policy: Policy) -> List[str]:
        """Return the policies of others that see our packets before ours, in that order."""
        priorities = {
            name: int(fields.get("priority") or 0)
            for name, fields in self._policies.items()
            if name not in (ours.name for ours in POLICIES)
            and not _is_disabled(fields)
            and {policy.ingress, "ANY"} & set(fields.get("ingress-zones", "").split())
            and {policy.egress, "ANY"} & set(fields.get("egress-zones", "").split())
        }
        before = [(priority, name) for name, priority in priorities.items() if priority < _PRIORITY]
        return [name for _priority, name in sorted(before)]

    def refusing(
        self, chains: Dict[str, Chain], version: int, rejections: Rules
    ) -> Optional[Dict[str, Chain]]:
        """Return the chains in which we reject all that no policy with a priority below ours decides.

        That is enough to ask about what we reject. None without such a policy.
        """
        del rejections
        before = self._evaluated_before(POLICIES[0])
        if not before:
            return None
        jump = re.compile(r"(filter_)?IN_(policy_)?({0})\Z".format("|".join(map(re.escape, before))))
        found = self.without_ours(chains, version)
        for name, chain in chains.items():
            if re.match(r"(filter_)?INPUT_POLICIES_pre\Z", name):
                first = [one for one in chain.links if jump.match(one.target)]
                found[name] = chain._replace(links=(*first, link((), DROP)))
        return found

    def _differences(self, policy: Policy, wanted: Sequence[str]) -> Tuple[List[str], List[str]]:
        """Return the rich rules to add to the running policy, and those to remove."""
        held = {_normal(text): text for text in self._texts(policy)}
        added = [text for text in wanted if _normal(text) not in held]
        return added, [held[text] for text in sorted(set(held) - {_normal(text) for text in wanted})]

    def _reload(self) -> _Reload:
        direct = _direct_again()
        reload = Run(
            ("firewall-cmd", "--reload"),
            seconds=_RELOAD_SECONDS,
            what="reloading the files of firewalld",
        )
        found = _ipsets_again()
        found.steps[:0] = [reload]
        found.steps.extend(direct.steps)
        found.restored.extend(direct.restored)
        found.held_back.extend(direct.held_back)
        zones = parse_policies(output(("firewall-cmd", "--list-all-zones")))
        policies = self._policies if self._has_all_fields else _policies()
        for option, kind, running in (("--zone", "zones", zones), ("--policy", "policies", policies)):
            permanent = parse_policies(output(("firewall-cmd", "--permanent", f"--list-all-{kind}")))
            if kind == "zones":
                found.steps.extend(_interfaces_again(running, permanent, _default_zone()))
            ours = {policy.name for policy in POLICIES}
            for name in sorted(ours & {*running} & {*permanent}):
                found.ours_again.extend(_again(f"{option}={name}", running[name], permanent[name]))
            for name in sorted({*running, *permanent} - ours):
                if name not in permanent:
                    found.lost.append(name)
                    continue
                again = list(_again(f"{option}={name}", running.get(name, {}), permanent[name]))
                found.steps.extend(again)
                if name not in running:
                    found.held_back.append(name)
                    continue
                if again:
                    found.restored.append(name)
                if _only_permanent(running[name]) != _only_permanent(permanent[name]):
                    found.lost.append(name)
        return found

    def filters_outgoing(self) -> bool:
        """Tell whether a policy of others drops what this host sends."""
        ours = {policy.name for policy in POLICIES}
        others = [fields for name, fields in self._policies.items() if name not in ours]
        return any(_drops_outgoing(fields) for fields in others)


def _is_disabled(fields: Dict[str, str]) -> bool:
    """Tell whether a policy is left out of the rules, which firewalld 2.4 can do."""
    return fields.get("disable") == "yes"


def _is_as_made(policy: Policy, running: Dict[str, str]) -> bool:
    """Tell whether a running policy of ours decides about all that it should, and when it should."""
    return (
        not _is_disabled(running)
        and running.get("priority") == str(_PRIORITY)
        and running.get("target") == _TARGET
        and running.get("ingress-zones", "").split() == [policy.ingress]
        and running.get("egress-zones", "").split() == [policy.egress]
    )


def _drops_outgoing(policy: Dict[str, str]) -> bool:
    if _is_disabled(policy) or "HOST" not in policy.get("ingress-zones", ""):
        return False
    drops = re.search(r"\b(drop|reject)\b", policy.get("rich rules", ""))
    return policy.get("target") in ("DROP", "REJECT") or bool(drops)


def _change_rules(policy: Policy, added: Sequence[str], removed: Sequence[str]) -> Iterator[Step]:
    for verb, texts in (("add", added), ("remove", removed)):
        if texts:
            options = [f"--{verb}-rich-rule={text}" for text in texts]
            yield Run(
                ("firewall-cmd", "--policy", policy.name, *options),
                what=f"changing the active rules of our policy {policy.name}",
            )


def _policies() -> Dict[str, Dict[str, str]]:
    """Return the policies of the running firewall with all of their fields."""
    try:
        return parse_policies(output(("firewall-cmd", "--list-all-policies")))
    except FirewallError:
        _refuse_old()  # asked only now: each call of firewall-cmd starts a Python
        raise


def _refuse_old() -> None:
    version = output(("firewall-cmd", "--version")).strip()
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < _MIN_VERSION:
        raise FirewallError(f"firewalld {version} is too old for policies: install 0.9 or newer")


# What can be changed in the running firewall alone: the field as firewall-cmd lists it, and its option for
# one item (firewall-cmd(1)). Interfaces are not among them: each is in one zone at most.
_WORDS = {
    "sources": "source",
    "services": "service",
    "ports": "port",
    "protocols": "protocol",
    "source-ports": "source-port",
    "icmp-blocks": "icmp-block",
    "ingress-zones": "ingress-zone",
    "egress-zones": "egress-zone",
}
_LINES = {"rich rules": "rich-rule", "forward-ports": "forward-port"}
_SWITCHES = ("masquerade", "forward", "icmp-block-inversion")
_AGAIN = "restoring changes that others made only in the running firewalld"


def _again(place: str, running: Dict[str, str], permanent: Dict[str, str]) -> Iterator[Step]:
    """Yield the commands that give a zone or a policy its running settings again, after a reload."""
    for field, option in list(_WORDS.items()) + list(_LINES.items()):
        runs, stays = (_items(field, fields.get(field, "")) for fields in (running, permanent))
        for verb, items in (("remove", stays - runs), ("add", runs - stays)):
            if items:
                yield Run(
                    ("firewall-cmd", place, *(f"--{verb}-{option}={item}" for item in sorted(items))),
                    what=_AGAIN,
                )
    for switch in _SWITCHES:
        if running.get(switch, "no") != permanent.get(switch, "no"):
            verb = "add" if running.get(switch) == "yes" else "remove"
            yield Run(("firewall-cmd", place, f"--{verb}-{switch}"), what=_AGAIN)


def _default_zone() -> str:
    found = re.search(r"^DefaultZone=(\S+)", read(_CONFIGURATION) or "", re.MULTILINE)
    return found.group(1) if found else "public"


def _interfaces_again(
    running: Dict[str, Dict[str, str]], permanent: Dict[str, Dict[str, str]], default: str
) -> Iterator[Step]:
    """Yield the commands that bring interfaces back to their zones, after a reload.

    It forgets them unless FlushAllOnReload is off (firewalld.conf(5)), and what is in no zone is in the
    default one. NetworkManager restores its own.
    """
    now, then = (
        {
            one: zone
            for zone, fields in zones.items()
            for one in _items("interfaces", fields.get("interfaces", ""))
        }
        for zones in (running, permanent)
    )
    moved: Dict[str, List[str]] = {}
    for one in sorted({*now, *then}):
        zone = now.get(one, default)
        if zone in permanent and zone != then.get(one, default):
            moved.setdefault(zone, []).append(f"--change-interface={one}")
    for zone, options in sorted(moved.items()):
        yield Run(("firewall-cmd", f"--zone={zone}", *options), what=_AGAIN)


def _only_permanent(fields: Dict[str, str]) -> Dict[str, str]:
    """Return the settings that cannot be changed in the running firewall alone.

    If one differs, somebody has changed the permanent configuration, and a reload brings that into force.
    """
    return {
        name: text
        for name, text in fields.items()
        if name not in (*_WORDS, *_LINES, *_SWITCHES, "interfaces")
    }


def _items(field: str, text: str) -> Set[str]:
    if field in _LINES:
        return {line.strip() for line in lines_of(text) if line.strip()}
    return set(text.split())


def _ipsets_again() -> _Reload:
    """Return the commands that restore the entries of ipsets after a reload, and the ipsets by name.

    Zones and rules may permit or refuse everybody who is in one (firewalld.ipset(5)).
    """
    found = _Reload(steps=[], restored=[], lost=[], held_back=[], ours_again=[])
    try:
        names = output(("firewall-cmd", "--get-ipsets")).split()
    except FirewallError:
        return found  # a version without them
    for name in sorted(names):
        info = f"--info-ipset={name}"
        try:
            running = parse_policies(output(("firewall-cmd", info)))[name]
            permanent = parse_policies(output(("firewall-cmd", "--permanent", info)))[name]
        except (FirewallError, KeyError):
            found.lost.append(f"ipset {name}")  # it only runs
            continue
        if re.search(r"\btimeout=0*[1-9]", running.get("options", "")):
            found.lost.append(f"ipset {name}")  # firewalld does not know its entries
            continue
        runs, stays = (_items("entries", fields.get("entries", "")) for fields in (running, permanent))
        for verb, entries in (("remove", stays - runs), ("add", runs - stays)):
            if entries:
                # There may be thousands, each of which would be a transaction of its own.
                command = ("firewall-cmd", f"--ipset={name}", f"--{verb}-entries-from-file=/dev/stdin")
                found.steps.append(Run(command, "".join(f"{one}\n" for one in sorted(entries)), what=_AGAIN))
        if runs != stays:
            found.restored.append(f"ipset {name}")
    return found


def _direct_again() -> _Reload:
    """Return the commands that restore direct chains and rules after a reload (firewalld.direct(5)).

    Rules of the same priority stand in the order in which they were added, which a reload forgets too.
    """
    added: List[Step] = []
    removed: List[Step] = []
    found = _Reload(steps=[], restored=[], lost=[], held_back=[], ours_again=[])
    is_prepared = re.search("<(chain|rule|passthrough) ", read(_DIRECT) or "")
    for kind in ("chain", "rule", "passthrough"):
        listed = f"--get-all-{kind}s"
        try:
            running = lines_of(output(("firewall-cmd", "--direct", listed)))
            if not running and not is_prepared:
                continue  # each call of firewall-cmd starts a Python
            permanent = lines_of(output(("firewall-cmd", "--permanent", "--direct", listed)))
        except FirewallError:
            continue  # a version without them
        gone, again = _in_order(running, permanent)
        added += [_direct(f"--add-{kind}", line) for line in again]
        # Chains go last, when nothing is in them any more.
        removed[:0] = [_direct(f"--remove-{kind}", line) for line in gone]
        if again:
            found.restored[:] = ["direct rules"]
        if any(line not in running for line in gone):
            found.held_back[:] = ["direct rules"]
    found.steps.extend(removed + added)
    return found


def _direct(option: str, line: str) -> Step:
    return Run(("firewall-cmd", "--direct", option, *shlex.split(line)), what=_AGAIN)


def _in_order(running: Sequence[str], permanent: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Return what to remove after a reload, and then to add, so that all that runs is in its order again."""
    removed = [line for line in permanent if line not in running]
    added: List[str] = []
    places: Dict[Tuple[str, ...], List[str]] = {}
    for line in running:
        places.setdefault(tuple(line.split(" ")[:4]), []).append(line)  # IP version, table, chain, priority
    for lines in places.values():
        loaded = [line for line in permanent if line in lines]
        same = sum(1 for unused in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(lines, loaded)))
        removed += loaded[same:]
        added += lines[same:]
    return removed, added


def _normal(text: str) -> Tuple[str, ...]:
    return tuple(sorted(shlex.split(text)))
