# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld: policies of ours in its rich language and in XML, and what it lists."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    firewalld,
    firewalld_bus,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    steps as _steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.chains import (
    Chain,
    link,
    state_in,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.host_chains import (
    HostChains,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)

RULES = firewalld.split_rules(
    cases.settled(
        [
            rule("in tcp 8563", "192.0.2.0/24"),
            rule("in tcp 8563", "2001:db8::/64"),
            rule("in tcp 8563", action="reject"),
        ]
    )
)
OUT_RULES = firewalld.split_rules(cases.settled(RULES + (rule("out udp 53", "192.0.2.53", "dns_udp"),)))
IN_POLICY, OUT_POLICY = firewalld.POLICIES

# As firewall-cmd prints them (print_zone_policy_info in firewall/command.py); the third with rules of ours.
LISTING_0_9 = """allow-host-ipv6 (active)
  priority: -15000
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: HOST
  services:\x20
  ports:\x20
  protocols:\x20
  masquerade: no
  forward-ports:\x20
  source-ports:\x20
  icmp-blocks:\x20
  rich rules:\x20
\trule family="ipv6" icmp-type name="neighbour-advertisement" accept
\trule family="ipv6" icmp-type name="router-advertisement" accept

"""
LISTING_1_3 = (
    LISTING_0_9
    + """exasol-network-in (active)
  priority: -32000
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: HOST
  services:\x20
  ports:\x20
  protocols:\x20
  masquerade: no
  forward-ports:\x20
  source-ports:\x20
  icmp-blocks:\x20
  rich rules:\x20
\trule family="ipv4" source address="192.0.2.0/24" port port="8563" protocol="tcp" accept
\trule family="ipv6" source address="2001:db8::/64" port port="8563" protocol="tcp" accept
\trule priority="100" family="ipv4" port port="8563" protocol="tcp" reject type="icmp-admin-prohibited"

my-forwarding (active)
  priority: -1
  target: DROP
  ingress-zones: public dmz
  egress-zones: internal
  services: http https
  ports: 8080/tcp 9000-9010/udp
  protocols: esp
  masquerade: yes
  forward-ports:\x20
\tport=80:proto=tcp:toport=8080:toaddr=192.0.2.8
\tport=81:proto=tcp:toport=8081:toaddr=
  source-ports: 53/udp
  icmp-blocks: echo-request
  rich rules:\x20

"""
)
LISTING_2_3 = LISTING_1_3.replace("my-forwarding (active)", "my-forwarding").replace(
    'rich rules: \n\trule family="ipv6" icmp', 'rich rules:\n\trule family="ipv6" icmp'
)
HELD = [
    'rule family="ipv4" source address="192.0.2.0/24" port port="8563" protocol="tcp" accept',
    'rule family="ipv6" source address="2001:db8::/64" port port="8563" protocol="tcp" accept',
    'rule priority="100" family="ipv4" port port="8563" protocol="tcp" reject type="icmp-admin-prohibited"',
]


@pytest.mark.parametrize(
    "listing, names",
    [
        (LISTING_0_9, ["allow-host-ipv6"]),
        (LISTING_1_3, ["allow-host-ipv6", "exasol-network-in", "my-forwarding"]),
        (LISTING_2_3, ["allow-host-ipv6", "exasol-network-in", "my-forwarding"]),
        ("", []),
    ],
    ids=["0.9", "1.3", "2.3", "none"],
)
def test_policies_are_listed(listing, names):
    policies = firewalld.parse_policies(listing)
    assert list(policies) == names
    assert all(
        {"target", "ingress-zones", "egress-zones", "rich rules"} <= set(fields)
        for fields in policies.values()
    )


@pytest.mark.parametrize("listing", [LISTING_1_3, LISTING_2_3], ids=["1.3", "2.3"])
def test_fields_of_a_policy_are_read(listing):
    policies = firewalld.parse_policies(listing)
    assert policies["exasol-network-in"]["rich rules"].splitlines() == HELD
    assert policies["my-forwarding"]["target"] == "DROP"
    assert policies["my-forwarding"]["forward-ports"].splitlines() == [
        "port=80:proto=tcp:toport=8080:toaddr=192.0.2.8",
        "port=81:proto=tcp:toport=8081:toaddr=",
    ]
    assert policies["my-forwarding"]["rich rules"] == ""


@pytest.mark.parametrize(
    "one, expected",
    [
        (
            rule("in tcp 8563", "192.0.2.1"),
            ['rule family="ipv4" source address="192.0.2.1" port port="8563" protocol="tcp" accept'],
        ),
        (
            rule("out tcp 8563", "192.0.2.1"),
            ['rule family="ipv4" destination address="192.0.2.1" port port="8563" protocol="tcp" accept'],
        ),
        (
            rule("in udp 20000-21000", "2001:db8::/64"),
            [
                'rule family="ipv6" source address="2001:db8::/64" port port="20000-21000" protocol="udp" accept'
            ],
        ),
        (rule("in any", "192.0.2.1"), ['rule family="ipv4" source address="192.0.2.1" accept']),
        (
            rule("in tcp 22,80", "192.0.2.1,192.0.2.3"),
            [
                f'rule family="ipv4" source address="192.0.2.{end}" port port="{port}" protocol="tcp" accept'
                for end in (1, 3)
                for port in (22, 80)
            ],
        ),
        (
            rule("in tcp 22", action="reject"),
            [
                'rule priority="100" family="ipv4" port port="22" protocol="tcp" reject type="icmp-admin-prohibited"'
            ],
        ),
        (
            rule("in tcp 22", action="reject", version=6),
            [
                'rule priority="100" family="ipv6" port port="22" protocol="tcp" reject type="icmp6-adm-prohibited"'
            ],
        ),
    ],
    ids=["in", "out", "range", "any", "each-network-and-port", "reject", "reject-ipv6"],
)
def test_rules_are_written_in_the_rich_language(one, expected):
    assert firewalld.rich_rules([one], one.direction) == expected
    assert firewalld.rich_rules([one], {"in": "out", "out": "in"}[one.direction]) == []


def test_a_rich_rule_always_has_something_to_match():
    # Rich_Rule.check refuses 'rule family="ipv4" accept': no element, no source, no destination.
    (one,) = firewalld.rich_rules(firewalld.split_rules(cases.settled([rule("in any", "0.0.0.0/0")])), "in")
    assert one == 'rule family="ipv4" source address="0.0.0.0/0" accept'
    (one,) = firewalld.rich_rules([rule("in any")], "in")
    assert one == 'rule family="ipv4" source address="0.0.0.0/0" accept'


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_rich_rules_are_read_back(rules):
    wanted = firewalld.split_rules(cases.settled(rules))
    for direction in ("in", "out"):
        texts = firewalld.rich_rules(wanted, direction)
        assert len(texts) == len(set(texts))
        services = firewalld.parse_services(firewalld.services_of(wanted, direction))
        read = [firewalld.parse_rich(text, direction, services) for text in texts]
        assert {bare(one) for one in firewalld.split_rules(cases.settled(read))} == {
            bare(one) for one in wanted if one.direction == direction
        }


def bare(one):
    """Return a rule without its names."""
    return one._replace(services=())


def test_names_are_read_back():
    # One port range has one set of names in the description, whoever may come in on it.
    rules = [
        rule("in tcp 1,3", "192.0.2.1", "a"),
        rule("in tcp 3,5", "192.0.2.2", "b"),
        rule("in tcp 5,7", "192.0.2.3", "c"),
    ]
    assert read_back(firewalld.split_rules(cases.settled(rules))) == firewalld.split_rules(
        cases.settled(rules)
    )


def read_back(wanted):
    """Return rules after a visit to firewalld."""
    services = {
        direction: firewalld.parse_services(firewalld.services_of(wanted, direction))
        for direction in ("in", "out")
    }
    return firewalld.split_rules(
        [
            firewalld.parse_rich(text, direction, services[direction])
            for direction in ("in", "out")
            for text in firewalld.rich_rules(wanted, direction)
        ]
    )


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_all_names_are_read_back(rules):
    wanted = firewalld.split_rules(cases.settled(rules))
    assert read_back(wanted) == wanted
    assert firewalld.split_rules(wanted) == wanted


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_rules_are_the_same_after_a_visit_to_firewalld(rules):
    merged = firewalld.merge_rules(cases.settled(rules))
    assert merged == cases.settled(merged)
    assert firewalld.merge_rules(read_back(firewalld.split_rules(merged))) == merged


def test_rules_have_the_form_of_every_other_provider():
    rules = cases.settled(
        [
            rule("in tcp 2580,8563", "192.0.2.1", "bucketfs,sql_client"),
            rule("in tcp 20000-21000", "192.0.2.2", "subconnection_in"),
        ]
    )
    assert firewalld.merge_rules(rules) == rules != firewalld.split_rules(rules)


def test_names_are_shared_until_nothing_changes_any_more():
    """Each range of ports has one set of names, and hands it on to the next rule that has this range too."""
    rules = cases.settled(
        [
            rule("in tcp 1,7", "192.0.2.2/31", "c"),
            rule("in tcp 3", "192.0.2.1", "a,b"),
            rule("in tcp 3,5,7", "192.0.2.0,192.0.2.2", "b,c"),
        ]
    )
    merged = firewalld.merge_rules(rules)
    assert {one.services for one in merged} == {("a", "b", "c")}
    assert firewalld.merge_rules(merged) == merged


@pytest.mark.parametrize(
    "text",
    [
        'rule service name="http" accept',
        'rule family="ipv4" source ipset="friends" accept',
        'rule protocol value="esp" accept',
        'rule family="ipv4" log prefix="a=b" accept',
    ],
)
def test_a_rich_rule_of_somebody_else_in_our_policy_does_no_harm(monkeypatch, tmp_path, text):
    Host(monkeypatch, tmp_path, LISTING_1_3.replace(HELD[0], HELD[0] + "\n\t" + text))
    provider = firewalld.Firewalld()
    assert [str(one).split("  #")[0] for one in provider.rules()] == [
        "accept in tcp 8563 from 192.0.2.0/24",
        "accept in tcp 8563 from 2001:db8::/64",
        "reject in tcp 8563 from anybody (IPv4)",
    ]
    assert any(
        "--remove-rich-rule=" + text in getattr(step, "command", ())
        for step in provider.change_to(RULES, True).steps
    )


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_a_policy_is_valid_xml_and_joins_the_right_zones(rules):
    rules = cases.settled(rules)
    for policy, ends in ((IN_POLICY, ("ANY", "HOST")), (OUT_POLICY, ("HOST", "ANY"))):
        root = ElementTree.fromstring(firewalld.document(policy, rules).encode("utf-8"))
        assert (root.find("ingress-zone").get("name"), root.find("egress-zone").get("name")) == ends
        assert (root.tag, root.get("target"), root.get("priority")) == (
            "policy",
            "CONTINUE",
            str(firewalld._PRIORITY),
        )
        assert root.find("description").text in (None, firewalld.services_of(rules, policy.direction))


def test_names_with_signs_of_xml_stay_text():
    rules = [rule("in tcp 1", "192.0.2.1", "a<b>&c")]
    assert (
        ElementTree.fromstring(firewalld.document(IN_POLICY, rules)).find("description").text
        == "tcp 1: a<b>&c"
    )


@pytest.mark.parametrize(
    "description, expected",
    [
        ("tcp 8563: sql_client", {"tcp 8563": ("sql_client",)}),
        (
            "any: cluster_internal; tcp 20000-21000: a, b",
            {"any": ("cluster_internal",), "tcp 20000-21000": ("a", "b")},
        ),
        ("", {}),
        ("written by hand", {}),
    ],
    ids=["one", "two", "none", "foreign"],
)
def test_names_are_read_from_a_description(description, expected):
    assert firewalld.parse_services(description) == expected


ZONES = """dmz
  target: default
  interfaces:\x20
  services: ssh
  ports: 80/tcp 443/tcp
  rich rules:\x20

public (active)
  target: default
  interfaces: eth0
  services: ssh
  ports:\x20
  rich rules:\x20
\trule family="ipv4" source address="192.0.2.7" drop
\trule family="ipv4" source address="192.0.2.8" drop

"""


MASQUERADE = ("dmz\n  target: default\n", "dmz\n  target: default\n  masquerade: yes\n")


class Host:
    """A host's commands and files, as far as the provider asks for them."""

    def __init__(self, monkeypatch, folder, listing=LISTING_0_9, version="1.3.3"):
        self.answers = {
            "--version": version + "\n",
            "--list-all-policies": listing,
            "--permanent --list-all-policies": listing,
            "--list-all-zones": ZONES,
            "--permanent --list-all-zones": ZONES,
        }
        self.asked = []
        self.configuration = folder / "firewalld.conf"
        self.configuration.write_text("# DefaultZone=home\nDefaultZone=internal\n")
        monkeypatch.setattr(firewalld, "_FOLDER", str(folder) + "/")
        monkeypatch.setattr(firewalld, "_CONFIGURATION", str(self.configuration))
        monkeypatch.setattr(firewalld, "output", self.output)
        monkeypatch.setattr(firewalld_bus, "policies", lambda: self.of_bus)
        self.of_bus = None

    def output(self, command):
        """Answer as firewall-cmd does; what it does not know is an error."""
        self.asked.append(" ".join(command[1:]))
        if " ".join(command[1:]) not in self.answers:
            raise _steps.FirewallError(
                "firewall-cmd: error: unrecognized arguments: {0}".format(" ".join(command[1:]))
            )
        return self.answers[" ".join(command[1:])]


def spared(name, *lines):
    """Return firewalld's chains, and its policies: one of others, with these verdicts, and ours."""
    accepts = {"accept": link((), "accept"), "drop": link((), "drop")}
    return {
        "filter_INPUT": Chain(
            links=(
                link((state_in(["established"]),), "accept"),
                link((), "jump", "filter_INPUT_POLICIES_pre"),
            ),
            hook="input",
        ),
        "filter_INPUT_POLICIES_pre": Chain(
            links=[
                link((), "jump", f"filter_IN_policy_{one}") for one in (name, "exasol-network-in", "later")
            ]
        ),
        f"filter_IN_policy_{name}": Chain(links=[accepts[one] for one in lines]),
        "filter_IN_policy_exasol-network-in": Chain(links=[accepts["drop"]]),
        "filter_IN_policy_later": Chain(links=[accepts["accept"]]),
    }


@pytest.mark.parametrize(
    "priority, lines, verdicts",
    [
        (-32768, ["accept"], ["accept", "accept"]),
        (-32768, [], ["drop", "accept"]),
        (-32768, ["drop"], ["drop", "accept"]),
        (-31999, ["accept"], None),
    ],
    ids=["spares", "says-nothing", "drops", "after-ours"],
)
def test_policies_before_ours_spare_from_our_rejections(monkeypatch, tmp_path, priority, lines, verdicts):
    Host(
        monkeypatch,
        tmp_path,
        LISTING_0_9.replace("allow-host-ipv6", "early").replace("-15000", str(priority)),
    )
    chains = firewalld.Firewalld().refusing(spared("early", *lines), 0, RULES)
    if verdicts is None:
        assert chains is None
        return
    kind = Kind("in", 4, "tcp", 8563)
    found = [HostChains([("inet", chains)]).verdicts(kind, [7], established) for established in (False, True)]
    assert [one for (one,) in found] == verdicts


@pytest.mark.parametrize(
    "version, fits",
    [
        ("0.8.2", False),
        ("0.6.3", False),
        ("0.4.4.4", False),
        ("0.9.0", True),
        ("0.9.11", True),
        ("0.10.0", True),
        ("1.0.0", True),
        ("1.3.3", True),
        ("2.3.0", True),
        ("2.1.2-rc1", True),
    ],
)
def test_versions_without_policies_are_refused(monkeypatch, tmp_path, version, fits):
    host = Host(monkeypatch, tmp_path, version=version)
    if fits:
        assert firewalld.Firewalld().rules() == ()
    del host.answers["--list-all-policies"]
    assert_names(
        refusal(firewalld.Firewalld), ["unrecognized arguments"] if fits else [version, "too old", "0.9"]
    )


def kinds(steps):
    """Return steps in short: the file's name, or the option."""
    return [
        step.path.split("/")[-1] + (" gone" if step.content is None else "")
        if isinstance(step, _steps.Write)
        else re.sub("=.*", "", step.command[-1])
        for step in steps
    ]


def test_policies_are_made_with_one_reload(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path)
    steps, back, unused = firewalld.Firewalld().change_to(OUT_RULES, True)
    assert kinds(steps) == ["exasol-network-in.xml", "exasol-network-out.xml", "--reload"]
    assert kinds(back) == ["exasol-network-in.xml gone", "exasol-network-out.xml gone", "--reload"]


DROP_192_0_2_7 = 'rule family="ipv4" source address="192.0.2.7" drop'
DROP_LINE = f"\t{DROP_192_0_2_7}\n"
DIRECT = 'ipv4 filter INPUT 0 -p tcp -m comment --comment "a b" -j ACCEPT'


ETH1 = ("interfaces: eth0", "interfaces: eth0 eth1")
INTERNAL = "internal\n  target: default\n  interfaces: \n\n"
GUESTS = """guests
  target: DROP
  interfaces: eth1
  sources: 192.0.2.0/24
  services: ssh
  rich rules:\x20

"""


@pytest.mark.parametrize(
    "kind, running, permanent, again, kept, lost, held_back",
    [
        ("zones", [], [], [], [], [], []),
        (
            "zones",
            [("80/tcp 443/tcp", "443/tcp 80/tcp"), ("public (active)", "public")],
            [],
            [],
            [],
            [],
            [],
        ),
        ("zones", [ETH1], [ETH1], [], [], [], []),
        ("zones", [ETH1], [], ["--zone=public --change-interface=eth1"], [], [], []),
        (
            "zones",
            [("dmz\n", INTERNAL + "dmz\n")],
            [ETH1, ("dmz\n", INTERNAL + "dmz\n")],
            ["--zone=internal --change-interface=eth1"],
            [],
            [],
            [],
        ),
        (
            "zones",
            [("dmz\n", INTERNAL.replace("interfaces: ", "interfaces: eth1") + "dmz\n")],
            [("dmz\n", INTERNAL + "dmz\n")],
            [],
            [],
            [],
            [],
        ),
        (
            "zones",
            [
                ("dmz\n  target: default\n  interfaces: ", "dmz\n  target: default\n  interfaces: eth0"),
                ("(active)\n  target: default\n  interfaces: eth0", "\n  target: default\n  interfaces: "),
            ],
            [],
            ["--zone=dmz --change-interface=eth0"],
            [],
            [],
            [],
        ),
        (
            "zones",
            [("80/tcp 443/tcp", "80/tcp 443/tcp 9999/tcp 9998/tcp")],
            [],
            ["--zone=dmz --add-port=9998/tcp --add-port=9999/tcp"],
            ["dmz"],
            [],
            [],
        ),
        ("zones", [MASQUERADE], [], ["--zone=dmz --add-masquerade"], ["dmz"], [], []),
        ("zones", [], [MASQUERADE], ["--zone=dmz --remove-masquerade"], ["dmz"], [], []),
        ("zones", [("80/tcp 443/tcp", "443/tcp")], [], ["--zone=dmz --remove-port=80/tcp"], ["dmz"], [], []),
        (
            "zones",
            [(DROP_LINE, "")],
            [],
            [f"--zone=public --remove-rich-rule={DROP_192_0_2_7}"],
            ["public"],
            [],
            [],
        ),
        ("zones", [("dmz\n", GUESTS + "dmz\n")], [], [], [], ["guests"], []),
        (
            "zones",
            [ETH1],
            [("dmz\n", GUESTS + "dmz\n")],
            [
                "--zone=public --change-interface=eth1",
                "--zone=guests --remove-source=192.0.2.0/24",
                "--zone=guests --remove-service=ssh",
            ],
            [],
            [],
            ["guests"],
        ),
        (
            "zones",
            [("dmz\n", GUESTS + "dmz\n"), (DROP_LINE, "")],
            [],
            [f"--zone=public --remove-rich-rule={DROP_192_0_2_7}"],
            ["public"],
            ["guests"],
            [],
        ),
        (
            "zones",
            [(DROP_LINE, "")],
            [("dmz\n", GUESTS.replace("interfaces: eth1", "interfaces:") + "dmz\n")],
            [
                "--zone=guests --remove-source=192.0.2.0/24",
                "--zone=guests --remove-service=ssh",
                f"--zone=public --remove-rich-rule={DROP_192_0_2_7}",
            ],
            ["public"],
            [],
            ["guests"],
        ),
        ("policies", [("-15000", "-14000")], [], [], [], ["allow-host-ipv6"], []),
    ],
    ids=[
        "nothing",
        "order",
        "interface",
        "interface-added",
        "interface-removed",
        "interface-of-the-default-zone",
        "interface-moved",
        "port",
        "masquerade",
        "no-masquerade",
        "port-removed",
        "rule-removed",
        "zone",
        "zone-prepared",
        "zone-before-a-rule-removed",
        "zone-prepared-before-a-rule-removed",
        "policy",
    ],
)
def test_what_a_reload_forgets_is_made_again_or_named(
    monkeypatch, tmp_path, kind, running, permanent, again, kept, lost, held_back
):
    host = Host(monkeypatch, tmp_path)
    for asked, changes in ((f"--list-all-{kind}", running), (f"--permanent --list-all-{kind}", permanent)):
        for old, new in changes:
            assert old in host.answers[asked]
            host.answers[asked] = host.answers[asked].replace(old, new)
    steps, back, notes = firewalld.Firewalld().change_to(RULES, True)
    for where in (steps, back):
        reload = [step.command[1:] for step in where if isinstance(step, _steps.Run)]
        assert [" ".join(words) for words in reload] == ["--reload"] + again
    assert len(notes) == bool(kept) + bool(lost) + bool(held_back)
    assert_names(
        " ".join(notes),
        [f"drops the rules that are not permanent in {name}. They are restored" for name in kept]
        + [f"drops the rules that are not permanent in {name}:" for name in lost]
        + [f"would activate what others have prepared in {name}. It is removed" for name in held_back],
    )


def test_direct_rules_that_are_not_permanent_are_made_again(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path)
    for kind in ("chains", "rules", "passthroughs"):
        host.answers.update({"--direct --get-all-" + kind: "", "--permanent --direct --get-all-" + kind: ""})
    host.answers["--direct --get-all-rules"] = DIRECT + "\nipv4 filter INPUT 1 -j DROP\n"
    host.answers["--permanent --direct --get-all-rules"] = "ipv4 filter INPUT 1 -j DROP\n"
    provider = firewalld.Firewalld()
    steps, unused, notes = provider.change_to(RULES, True)
    assert steps[-1].command == (
        "firewall-cmd",
        "--direct",
        "--add-rule",
        "ipv4",
        "filter",
        "INPUT",
        "0",
        "-p",
        "tcp",
        "-m",
        "comment",
        "--comment",
        "a b",
        "-j",
        "ACCEPT",
    )
    assert_names(" ".join(notes), ["direct rules"])


def test_direct_rules_are_made_again_where_direct_chains_cannot_be_listed(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path)
    host.answers.update({"--direct --get-all-rules": DIRECT, "--permanent --direct --get-all-rules": ""})
    assert kinds(firewalld.Firewalld().change_to(RULES, True).steps)[-2:] == ["--reload", "ACCEPT"]


FIRST_DIRECT, SECOND_DIRECT, THIRD_DIRECT = (f"ipv4 filter INPUT 0 -s 192.0.2.{n} -j DROP" for n in (1, 2, 3))
OTHER_DIRECT = "ipv4 filter INPUT 0 -p tcp -j ACCEPT"
LATER_DIRECT = FIRST_DIRECT.replace(" 0 ", " 1 ")


@pytest.mark.parametrize(
    "running, permanent, again, notes",
    [
        ([FIRST_DIRECT, SECOND_DIRECT], [FIRST_DIRECT, SECOND_DIRECT], [], []),
        ([FIRST_DIRECT, SECOND_DIRECT], [FIRST_DIRECT], [("add", SECOND_DIRECT)], ["restored"]),
        (
            [SECOND_DIRECT, FIRST_DIRECT, THIRD_DIRECT],
            [FIRST_DIRECT, THIRD_DIRECT],
            [
                ("remove", FIRST_DIRECT),
                ("remove", THIRD_DIRECT),
                ("add", SECOND_DIRECT),
                ("add", FIRST_DIRECT),
                ("add", THIRD_DIRECT),
            ],
            ["restored"],
        ),
        (
            [OTHER_DIRECT, FIRST_DIRECT],
            [FIRST_DIRECT],
            [("remove", FIRST_DIRECT), ("add", OTHER_DIRECT), ("add", FIRST_DIRECT)],
            ["restored"],
        ),
        (
            [FIRST_DIRECT, SECOND_DIRECT],
            [SECOND_DIRECT, FIRST_DIRECT],
            [
                ("remove", SECOND_DIRECT),
                ("remove", FIRST_DIRECT),
                ("add", FIRST_DIRECT),
                ("add", SECOND_DIRECT),
            ],
            ["restored"],
        ),
        ([LATER_DIRECT, FIRST_DIRECT], [FIRST_DIRECT, LATER_DIRECT], [], []),
        ([], [FIRST_DIRECT], [("remove", FIRST_DIRECT)], ["prepared"]),
    ],
    ids=[
        "the-same",
        "more",
        "another-first",
        "one-with-other-conditions-first",
        "exchanged",
        "of-another-priority",
        "prepared",
    ],
)
def test_direct_rules_are_in_their_order_again_after_a_reload(
    monkeypatch, tmp_path, running, permanent, again, notes
):
    host = Host(monkeypatch, tmp_path)
    direct = tmp_path / "direct.xml"
    direct.write_text('<direct>\n  <rule priority="0"/>\n</direct>\n' if permanent else "")
    monkeypatch.setattr(firewalld, "_DIRECT", str(direct))
    for kind in ("chains", "rules", "passthroughs"):
        host.answers.update({"--direct --get-all-" + kind: "", "--permanent --direct --get-all-" + kind: ""})
    host.answers["--direct --get-all-rules"] = "".join(f"{line}\n" for line in running)
    host.answers["--permanent --direct --get-all-rules"] = "".join(f"{line}\n" for line in permanent)
    steps, back, said = firewalld.Firewalld().change_to(RULES, True)
    for where in (steps, back):
        runs = [" ".join(step.command[1:]) for step in where if isinstance(step, _steps.Run)]
        assert runs == ["--reload"] + [f"--direct --{verb}-rule {line}" for verb, line in again]
    assert len(said) == len(notes)
    assert [word for word in notes if word not in " ".join(said)] == []


@pytest.mark.parametrize(
    "running, permanent, again, restored, lost",
    [
        (["192.0.2.7"], ["192.0.2.7"], [], [], []),
        (
            ["192.0.2.7", "192.0.2.9", "192.0.2.8"],
            ["192.0.2.7"],
            [("--add-entries-from-file=/dev/stdin", "192.0.2.8\n192.0.2.9\n")],
            ["ipset friends"],
            [],
        ),
        (
            ["192.0.2.0/25"],
            ["192.0.2.0/24"],
            [
                ("--remove-entries-from-file=/dev/stdin", "192.0.2.0/24\n"),
                ("--add-entries-from-file=/dev/stdin", "192.0.2.0/25\n"),
            ],
            ["ipset friends"],
            [],
        ),
        (["192.0.2.7"], None, [], [], ["ipset friends"]),
        ("timeout=600 maxelem=9", [], [], [], ["ipset friends"]),
        ("timeout=0", [], [], [], []),
    ],
    ids=["the-same", "more", "others", "not-permanent", "entries-that-expire", "entries-that-do-not"],
)
def test_entries_of_ipsets_that_are_not_permanent_are_made_again(
    monkeypatch, tmp_path, running, permanent, again, restored, lost
):
    """A zone may permit whoever is in a set: a reload would refuse those who were added since."""

    def info(said):
        options, entries = (said, []) if isinstance(said, str) else ("", said)
        return f"friends\n  type: hash:ip\n  options: {options}\n  entries: {' '.join(entries)}\n"

    host = Host(monkeypatch, tmp_path)
    host.answers["--get-ipsets"] = "friends\n"
    host.answers["--info-ipset=friends"] = info(running)
    if permanent is not None:
        host.answers["--permanent --info-ipset=friends"] = info(permanent)
    steps, back, notes = firewalld.Firewalld().change_to(RULES, True)
    for where in (steps, back):
        runs = [step for step in where if isinstance(step, _steps.Run)]
        assert runs[0].command[-1] == "--reload"
        assert [(step.command[1:], step.stdin) for step in runs[1:]] == [
            (("--ipset=friends", option), text) for option, text in again
        ]
    assert len(notes) == len(restored + lost)
    assert_names(
        " ".join(notes),
        [f"not permanent in {name}. They are restored" for name in restored]
        + [f"not permanent in {name}:" for name in lost],
    )


@pytest.mark.parametrize(
    "early",
    [{"": "options: timeout=600", "--permanent ": "options: timeout=600"}, {"": "entries: 192.0.2.9"}],
    ids=["entries-that-expire", "not-permanent"],
)
def test_an_ipset_that_a_reload_loses_hides_none_behind_it(monkeypatch, tmp_path, early):
    host = Host(monkeypatch, tmp_path)
    host.answers["--get-ipsets"] = "early late\n"
    late = {"": "entries: 192.0.2.7", "--permanent ": "entries: "}
    for name, info in (("early", early), ("late", late)):
        for when, said in info.items():
            host.answers[f"{when}--info-ipset={name}"] = f"{name}\n  {said}\n"
    steps = firewalld.Firewalld().change_to(RULES, True).steps
    assert [getattr(step, "stdin", "") for step in steps][-1] == "192.0.2.7\n"


def test_nothing_is_asked_twice_and_no_more_than_is_compared(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path)
    for kind in ("chains", "rules", "passthroughs"):
        host.answers["--direct --get-all-" + kind] = ""
    firewalld.Firewalld().change_to(RULES, True)
    assert sorted(host.asked) == sorted(
        [
            "--list-all-policies",
            "--permanent --list-all-policies",
            "--list-all-zones",
            "--permanent --list-all-zones",
            "--direct --get-all-chains",
            "--direct --get-all-rules",
            "--direct --get-all-passthroughs",
            "--get-ipsets",
        ]
    )


def test_what_the_bus_says_is_not_asked_again_before_a_reload(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path)
    host.of_bus = firewalld.parse_policies(LISTING_1_3)
    provider = firewalld.Firewalld()
    unnamed = tuple(one._replace(services=()) for one in RULES)  # the policy's file has the names
    assert provider.rules() == firewalld.merge_rules(unnamed) and provider.filters_outgoing() is False
    assert host.asked == []
    for kind in ("chains", "rules", "passthroughs"):
        host.answers["--direct --get-all-" + kind] = ""
    host.answers["--list-all-policies"] = host.answers["--permanent --list-all-policies"] = LISTING_1_3
    provider.change_to((), True)
    assert "--list-all-policies" in host.asked, "the reload compares fields that the bus was not asked for"


@pytest.mark.parametrize("more, expected", [(0, False), (1, True)], ids=["as-many-as-are-quick", "one-more"])
def test_many_rules_change_with_one_reload(monkeypatch, tmp_path, more, expected):
    # firewalld takes a transaction for each rule of the running firewall: minutes for 2000.
    many = firewalld.split_rules(
        cases.settled(
            [
                rule("in tcp 8563", f"192.0.2.{2 * number}")
                for number in range(1 + firewalld.MAX_CHANGES + more)
            ]
        )
    )
    first = firewalld.split_rules(cases.settled([rule("in tcp 8563", "192.0.2.0")]))
    steps, back, unused = standing(monkeypatch, tmp_path, first).change_to(many, True)
    for kind in (kinds(steps), kinds(back)):
        assert kind[0] == "exasol-network-in.xml"
        assert (kind[1:] == ["--reload"]) is expected
        assert ("--reload" in kind) is expected


def test_rules_that_go_count_as_those_that_come(monkeypatch, tmp_path):
    half = firewalld.MAX_CHANGES // 2 + 1
    before, after = (
        firewalld.split_rules(
            cases.settled([rule("in tcp 8563", f"192.0.{net}.{2 * number}") for number in range(half)])
        )
        for net in (2, 3)
    )
    steps = standing(monkeypatch, tmp_path, before).change_to(after, True).steps
    assert kinds(steps) == ["exasol-network-in.xml", "--reload"]


def test_without_a_reload_nothing_is_dropped(monkeypatch, tmp_path):
    provider = standing(monkeypatch, tmp_path)
    assert provider.change_to(RULES, True).notes == []


def standing(monkeypatch, tmp_path, rules=RULES, change=("", "")):
    """Return a provider on a host that holds rules for what comes in, in a policy that others may change."""
    texts = "\n\t".join(firewalld.rich_rules(rules, "in"))
    Host(monkeypatch, tmp_path, LISTING_1_3.replace("\n\t".join(HELD), texts).replace(*change))
    (tmp_path / "exasol-network-in.xml").write_text(firewalld.document(IN_POLICY, rules))
    return firewalld.Firewalld()


def test_nothing_is_done_where_all_is_there(monkeypatch, tmp_path):
    provider = standing(monkeypatch, tmp_path)
    assert provider.rules() == RULES
    assert provider.change_to(provider.wanted(RULES), True)[:2] == ([], [])


OURS = (
    "exasol-network-in (active)\n  priority: -32000\n  target: CONTINUE\n"
    "  ingress-zones: ANY\n  egress-zones: HOST\n"
)


@pytest.mark.parametrize(
    "made, found, holds",
    [
        ("  priority", "  disable: yes\n  priority", False),
        ("-32000", "100", True),
        ("CONTINUE", "ACCEPT", True),
        ("ingress-zones: ANY", "ingress-zones: dmz", True),
        ("ingress-zones: ANY", "ingress-zones: ", True),
        ("egress-zones: HOST", "egress-zones: internal", True),
    ],
    ids=["disabled", "after the zones", "another target", "other sources", "no sources", "other traffic"],
)
def test_a_policy_that_others_have_changed_is_ours_again_after_a_reload(
    monkeypatch, tmp_path, made, found, holds
):
    provider = standing(monkeypatch, tmp_path, change=(OURS, OURS.replace(made, found)))
    assert provider.rules() == (RULES if holds else ())
    assert kinds(provider.change_to(RULES, True).steps) == ["--reload"], "the file is as it was"
    (change,) = provider.foreign_changes()
    assert_names(change.text, ["policy exasol-network-in", "has another" if holds else "is disabled"])
    assert kinds(provider.change_to((), True).steps) == ["exasol-network-in.xml gone", "--reload"]


DISABLED_DROP = "disable: yes\n  priority: -1\n  target: DROP\n  ingress-zones: HOST"


def test_a_policy_that_is_not_disabled_needs_nothing(monkeypatch, tmp_path):
    change = (OURS, OURS.replace("  priority", "  disable: no\n  priority"))
    provider = standing(monkeypatch, tmp_path, change=change)
    assert provider.rules() == RULES
    assert provider.change_to(RULES, True)[:2] == ([], [])


def test_rules_change_without_a_reload(monkeypatch, tmp_path):
    provider = standing(monkeypatch, tmp_path)
    wanted = firewalld.split_rules(
        cases.settled(
            [
                rule("in tcp 8563", "192.0.2.128/25"),
                rule("in tcp 8563", "2001:db8::/64"),
                rule("in tcp 8563", action="reject"),
            ]
        )
    )
    steps, back, unused = provider.change_to(wanted, True)
    assert kinds(steps) == ["exasol-network-in.xml", "--add-rich-rule", "--remove-rich-rule"]
    # What is new is there before what is old goes, so nobody is shut out in between.
    assert steps[1].command[1:] == (
        "--policy",
        "exasol-network-in",
        '--add-rich-rule=rule family="ipv4" source address="192.0.2.128/25" port port="8563" protocol="tcp" accept',
    )
    assert kinds(back) == ["exasol-network-in.xml", "--add-rich-rule", "--remove-rich-rule"]
    assert "192.0.2.0/24" in back[1].command[-1] and "192.0.2.128/25" in back[2].command[-1]


def test_absent_removes_file_and_policy(monkeypatch, tmp_path):
    provider = standing(monkeypatch, tmp_path)
    steps, back, unused = provider.change_to((), True)
    assert kinds(steps) == ["exasol-network-in.xml gone", "--reload"]
    assert kinds(back) == ["exasol-network-in.xml", "--reload"]
    assert back[0].content == firewalld.document(IN_POLICY, RULES)


def test_rollback_of_absent_gives_our_policy_what_others_added_to_it_by_hand(monkeypatch, tmp_path):
    by_hand = 'rule family="ipv4" source address="192.0.2.7" accept'
    (tmp_path / "exasol-network-in.xml").write_text(firewalld.document(IN_POLICY, RULES))
    host = Host(monkeypatch, tmp_path, LISTING_1_3.replace(HELD[0], f"{HELD[0]}\n\t{by_hand}"))
    host.answers["--permanent --list-all-policies"] = LISTING_1_3.replace(HELD[1] + "\n\t", "")
    steps, back, unused = firewalld.Firewalld().change_to((), True)
    assert kinds(steps) == ["exasol-network-in.xml gone", "--reload"]
    assert kinds(back) == ["exasol-network-in.xml", "--reload", "--add-rich-rule"]
    assert back[2].command[1:] == (
        "--policy=exasol-network-in",
        f"--add-rich-rule={by_hand}",
        f"--add-rich-rule={HELD[1]}",
    )


@pytest.mark.parametrize(
    "what, policy", [("in tcp 8563", "exasol-network-in"), ("out tcp 8563", "exasol-network-out")]
)
def test_each_direction_has_a_policy_of_its_own(monkeypatch, tmp_path, what, policy):
    Host(monkeypatch, tmp_path)
    rules = firewalld.split_rules(cases.settled([rule(what, "192.0.2.1")]))
    assert kinds(firewalld.Firewalld().change_to(rules, True).steps) == [f"{policy}.xml", "--reload"]


def test_absent_where_nothing_is(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path)
    assert firewalld.Firewalld().change_to((), True)[:2] == ([], [])


def test_a_policy_that_only_runs_becomes_permanent(monkeypatch, tmp_path):
    provider = standing(monkeypatch, tmp_path)
    (tmp_path / "exasol-network-in.xml").unlink()
    assert kinds(provider.change_to(RULES, True).steps) == ["exasol-network-in.xml"]


@pytest.mark.parametrize(
    "change, expected",
    [
        (("", ""), False),
        (("ingress-zones: public dmz", "ingress-zones: HOST"), True),
        (("target: DROP\n  ingress-zones: public dmz", "target: CONTINUE\n  ingress-zones: HOST"), False),
        (("priority: -1\n  target: DROP\n  ingress-zones: public dmz", DISABLED_DROP), False),
    ],
    ids=["forwarding", "drop", "continue", "disabled"],
)
def test_outgoing_is_filtered(monkeypatch, tmp_path, change, expected):
    Host(monkeypatch, tmp_path, LISTING_1_3.replace(*change))
    assert firewalld.Firewalld().filters_outgoing() is expected


def test_outgoing_is_filtered_by_a_rich_rule(monkeypatch, tmp_path):
    listing = LISTING_1_3.replace(
        "target: DROP\n  ingress-zones: public dmz", "target: CONTINUE\n  ingress-zones: HOST"
    )
    Host(
        monkeypatch,
        tmp_path,
        listing.replace(
            "rich rules: \n\n", 'rich rules: \n\trule family="ipv4" destination address="192.0.2.9" drop\n\n'
        ),
    )
    assert bool(firewalld.Firewalld().filters_outgoing())


@given(
    st.permutations(['family="ipv4"', 'source address="192.0.2.1"', 'port port="1" protocol="tcp"', "accept"])
)
@cases.EXAMPLES
def test_order_of_words_makes_no_difference(words):
    assert firewalld._normal(" ".join(["rule"] + words)) == firewalld._normal(
        'rule family="ipv4" source address="192.0.2.1" port port="1" protocol="tcp" accept'
    )
