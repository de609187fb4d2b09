# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What firewalld says over the bus, as busctl prints it, is what firewall-cmd lists."""

import json

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    firewalld,
    firewalld_bus,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.commands import (
    Commands,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_firewalld import (
    LISTING_1_3,
)

_CALL = (
    "busctl --system --auto-start=no --json=short call org.fedoraproject.FirewallD1 "
    "/org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1.policy "
)
LISTED = firewalld.parse_policies(LISTING_1_3)
FIELDS = ("priority", "target", "ingress-zones", "egress-zones", "rich rules")


def settings(fields):
    """Return what busctl prints of a policy's settings; firewalld leaves out what is empty."""
    words = {name: fields[name].split() for name in ("ingress-zones", "egress-zones", "services")}
    values = {
        "version": ("s", ""),
        "short": ("s", "a policy"),
        "target": ("s", fields["target"]),
        "masquerade": ("b", fields["masquerade"] == "yes"),
        "priority": ("i", int(fields["priority"])),
        "ingress_zones": ("as", words["ingress-zones"]),
        "egress_zones": ("as", words["egress-zones"]),
        "services": ("as", words["services"]),
        "rich_rules": ("as", [line for line in fields["rich rules"].split("\n") if line]),
    }
    present = {
        name: {"type": kind, "data": data} for name, (kind, data) in values.items() if data not in ("", [])
    }
    return json.dumps({"type": "a{sv}", "data": [present]}) + "\n"


def answers(**changed):
    """Return what the host's busctl prints; C(changed) are policies with other answers."""
    names = json.dumps({"type": "as", "data": [list(LISTED)]}) + "\n"
    of_each = {name: settings(fields) for name, fields in LISTED.items()}
    return {
        f"{_CALL}getPolicies": names,
        **{f"{_CALL}getPolicySettings s {name}": text for name, text in {**of_each, **changed}.items()},
    }


def test_policies_are_those_of_the_listing(monkeypatch):
    Commands(monkeypatch, answers())
    assert firewalld_bus.policies() == {
        name: {field: fields[field] for field in FIELDS} for name, fields in LISTED.items()
    }


@pytest.mark.parametrize(("is_disabled", "listed"), [(True, "yes"), (False, "no")])
def test_a_disabled_policy_is_told(monkeypatch, is_disabled, listed):
    """Since firewalld 2.4.0."""
    text = json.dumps({"type": "a{sv}", "data": [{"disable": {"type": "b", "data": is_disabled}}]})
    name = next(iter(LISTED))
    Commands(monkeypatch, answers(**{name: text}))
    assert firewalld_bus.policies()[name]["disable"] == listed


def test_no_policies_are_an_answer(monkeypatch):
    Commands(monkeypatch, {f"{_CALL}getPolicies": '{"type":"as","data":[[]]}\n'})
    assert firewalld_bus.policies() == {}


@pytest.mark.parametrize(
    "text",
    [
        (1, ""),
        "",
        "a{sv} 0\n",
        "[]",
        "{}",
        '{"type":"a{sv}","data":[]}',
        '{"type":"a{sv}","data":[["rule"]]}',
        '{"type":"a{sv}","data":[{"priority":-1}]}',
        '{"type":"a{sv}","data":[{"rich_rules":{"type":"as","data":null}}]}',
        '{"type":"a{sv}","data":[{"rich_rules":{"type":"as","data":[7]}}]}',
    ],
    ids=[
        "fails",
        "silent",
        "no-json",
        "a-list",
        "no-data",
        "no-settings",
        "a-list-of-settings",
        "no-variant",
        "no-list",
        "no-texts",
    ],
)
def test_an_answer_that_cannot_be_read_is_none(monkeypatch, text):
    name = list(LISTED)[-1]
    Commands(monkeypatch, answers(**{name: text}))
    assert firewalld_bus.policies() is None


def test_without_busctl_there_is_no_answer(monkeypatch):
    Commands(monkeypatch, {})
    assert firewalld_bus.policies() is None
    assert firewalld_bus.runs() is None
