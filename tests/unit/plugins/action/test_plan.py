# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(plan): from the variables of a play to a plan."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleUndefinedVariable

from ansible_collections.exasol_community.network.plugins.action import plan
from ansible_collections.exasol_community.network.plugins.action.plan import ActionModule
from ansible_collections.exasol_community.network.plugins.module_utils._values import packed as packed_values
from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import unpack
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

HOSTVARS = {
    "n11": {"ansible_host": "192.0.2.11"},
    "n12": {"ansible_host": "192.0.2.12"},
    "client": {"ansible_host": "192.0.2.21"},
    "db1": {"ansible_host": "192.0.2.40"},
    "idle": {"ansible_host": "192.0.2.99"},
}
GROUPS = {
    "all": list(HOSTVARS),
    "exasol_nodes": ["n11", "n12"],
    "exasol_clients": ["client"],
    "databases": ["db1"],
}


def variables(**more):
    """Return the variables of a play on all hosts."""
    return {"groups": GROUPS, "hostvars": HOSTVARS, "ansible_play_hosts_all": list(HOSTVARS), **more}


def test_default_groups_are_planned(act):
    found = act(ActionModule, {}, variables())
    assert (found["changed"], found["release"], sorted(found["hosts"])) == (False, "8", sorted(HOSTVARS))
    assert found["flows"] == 2 + 2 + 2
    assert found["hosts"]["n11"]["peers"] == ["any_node", "database_node"]
    assert found["hosts"]["idle"]["rules"] == []


def test_the_parts_of_hosts_may_be_packed(act, monkeypatch):
    small = act(ActionModule, {"pack": True}, variables())
    assert all(isinstance(part, dict) for part in small["hosts"].values()), (
        "what is small can be read with -v"
    )
    monkeypatch.setattr(packed_values, "READABLE", 0)
    found, packed = (act(ActionModule, {"pack": pack}, variables()) for pack in (False, True))
    assert found["hosts"] == small["hosts"]
    assert {name: unpack(part) for name, part in packed["hosts"].items()} == found["hosts"]
    others = [{name: plan[name] for name in plan if name not in ("hosts", "run")} for plan in (found, packed)]
    assert others[0] == others[1]


def test_a_digest_tells_plans_and_variables_apart(act):
    slow = {**HOSTVARS, "n12": {**HOSTVARS["n12"], "exasol_verify_timeout": 9}}
    found = [
        act(ActionModule, {"digest": True, **options}, variables(**more))["digest"]
        for options, more in (({}, {}), ({}, {}), ({"exclude": ["bucketfs"]}, {}), ({}, {"hostvars": slow}))
    ]
    assert found[0] == found[1] and len(set(found)) == 3
    assert "digest" not in act(ActionModule, {}, variables())


def test_partner_systems_come_from_a_variable(act):
    found = act(ActionModule, {"release": "kb"}, variables(exasol_peers={"oracle": ["databases"]}))
    assert found["hosts"]["db1"]["endpoints"] == [
        {"address": "192.0.2.40", "protocol": "tcp", "ports": "1521"}
    ]


def test_peers_given_are_the_only_ones(act):
    found = act(
        ActionModule,
        {"peers": {"database_node": ["n11"], "client": ["192.0.2.99"]}, "release": "kb"},
        variables(exasol_peers={"oracle": ["db1"]}),
    )
    assert {name: host["peers"] for name, host in found["hosts"].items() if host["peers"]} == {
        "n11": ["any_node", "database_node"]
    }
    assert "oracle" in found["unassigned"]


def test_hosts_outside_of_the_play_are_planned_if_they_play_a_part(act):
    found = act(ActionModule, {}, variables(ansible_play_hosts_all=["n11"]))
    assert sorted(found["hosts"]) == ["client", "n11", "n12"]


@pytest.mark.parametrize("value", ["yes", "observe", True, "False"])
def test_a_restriction_of_a_host_may_be_text(act, value):
    hostvars = {**HOSTVARS, "n12": {**HOSTVARS["n12"], "exasol_firewall_restrict": value}}
    assert act(ActionModule, {}, variables(hostvars=hostvars))["flows"]


def test_a_restriction_that_no_firewall_knows_is_refused_with_its_host_before_anything_is_done(act):
    hostvars = {**HOSTVARS, "n12": {**HOSTVARS["n12"], "exasol_firewall_restrict": "maybe"}}
    with pytest.raises(AnsibleError) as refused:
        act(ActionModule, {}, variables(hostvars=hostvars))
    assert_names(str(refused.value), ["n12", "'maybe'", "observe", "exasol_firewall_restrict"])


class Undefined(dict):
    """Variables of which one cannot be evaluated, as Ansible 2.19 says it."""

    def get(self, name, default=None):
        """Return a value, or raise."""
        if name == "exasol_address":
            raise AnsibleUndefinedVariable("'ansible_default_ipv4' is undefined")
        return super().get(name, default)


def test_a_variable_that_cannot_be_evaluated_is_named_with_its_host(act):
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, {}, variables(hostvars={**HOSTVARS, "n12": Undefined()}))
    for fragment in ("'n12'", "exasol_address", "'ansible_default_ipv4' is undefined", "facts"):
        assert fragment in str(caught.value)


def test_options_reach_the_plan(act):
    options = {
        "release": "8",
        "overrides": {"sql_client": 9563},
        "include": ["bucketfs_https"],
        "exclude": ["bucketfs"],
        "check_denied": True,
    }
    entries = act(ActionModule, options, variables())["hosts"]["client"]["probes"]
    assert {entry["service"]: entry["ports"] for entry in entries if entry["expected"] == "reachable"} == {
        "sql_client": "9563",
        "bucketfs_https": "2581",
    }
    assert "denied" in {entry["expected"] for entry in entries}


@pytest.mark.parametrize(
    ("options", "more", "fragments"),
    [
        ({"release": "9"}, {}, ["release", "kb, 7.1, 8", "9"]),
        ({"nonsense": 1}, {}, ["nonsense"]),
        ({"overrides": {"nonsense": 1}}, {}, ["'nonsense'", "no row at all"]),
        ({"overrides": {"sql_client": "21000-20000"}}, {}, ["'sql_client'", "'21000-20000'", "backwards"]),
        ({"overrides": {"sql_client": None}}, {}, ["'sql_client'", "None"]),
        ({"include": ["nonsense"]}, {}, ["'nonsense'"]),
        ({"peers": {"nonsense": ["n11"]}}, {}, ["'nonsense'", "database_node"]),
        ({"peers": {"database_node": ["exasol_node"]}}, {}, ["'exasol_node'", "neither a group nor a host"]),
        ({"peers": {}}, {}, ["the plan is empty"]),
        (
            {},
            {"groups": {"all": ["n11"]}, "ansible_play_hosts_all": ["n11"]},
            ["the plan is empty", "exasol_nodes"],
        ),
        ({"absent_peers": ["orcle"]}, {}, ["absent_peers", "'orcle'", "closest: 'oracle'"]),
        ({"absent_peers": ["client"]}, {}, ["absent_peers", "'client'", "client plays it"]),
        ({"peers": {"oracel": ["n11"]}}, {}, ["'oracel'", "closest: 'oracle'"]),
        ({"exclude": ["sql_cleint"]}, {}, ["'sql_cleint'", "closest: 'sql_client'"]),
        (
            {"peers": {"database_node": ["n11"], "client": ["0.0.0.0/0"]}},
            {},
            ["'client'", "0.0.0.0/0", "every address of IPv4", "exasol_allow_any"],
        ),
        (
            {"peers": {"database_node": ["n11"], "client": ["0.0.0.0/1", "128.0.0.0/1"]}},
            {},
            ["'client'", "0.0.0.0/1, 128.0.0.0/1"],
        ),
        (
            {"peers": {"database_node": ["n11"], "client": ["192.0.2.21/24"]}},
            {},
            ["'client'", "'192.0.2.21/24'", "two ways"],
        ),
        ({"ftp_passive_ports": "50000-50099"}, {}, ["ftp_passive_ports 50000-50099", "without ftp_mode"]),
        ({}, {"hostvars": {**HOSTVARS, "idle": {"exasol_address": [None]}}}, ["'idle'", "None"]),
        ({}, {"exasol_peers": ["oracle"]}, ["exasol_peers", "expected a dictionary"]),
        ({}, {"hostvars": {**HOSTVARS, "idle": {"exasol_address": ""}}}, ["'idle'", "no address"]),
        (
            {},
            {"hostvars": {**HOSTVARS, "n12": HOSTVARS["n11"]}},
            ["'n11'", "'n12'", "same address", "192.0.2.11"],
        ),
    ],
    ids=repr,
)
def test_what_cannot_be_planned_fails_and_names_the_value(act, options, more, fragments):
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, options, variables(**more))
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("strategy", "batch", "fragments"),
    [
        ("linear", list(HOSTVARS), []),
        ("debug", list(reversed(HOSTVARS)), []),
        ("mitogen_linear", list(HOSTVARS), []),
        ("linear", ["n11", "n12"], ["serial lets 2 of 5 hosts run at a time", "remove serial", "--limit"]),
        ("free", list(HOSTVARS), ["'free'", "strategy: linear"]),
        (
            "ansible.builtin.host_pinned",
            list(HOSTVARS),
            ["'ansible.builtin.host_pinned'", "strategy: linear"],
        ),
        ("mitogen_free", ["n11"], ["'mitogen_free'"]),
    ],
    ids=repr,
)
def test_a_measurement_needs_all_hosts_together(act, strategy, batch, fragments):
    more = variables(ansible_play_hosts=list(HOSTVARS), ansible_play_batch=batch)
    assert act(ActionModule, {}, more, strategy=strategy)["flows"] == 6, "firewalls do not need it"
    if not fragments:
        assert act(ActionModule, {"together": True}, more, strategy=strategy)["flows"] == 6
        return
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, {"together": True}, more, strategy=strategy)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


def test_a_batch_is_measured_alone_if_the_plan_is_for_its_hosts(act):
    batch = ["n11", "n12"]
    more = variables(ansible_play_hosts=list(HOSTVARS), ansible_play_batch=batch)
    assert act(ActionModule, {"together": True, "hosts": batch}, more)["flows"] == 6
    with pytest.raises(AnsibleError, match="serial lets 2 of 3 hosts run at a time"):
        act(ActionModule, {"together": True, "hosts": [*batch, "client"]}, more)
    with pytest.raises(AnsibleError, match="'free'"):
        act(ActionModule, {"together": True, "hosts": batch}, more, strategy="free")


TEMPLATE = "{{ groups.exasol_nodes[0] }}"


@pytest.mark.parametrize(
    ("around", "task", "fragments"),
    [
        ({}, {}, []),
        ({}, {"delegate_to": "localhost", "run_once": True}, []),
        (
            {"run_once": object, "delegate_to": object},
            {"delegate_to": "localhost"},
            [],
        ),  # Ansible's sentinel is a class
        ({"run_once": False, "delegate_to": "{{ omit }}"}, {}, []),
        ({"run_once": True}, {}, ["run_once lets 1 of 5 hosts", "remove run_once", "--limit"]),
        ({"run_once": "yes"}, {}, ["run_once lets 1 of 5 hosts"]),
        (
            {"delegate_to": "n11"},
            {"delegate_to": "n11"},
            ["delegate_to 'n11'", "remove delegate_to", "jump host"],
        ),
        ({"delegate_to": TEMPLATE}, {"delegate_to": "n11"}, [f"delegate_to '{TEMPLATE}'"]),
    ],
    ids=repr,
)
def test_a_measurement_needs_each_host_itself(act, around, task, fragments):
    more = variables(ansible_play_hosts=list(HOSTVARS), ansible_play_batch=list(HOSTVARS))
    assert act(ActionModule, {}, more, around=around, **task)["flows"] == 6, (
        "whoever plans alone may do it anywhere"
    )
    if not fragments:
        assert act(ActionModule, {"together": True}, more, around=around, **task)["flows"] == 6
        return
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, {"together": True}, more, around=around, **task)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("task", "run", "refused"),
    [(False, False, False), (True, True, False), (False, True, False), (True, False, True)],
)
def test_a_measurement_in_check_mode_is_that_of_the_whole_run(act, task, run, refused):
    more = variables(ansible_play_hosts=["n11"], ansible_play_batch=["n11"], ansible_check_mode=run)
    assert act(ActionModule, {}, more, check_mode=task)["flows"] == 6, "a plan alone changes nothing"
    if not refused:
        assert act(ActionModule, {"together": True}, more, check_mode=task)["flows"] == 6
        return
    with pytest.raises(AnsibleError, match="remove check_mode from the role"):
        act(ActionModule, {"together": True}, more, check_mode=task)


@pytest.mark.parametrize(("check_mode", "together"), [(True, True), (True, False), (False, True)])
def test_a_plan_for_a_measurement_says_that_check_mode_measures_nothing(act, check_mode, together):
    one = variables(ansible_play_hosts=list(HOSTVARS), ansible_play_batch=list(HOSTVARS))
    found = act(ActionModule, {"together": together}, one, check_mode=check_mode)
    assert found.get("check_mode", False) is (check_mode and together)


def test_one_host_may_run_alone(act):
    more = variables(ansible_play_hosts=["n11"], ansible_play_batch=["n11"])
    assert act(ActionModule, {"together": True}, more, around={"run_once": True})["flows"] == 6


@pytest.fixture
def warned(monkeypatch):
    """Return the warnings that are displayed."""
    texts = []
    monkeypatch.setattr(plan.display, "warning", lambda text, *unused, **more: texts.append(text))
    return texts


@pytest.mark.parametrize(
    ("options", "more", "fragment"),
    [
        ({}, {}, ""),
        ({"include": ["sql_client"]}, {}, "include names 'sql_client', a required row"),
        (
            {"overrides": {"bucketfs_https": 6583}},
            {},
            "override of 'bucketfs_https' opens and probes nothing",
        ),
        ({}, {"groups": {**GROUPS, "exasol_admin": ["idle"]}}, "the group 'exasol_admin' plays no peer"),
        ({}, {"exasol_peers": {"install_host": ["idle"]}}, "add install_ssh to include"),
        ({"release": "kb"}, {"exasol_peers": {"dns_server": ["idle"]}}, "no row of release kb names it"),
        ({"ftp_mode": "active", "exclude": ["ftp", "ftps"]}, {}, "ftp_mode 'active' has no effect"),
        (
            {"together": True},
            {"exasol_ftp_user": "anonymous"},
            "exasol_ftp_user has no effect: no flow of ftp or ftps is planned",
        ),
        (
            {"together": True},
            {"exasol_ftp_password": "secret"},
            "exasol_ftp_password has no effect without exasol_ftp_user",
        ),
        (
            {"together": True},
            {"exasol_ftp_user": "anonymous", "exasol_peers": {"ftp_server": ["192.0.2.50"]}},
            "",
        ),
        ({"together": False}, {"exasol_ftp_user": "anonymous"}, ""),
        ({"allow_any": True, "peers": {"database_node": ["n11"], "client": ["0.0.0.0/0"]}}, {}, ""),
        ({"absent_peers": ["oracle"]}, {}, ""),
    ],
    ids=repr,
)
def test_what_has_no_effect_is_said_once(act, warned, options, more, fragment):
    found = act(
        plan.ActionModule,
        options,
        variables(**{"ansible_play_hosts": list(HOSTVARS), "ansible_play_batch": list(HOSTVARS), **more}),
    )
    assert found["notes"] == warned
    assert len(warned) == bool(fragment), warned
    assert fragment in "".join(warned)
    assert "secret" not in "".join(warned)


# Variables of the site


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exasol_overrides", {"sql_client": 9563}),
        ("exasol_peers", {"oracle": ["192.0.2.77"]}),
        ("exasol_verify_listeners", False),
        ("exasol_report_formats", ["csv"]),
    ],
)
@pytest.mark.parametrize("hosts", [["n11"], ["n11", "n12"], ["client"]], ids=" ".join)
def test_what_differs_between_hosts_is_refused_whoever_is_first(act, name, value, hosts):
    hostvars = {host: {**own, **({name: value} if host in hosts else {})} for host, own in HOSTVARS.items()}
    for order in (list(HOSTVARS), list(reversed(HOSTVARS)), hosts):
        with pytest.raises(AnsibleError) as caught:
            act(ActionModule, {}, variables(hostvars=hostvars, ansible_play_hosts_all=order))
        assert f"{name} differs" in str(caught.value)
        assert any(f"{host} has" in str(caught.value) for host in hosts)


def clusters(**releases):
    """Return variables of two clusters of a node each, and of a client."""
    own = {name: {"exasol_release": release} for name, release in releases.items()}
    return {host: {**given, **own.get(host, {}), "exasol_cluster": host} for host, given in HOSTVARS.items()}


@pytest.mark.parametrize(
    ("releases", "option", "planned", "named"),
    [
        pytest.param({"n11": "8.29.13", "n12": "8.34.0"}, "8", True, "8.29.13, 8.34.0", id="one is below"),
        pytest.param({"n11": "8.34.0", "n12": "2025.1.11"}, "8", False, "8.34.0, 2025.1.11", id="none is"),
        pytest.param({"n11": "8.34.0"}, "8.29.13", True, "8.29.13, 8.34.0", id="the site's is below"),
        pytest.param({"n11": "8.34.0"}, "8.34.0", False, "8.34.0", id="the site's is not"),
        pytest.param({"n11": 8, "n12": 8}, "8.34.0", True, "8", id="a number of YAML"),
        pytest.param(
            {"n11": "", "client": "nonsense", "idle": "9"}, "8.34.0", False, "8.34.0", id="no nodes"
        ),
    ],
)
def test_each_cluster_has_its_release(act, releases, option, planned, named):
    for order in (list(HOSTVARS), list(reversed(HOSTVARS))):
        more = variables(hostvars=clusters(**releases), ansible_play_hosts_all=order)
        found = act(ActionModule, {"release": option}, more)
        services = {entry["service"] for entry in found["hosts"]["n11"]["probes"]}
        assert ("subconnection_in" in services) == planned
        assert "exa_to_exa" in services
        assert found["release"] == named


def test_two_releases_of_one_cluster_are_refused_with_both_hosts(act):
    hostvars = {
        **HOSTVARS,
        "n11": {**HOSTVARS["n11"], "exasol_release": "8.29.13"},
        "n12": {**HOSTVARS["n12"], "exasol_release": "8.34.0"},
    }
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, {}, variables(hostvars=hostvars))
    for fragment in ("exasol_release", "n11 has '8.29.13'", "n12 has '8.34.0'"):
        assert fragment in str(caught.value)


KAFKA = {
    "name": "kafka",
    "protocol": "tcp",
    "ports": 9092,
    "source": "database_node",
    "destination": "kafka_broker",
    "description": "Kafka",
    "identify": "tls",
}


def test_services_of_the_site_are_planned_for_the_peers_that_they_name(act):
    found = act(
        ActionModule,
        {"services": [KAFKA], "release": "kb"},
        variables(exasol_peers={"kafka_broker": ["db1"]}),
    )
    assert found["hosts"]["db1"]["endpoints"] == [
        {"address": "192.0.2.40", "protocol": "tcp", "ports": "9092"}
    ]
    (entry,) = [entry for entry in found["hosts"]["n11"]["probes"] if entry["service"] == "kafka"]
    assert entry["identify"] == "tls"


def test_services_that_differ_between_hosts_are_refused(act):
    hostvars = {**HOSTVARS, "client": {**HOSTVARS["client"], "exasol_services": [KAFKA]}}
    with pytest.raises(AnsibleError, match="exasol_services differs"):
        act(ActionModule, {"services": [KAFKA]}, variables(hostvars=hostvars))


def test_the_services_of_the_guide_can_be_planned(act):
    guide = (pathlib.Path(__file__).parents[4] / "docs" / "guide.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(text) for text in re.findall(r"(?s)```yaml\n(.*?)```", guide)]
    (given,) = [block for block in blocks if isinstance(block, dict) and "exasol_services" in block]
    found = act(
        ActionModule,
        {"services": given["exasol_services"], "exclude": ["subconnection_in", "subconnection_out"]},
        variables(exasol_peers=given["exasol_peers"]),
    )
    left_out = {entry["service"] for entry in found["not_covered"]}
    assert {service["name"] for service in given["exasol_services"]} & left_out == set()


def test_what_all_hosts_have_is_taken(act):
    hostvars = {
        host: {**own, "exasol_overrides": {"sql_client": 9563}, "exasol_cluster": host[:1]}
        for host, own in HOSTVARS.items()
    }
    assert act(ActionModule, {}, variables(hostvars=hostvars))["flows"]


def test_a_host_that_is_neither_in_the_play_nor_in_the_plan_does_not_count(act):
    hostvars = {**HOSTVARS, "idle": {**HOSTVARS["idle"], "exasol_release": "kb"}}
    assert act(ActionModule, {}, variables(hostvars=hostvars, ansible_play_hosts_all=["n11", "client"]))[
        "flows"
    ]


def test_each_plan_is_a_run_of_its_own(act):
    one, other = (act(ActionModule, {}, variables())["run"] for unused in range(2))
    assert one and other and one != other


@pytest.mark.parametrize(("host", "refused"), [("n12", True), ("idle", False)])
def test_a_network_device_that_has_to_measure_is_refused(act, host, refused):
    hostvars = {**HOSTVARS, host: {**HOSTVARS[host], "ansible_connection": "ansible.netcommon.network_cli"}}
    more = variables(hostvars=hostvars, ansible_play_hosts=list(HOSTVARS), ansible_play_batch=list(HOSTVARS))
    assert act(ActionModule, {}, more)["flows"] == 6, "planning alone runs nothing there"
    if not refused:
        assert act(ActionModule, {"together": True}, more)["flows"] == 6
        return
    with pytest.raises(AnsibleError, match=f"'{host}'.*network devices"):
        act(ActionModule, {"together": True}, more)


def with_strings(**texts):
    """Return the variables of a play in which hosts have connection strings."""
    hostvars = {
        name: {**known, **({"exasol_connection_string": texts[name]} if name in texts else {})}
        for name, known in HOSTVARS.items()
    }
    return variables(hostvars=hostvars)


def test_a_connection_string_is_read_of_each_client(act):
    found = act(ActionModule, {}, with_strings(client="192.0.2.11..13:9563;password=hidden"))
    (entry,) = found["connections"]
    assert entry["clients"] == ["client"]
    assert [member["host"] for member in entry["members"]] == ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    assert "hidden" not in str(found)


def test_a_connection_string_that_cannot_be_read_is_told_with_its_host_and_without_its_settings(act):
    with pytest.raises(AnsibleError) as error:
        act(ActionModule, {}, with_strings(client="192.0.2.11:0;password=hidden"))
    assert "host 'client', exasol_connection_string: connection string, part 1: '192.0.2.11:0'" in str(
        error.value
    )
    assert "hidden" not in str(error.value)


def test_the_connection_string_of_a_host_that_is_no_client_has_no_effect(act, monkeypatch):
    said = []
    monkeypatch.setattr(plan.display, "warning", said.append)
    found = act(ActionModule, {}, with_strings(idle="not a string at all:0"))
    assert found["connections"] == []
    assert any(note.startswith("exasol_connection_string of idle has no effect") for note in said)
    for_all = act(ActionModule, {}, with_strings(idle="192.0.2.11:8563", client="192.0.2.11:8563"))
    assert not [note for note in for_all["notes"] if "no effect" in note]


@pytest.mark.parametrize(
    ("name", "value", "fragments"),
    [
        ("exasol_report_formats", ["json", "pdf"], ["'pdf'", "csv, html, json", "prometheus_peers"]),
        ("exasol_report_formats", "json, HTML", ["'HTML'", "closest: 'html'"]),
        ("exasol_report_change_request", ["aws", "cisco"], ["'cisco'", "aerleon_policy, aws"]),
    ],
    ids=str,
)
def test_a_format_that_is_not_known_is_refused_before_anything_is_measured(act, name, value, fragments):
    hostvars = {host: {**own, name: value} for host, own in HOSTVARS.items()}
    with pytest.raises(AnsibleError) as caught:
        act(ActionModule, {}, variables(hostvars=hostvars))
    assert_names(str(caught.value), [name, *fragments])


@pytest.mark.parametrize("value", [["json", "prometheus_peers"], "json, csv", [], None, "", [5]], ids=repr)
def test_known_formats_are_planned(act, value):
    hostvars = {host: {**own, "exasol_report_formats": value} for host, own in HOSTVARS.items()}
    assert act(ActionModule, {}, variables(hostvars=hostvars))["flows"] == 6
