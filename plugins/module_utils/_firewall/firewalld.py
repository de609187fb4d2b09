# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld: a policy of ours for each direction, before the zones (priority below 0), so that no zone changes hands.

A zone that is bound to a source takes all traffic of that source, SSH included; a policy from ANY to HOST
leaves the zones alone (firewalld.policies(5), since 0.9). Policies are created and removed with a reload; a
few of their rules change without one. A reload takes as long as it takes, but changes of the running firewall
take firewalld a transaction each: 2000 of them, minutes.

A reload forgets what others changed in the running firewall alone. So that is looked up before, and made
again after each reload, at the change and at its rollback.
"""

import ipaddress
import re
import shlex
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple
from xml.sax.saxutils import escape, unescape

from .._values.addresses import Network
from .._values.ports import PortRange, Ports
from .rule import (
    ACCEPT,
    ALL,
    IN,
    OUT,
    REJECT,
    Rule,
    Rules,
    canonical,
    collapsed,
    fitting,
    names_of,
    ordered,
    plain,
)
from .steps import FirewallError, Run, Step, Write, as_it_is, output, read

NAME = "firewalld"
_OLDEST = (0, 9)
_FOLDER = "/etc/firewalld/policies/"
_FEW = 50  # rules that change without a reload
_RELOAD_SECONDS = 600
_PRIORITY = (
    -32000
)  # before the policies of others: the lowest number stands first, and -32768 is the lowest there is
_REJECT_PRIORITY = 100  # after everything that is accepted
# A rich rule needs something to match (Rich_Rule.check); with ports, the family is enough.
_EVERYBODY: Dict[bool, Dict[int, Tuple[Optional[Network]]]] = {
    True: {4: (None,), 6: (None,)},
    False: {4: (ALL[4],), 6: (ALL[6],)},
}
_REJECTIONS = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


# What rich_rules() writes; whatever else stands in our policies is taken out.
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
    """Return rules in firewalld's rich language, one for each network and range of ports (firewalld.richlanguage(5))."""
    return [
        _rich(rule, None if network is None else plain(network), item)
        for rule in rules
        if rule.direction == direction
        for network in (rule.networks or _EVERYBODY[bool(rule.ports)][rule.version])
        for item in (rule.ports.ranges or (None,))
    ]


def _rich(rule: Rule, network: Optional[str], item: Optional[PortRange]) -> str:
    parts = (
        ["rule"]
        + ([f'priority="{_REJECT_PRIORITY}"'] if rule.action == REJECT else [])
        + [f'family="ipv{rule.version}"']
    )
    if network is not None:
        parts.append('{0} address="{1}"'.format({IN: "source", OUT: "destination"}[rule.direction], network))
    if item is not None:
        parts.append(f'port port="{item}" protocol="{rule.protocol}"')
    parts.append("accept" if rule.action == ACCEPT else f'reject type="{_REJECTIONS[rule.version]}"')
    return " ".join(parts)


def parse_rich(text: str, direction: str, services: Dict[str, Tuple[str, ...]]) -> Optional[Rule]:
    """Read a rich rule of ours, None for another; C(services) names them by protocol and port range."""
    words = shlex.split(text)
    options = dict(word.split("=", 1) for word in words if "=" in word)
    if not _RICH.match(text):
        return None
    first, _dash, last = options.get("port", "").partition("-")
    protocol = options.get("protocol", "any")
    return Rule(
        REJECT if "reject" in words else ACCEPT,
        direction,
        int(options["family"][-1]),
        protocol,
        Ports.of_ranges([(int(first), int(last or first))]) if first else Ports(),
        (ipaddress.ip_network(options["address"]),) if "address" in options else (),
        services.get(_what(protocol, options.get("port", "")), ()),
    )


def _what(protocol: str, ports: str) -> str:
    return f"{protocol} {ports}".strip()


def named(rules: Iterable[Rule]) -> Rules:
    """Return rules as firewalld can keep them.

    One for each range of ports, with one set of names in the policy's description.
    """
    networks: Dict[Tuple[str, str, int, str, Ports], List[Network]] = {}
    services: Dict[Tuple[str, str, Ports], Set[str]] = {}
    for rule in rules:
        for item in rule.ports.ranges or (None,):
            ports = Ports() if item is None else Ports.of_ranges([item])
            networks.setdefault((rule.action, rule.direction, rule.version, rule.protocol, ports), []).extend(
                rule.networks or (ALL[rule.version],)
            )
            services.setdefault((rule.direction, rule.protocol, ports), set()).update(rule.services)
    names = {key: fitting(sorted(found)) for key, found in services.items()}
    return ordered(
        Rule(
            key[0], key[1], key[2], key[3], key[4], collapsed(found, key[2]), names[(key[1], key[3], key[4])]
        )
        for key, found in networks.items()
    )


def told(rules: Iterable[Rule]) -> Rules:
    """Return rules in canonical form, as every provider tells them, with the names that firewalld can keep."""
    found, before = canonical(named(rules)), ()  # type: Rules, Rules
    while found != before:
        found, before = canonical(named(found)), found
    return found


def services_of(rules: Rules, direction: str) -> str:
    """Return the lines of a policy's description that name the services of each range of ports."""
    lines = {
        "{0}: {1}".format(_what(rule.protocol, str(item)), ", ".join(rule.services))
        for rule in rules
        if rule.direction == direction
        for item in rule.ports.ranges or ("",)
    }
    return "; ".join(sorted(lines))


def parse_services(description: str) -> Dict[str, Tuple[str, ...]]:
    """Read the services from a policy's description."""
    pairs = [part.split(": ", 1) for part in description.split("; ") if ": " in part]
    return {what: names_of(names) for what, names in pairs}


def document(policy: Policy, rules: Rules) -> str:
    """Return a policy's permanent configuration (firewalld.policy(5))."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<policy priority="{_PRIORITY}" target="CONTINUE">',
        "  <short>exasol_community.network</short>",
        f"  <description>{escape(services_of(rules, policy.direction))}</description>",
        f'  <ingress-zone name="{policy.ingress}"/>',
        f'  <egress-zone name="{policy.egress}"/>',
    ]
    return (
        "\n".join(
            lines + [f"  {_element(text)}" for text in rich_rules(rules, policy.direction)] + ["</policy>"]
        )
        + "\n"
    )


def _element(rich: str) -> str:
    # The rich language is the XML without brackets: <rule attributes><element attributes/>...</rule>.
    found = re.match(r'rule((?: \w+="[^"]*")*) ?(.*)$', rich)
    elements = re.findall(r'(\b[a-z]+\b)((?: \w+="[^"]*")*)(?= |$)', found.group(2)) if found else []
    inner = "".join(f"<{name}{attributes}/>" for name, attributes in elements)
    return "<rule{0}>{1}</rule>".format(found.group(1) if found else "", inner)


def parse_policies(listing: str) -> Dict[str, Dict[str, str]]:
    """Read C(firewall-cmd --list-all-policies): policy -> field -> text, rich rules a line each."""
    policies, fields, field = {}, {}, ""  # type: Dict[str, Dict[str, str]], Dict[str, str], str
    for line in listing.splitlines():
        if line and not line[0].isspace():
            fields = policies.setdefault(line.split(" ")[0], {})
        elif re.match(r"  [a-z-]+( [a-z]+)?:", line):
            field, value = line.strip().split(":", 1)
            fields[field] = value.strip()
        elif line.strip():
            fields[field] = (fields.get(field, "") + "\n" + line.strip()).strip()
    return policies


class Provider:
    """Reads and changes firewalld."""

    name = NAME

    def __init__(self):
        try:
            self._policies = parse_policies(output(("firewall-cmd", "--list-all-policies")))
        except FirewallError:
            _refuse_old()  # not asked before: each call of firewall-cmd starts a Python
            raise
        self._reloads = False
        self._kept, self._lost = [], []  # type: List[str], List[str]

    def rules(self) -> Rules:
        """Return what our policies hold at run time."""
        return told(rule for policy in POLICIES for rule in self._held(policy))

    def _held(self, policy: Policy) -> Rules:
        description = re.search(r"<description>(.*?)</description>", read(policy.path) or "", re.DOTALL)
        services = parse_services(unescape(description.group(1)) if description else "")
        parsed = (parse_rich(text, policy.direction, services) for text in self._texts(policy))
        return tuple(rule for rule in parsed if rule is not None)

    def _texts(self, policy: Policy) -> List[str]:
        return [
            line for line in self._policies.get(policy.name, {}).get("rich rules", "").splitlines() if line
        ]

    def wanted(self, rules: Rules) -> Rules:
        """Return the rules as firewalld can keep them."""
        return told(rules)

    def check(self) -> None:
        """Our policies stand before every zone."""

    def steps(self, rules: Rules, persist: bool) -> Tuple[List[Step], List[Step]]:
        """Return the steps to these rules and the steps back.

        A policy cannot be made without being permanent.
        """
        kept, steps, back = named(rules), [], []  # type: Rules, List[Step], List[Step]
        for policy in POLICIES:
            content = (
                document(policy, kept) if any(rule.direction == policy.direction for rule in kept) else None
            )
            before = as_it_is(policy.path)
            if before.content != content:
                steps.append(Write(policy.path, content))
                back.append(before)
            if (content is not None) != (policy.name in self._policies):
                self._reloads = True
        changes = {
            policy: self._differences(policy, rich_rules(kept, policy.direction)) for policy in POLICIES
        }
        self._reloads = (
            self._reloads or sum(len(added) + len(removed) for added, removed in changes.values()) > _FEW
        )
        if self._reloads:
            reload: List[Step] = [
                Run(
                    ("firewall-cmd", "--reload"),
                    seconds=_RELOAD_SECONDS,
                    what="letting firewalld read its files anew",
                ),
                *self._made_again(),
            ]
            steps += reload
            back += reload
        else:
            for policy, (added, removed) in changes.items():
                self._change(policy, added, removed, steps, back)
        return steps, back

    def _differences(self, policy: Policy, wanted: Sequence[str]) -> Tuple[List[str], List[str]]:
        held = {_normal(text): text for text in self._texts(policy)}
        added = [text for text in wanted if _normal(text) not in held]
        return added, [held[text] for text in sorted(set(held) - {_normal(text) for text in wanted})]

    @staticmethod
    def _change(
        policy: Policy, added: Sequence[str], removed: Sequence[str], steps: List[Step], back: List[Step]
    ) -> None:
        for first, second, where in ((added, removed, steps), (removed, added, back)):
            where += [
                Run(
                    (
                        "firewall-cmd",
                        "--policy",
                        policy.name,
                        *(f"--{verb}-rich-rule={text}" for text in texts),
                    ),
                    what=f"bringing rules of our policy {policy.name} into force",
                )
                for verb, texts in (("add", first), ("remove", second))
                if texts
            ]

    def notes(self) -> List[str]:
        """Return what the user should know.

        What others changed in the running firewall alone, and a reload forgets.
        """
        kept = (
            "firewalld has to be reloaded, which forgets what is not permanent in {0}. It is made again at "
            "once; what others change there "
            "until the change is confirmed is lost if it is rolled back. firewall-cmd --runtime-to-permanent "
            "keeps it for good"
        )
        lost = "firewalld has to be reloaded, which drops what is not permanent in {0}: to keep it, run firewall-cmd --runtime-to-permanent first"
        return [
            text.format(", ".join(names)) for text, names in ((kept, self._kept), (lost, self._lost)) if names
        ]

    def _made_again(self) -> List[Step]:
        found = _direct_again()
        self._kept, self._lost = ["direct rules"] if found else [], []
        for option, kind in (("--zone", "zones"), ("--policy", "policies")):
            running, permanent = (
                parse_policies(output(("firewall-cmd", *where, "--list-all-" + kind)))
                for where in ((), ("--permanent",))
            )
            for name in sorted(set(running) - {policy.name for policy in POLICIES}):
                stays = permanent.get(name)
                again = list(_again(f"{option}={name}", running[name], stays)) if stays is not None else []
                self._kept += [name] if again else []
                self._lost += [name] if stays is None or _fixed(running[name]) != _fixed(stays) else []
                found += again
        return found

    def filters_outgoing(self) -> bool:
        """Tell whether a policy of others drops what this host sends."""
        ours = {policy.name for policy in POLICIES}
        others = [fields for name, fields in self._policies.items() if name not in ours]
        return any(
            "HOST" in fields.get("ingress-zones", "")
            and (
                fields.get("target") in ("DROP", "REJECT")
                or re.search(r"\b(drop|reject)\b", fields.get("rich rules", ""))
            )
            for fields in others
        )


def _refuse_old() -> None:
    version = output(("firewall-cmd", "--version")).strip()
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < _OLDEST:
        raise FirewallError(f"firewalld {version} is too old: policies need 0.9 or newer")


# What can change in the running firewall alone, as firewall-cmd lists it and as its options call one
# (firewall-cmd(1)). Interfaces are missing: firewalld keeps them where they are.
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
_AGAIN = "making again what others changed in the running firewalld alone"


def _again(place: str, running: Dict[str, str], permanent: Dict[str, str]) -> Iterator[Step]:
    """Yield the commands that bring a zone or a policy from what is permanent to what runs."""
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
            yield Run(
                (
                    "firewall-cmd",
                    place,
                    "--{0}-{1}".format("add" if running.get(switch) == "yes" else "remove", switch),
                ),
                what=_AGAIN,
            )


def _fixed(fields: Dict[str, str]) -> Dict[str, str]:
    # The rest cannot be changed in the running firewall: its permanent configuration was changed, and a
    # reload brings that into force.
    return {
        name: text
        for name, text in fields.items()
        if name not in (*_WORDS, *_LINES, *_SWITCHES, "interfaces")
    }


def _items(field: str, text: str) -> Set[str]:
    return (
        {line.strip() for line in text.splitlines() if line.strip()} if field in _LINES else set(text.split())
    )


def _direct_again() -> List[Step]:
    """Return the commands that make direct chains, rules and passthroughs again which are not permanent (firewalld.direct(5))."""
    found: List[Step] = []
    for kind in ("chain", "rule", "passthrough"):
        try:
            running, permanent = (
                output(("firewall-cmd", *where, "--direct", f"--get-all-{kind}s")).splitlines()
                for where in ((), ("--permanent",))
            )
        except FirewallError:
            continue  # a version without them
        add = ("firewall-cmd", "--direct", f"--add-{kind}")
        found += [Run((*add, *shlex.split(line)), what=_AGAIN) for line in running if line not in permanent]
    return found


def _normal(text: str) -> Tuple[str, ...]:
    return tuple(sorted(shlex.split(text)))
