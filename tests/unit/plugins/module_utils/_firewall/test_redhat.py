# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of Red Hat's family as their packages leave them: redhat.py has what we assume, and from where."""

import xml.etree.ElementTree as ElementTree

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    firewalld,
    iptables,
    steps,
    xtables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.listing import Listing
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import (
    cases,
    redhat,
    rulesets,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import rule
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.commands import (
    Commands,
)

RULES = cases.settled([rule("in tcp 8563", "192.0.2.0/24"), rule("in tcp 8563", "2001:db8::/64")])
RELEASES = pytest.mark.parametrize("release", redhat.RELEASES.values(), ids=redhat.RELEASES)


def asked(release, interfaces=("eth0",)):
    """Return what firewall-cmd answers there; NetworkManager gives a zone its interfaces only at run time."""
    return {
        "firewall-cmd --version": release.firewalld + "\n",
        "firewall-cmd --state": "running\n",
        "firewall-cmd --list-all-policies": redhat.list_all_policies(),
        "firewall-cmd --permanent --list-all-policies": redhat.list_all_policies(),
        "firewall-cmd --list-all-zones": redhat.list_all_zones(release, interfaces),
        "firewall-cmd --permanent --list-all-zones": redhat.list_all_zones(release),
        **{f"firewall-cmd --direct --get-all-{kind}": "" for kind in ("chains", "rules", "passthroughs")},
    }


@pytest.fixture
def policies(monkeypatch, tmp_path):
    """A folder for the permanent configuration of our policies."""
    monkeypatch.setattr(firewalld, "_FOLDER", str(tmp_path) + "/")
    monkeypatch.setattr(firewalld, "_CONFIGURATION", str(tmp_path / "firewalld.conf"))
    return tmp_path


@RELEASES
def test_zones_of_the_package_are_read(release):
    zones = firewalld.parse_policies(redhat.list_all_zones(release, ("eth0", "eth1")))
    assert sorted(zones) == sorted(redhat.ZONES)
    for name, zone in redhat.ZONES.items():
        assert zones[name]["target"] == zone.target
        assert zones[name]["services"].split() == redhat.services_of(name)
    assert zones["public"]["interfaces"] == "eth0 eth1"


@RELEASES
def test_zone_files_say_what_the_listing_says(release):
    """The control of the data themselves: both forms are made of the same facts."""
    listed = firewalld.parse_policies(redhat.list_all_zones(release))
    for name in redhat.ZONES:
        zone = ElementTree.fromstring(redhat.zone_document(name, release))
        assert zone.get("target", "default") == listed[name]["target"]
        assert [one.get("name") for one in zone.findall("service")] == listed[name]["services"].split()
        for element in ("masquerade", "forward"):
            assert {True: "yes", False: "no"}[zone.find(element) is not None] == listed[name][element]


@RELEASES
def test_opening_adds_policies_and_loses_nothing_of_the_zones(monkeypatch, policies, release):
    Commands(monkeypatch, asked(release))
    provider = firewalld.Firewalld()
    assert provider.rules() == () and provider.foreign_changes() == [] and not provider.filters_outgoing()
    change = provider.change_to(provider.wanted(RULES), persist=True)
    assert [type(step) for step in change.steps] == [steps.Write, steps.Run]
    assert change.steps[0].path == str(policies / "exasol-network-in.xml")
    assert change.steps[1].command == ("firewall-cmd", "--reload")
    assert change.notes == []


@RELEASES
@pytest.mark.parametrize(
    "runs, option",
    [
        ("services: cockpit dhcpv6-client https ssh", "--add-service=https"),
        ("services: dhcpv6-client ssh", "--remove-service=cockpit"),
    ],
    ids=["opened-by-hand", "closed-by-hand"],
)
def test_services_that_somebody_changed_at_run_time_outlive_the_reload(
    monkeypatch, policies, release, runs, option
):
    answers = asked(release)
    zones = answers["firewall-cmd --list-all-zones"]
    public = zones[zones.index("public") :].replace("services: cockpit dhcpv6-client ssh", runs, 1)
    answers["firewall-cmd --list-all-zones"] = zones[: zones.index("public")] + public
    Commands(monkeypatch, answers)
    change = firewalld.Firewalld().change_to(firewalld.split_rules(RULES), persist=True)
    assert change.steps[-1].command == ("firewall-cmd", "--zone=public", option)
    assert len(change.notes) == 1
    assert_names(change.notes[0], ["public", "restored at once"])


@pytest.mark.parametrize("version", redhat.TOO_OLD.values(), ids=redhat.TOO_OLD)
def test_releases_without_policies_are_refused_by_their_version(monkeypatch, policies, version):
    Commands(monkeypatch, {"firewall-cmd --version": version + "\n"})
    assert_names(refusal(firewalld.Firewalld), [version, "0.9 or newer"])


@pytest.mark.parametrize(
    "flags", [{}, {"flags": ["owner", "persist"]}, {"flags": "owner"}], ids=["9", "10", "one"]
)
def test_table_of_firewalld_is_its_own_whatever_its_flags(flags):
    """NftablesTableOwner=yes of RHEL 10: nobody but firewalld may change the table (nft(8), table flags)."""

    def rejecting(table, **of_table):
        return rulesets.ruleset(
            {"table": dict({"family": "inet", "name": table, "handle": 1}, **of_table)},
            rulesets.base("input", name="filter_INPUT", table=table),
            rulesets.entry("filter_INPUT", rulesets.REJECT, table=table),
        )

    assert rejecting("firewalld", **flags).places() == []
    assert [place.table for place in rejecting("mine", **flags).places()] == ["mine"], "the control"


# iptables-services


@pytest.fixture
def sysconfig(monkeypatch, tmp_path):
    """The files of the package, in another folder, on a host that runs systemd."""
    families = []
    for family, service in zip(iptables.FAMILIES, redhat.SERVICES_OF_IPTABLES):
        assert family.files[1] == service.path
        assert family.unit == service.command + ".service"
        (tmp_path / service.command).write_text(service.sample)
        families.append(family._replace(files=(str(tmp_path / "unused"), str(tmp_path / service.command))))
    monkeypatch.setattr(iptables, "FAMILIES", tuple(families))
    monkeypatch.setattr(iptables, "systemd_runs", lambda: True)
    monkeypatch.setattr(iptables, "check_loads", lambda *unused: None)
    monkeypatch.setattr(xtables, "has_ipv6", lambda: True)
    return tmp_path


def answers(loaded):
    """Return what iptables and systemctl answer where these rules are loaded."""
    found = {f"{service.command}-save": loaded[service.command] for service in redhat.SERVICES_OF_IPTABLES}
    found.update(
        {
            f"systemctl is-enabled {service.command}.service": "enabled\n"
            for service in redhat.SERVICES_OF_IPTABLES
        }
    )
    return dict(found, **{"iptables-restore --help": "--wait", "ip6tables-restore --help": "--wait"})


SAMPLES = {service.command: service.sample for service in redhat.SERVICES_OF_IPTABLES}


def test_rules_of_the_package_are_a_firewall_and_filter_nothing_outgoing(monkeypatch, sysconfig):
    Commands(monkeypatch, answers(SAMPLES))
    assert iptables.Iptables.is_running(Listing())
    assert not iptables.Iptables().filters_outgoing()
    assert iptables.Iptables.unit() == "iptables.service"


def test_rules_persist_in_both_files_and_leave_the_rest_as_the_package_has_it(monkeypatch, sysconfig):
    Commands(monkeypatch, answers(SAMPLES))
    change = iptables.Iptables().change_to(RULES, persist=True)
    assert change.notes == []
    for step in change.steps:
        if isinstance(step, steps.Write):
            step.perform()
    for command, sample in SAMPLES.items():
        lines = (sysconfig / command).read_text().splitlines()
        assert [line for line in lines if "EXASOL" not in line] == sample.splitlines()
        assert len(lines) > len(sample.splitlines())
    for step in iptables.Iptables().change_to((), persist=True).steps:
        if isinstance(step, steps.Write):
            step.perform()
    assert {command: (sysconfig / command).read_text() for command in SAMPLES} == SAMPLES


@pytest.mark.parametrize("counters", [False, True], ids=["plain", "IPTABLES_SAVE_COUNTER"])
def test_file_that_the_service_saved_when_it_stopped_is_ours_already(monkeypatch, sysconfig, counters):
    """IPTABLES_SAVE_ON_STOP writes what runs, in the words of iptables-save."""
    running = {}
    for family in iptables.FAMILIES:
        command = family.save[: -len("-save")]
        jump = '-A INPUT -m comment --comment "exasol_community.network" -j EXASOL-IN'
        own = iptables.chain_lines(RULES, "in", family.version)
        running[command] = (
            SAMPLES[command]
            .replace("-A INPUT", ":EXASOL-IN - [0:0]\n" + jump + "\n-A INPUT", 1)
            .replace("COMMIT\n", "\n".join(own) + "\nCOMMIT\n")
        )
        text = running[command].replace("\n-A ", "\n[3:180] -A ") if counters else running[command]
        (sysconfig / command).write_text(text)
    Commands(monkeypatch, answers(running))
    provider = iptables.Iptables()
    assert provider.rules() == RULES
    assert provider.change_to(provider.wanted(RULES), persist=True).steps == []
    assert provider.foreign_changes() == []
    (sysconfig / "iptables").write_text(SAMPLES["iptables"])
    writes = provider.change_to(provider.wanted(RULES), persist=True).steps
    assert [step.path for step in writes] == [str(sysconfig / "iptables")], (
        "the control: a file without our rules"
    )
