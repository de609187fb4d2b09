# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps hosts from measuring together, or a run from being planned and judged."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._inventory.play_checks import (
    check_connections,
    check_judged,
    is_of_devices,
    is_selected,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal


# The oracle is the table of Ansible's documentation (playbook guide, tags), tried with ansible-playbook.
@pytest.mark.parametrize(
    ("tags", "only", "skip", "expected"),
    [
        pytest.param([], ["all"], [], True, id="no choice"),
        pytest.param([], ["other"], [], False, id="untagged, another tag wanted"),
        pytest.param(["net"], ["net"], [], True, id="wanted"),
        pytest.param(["net", "db"], ["other", "db"], [], True, id="one of several wanted"),
        pytest.param(["net"], ["all"], ["net"], False, id="skipped"),
        pytest.param(["net"], ["net"], ["net"], False, id="wanted and skipped"),
        pytest.param([], ["untagged"], [], True, id="untagged wanted"),
        pytest.param([], ["all"], ["untagged"], False, id="untagged skipped"),
        pytest.param(["net"], ["tagged"], [], True, id="tagged wanted"),
        pytest.param([], ["tagged"], [], False, id="tagged wanted, untagged"),
        pytest.param(["net"], ["all"], ["tagged"], False, id="tagged skipped"),
        pytest.param(["always"], ["other"], [], True, id="always"),
        pytest.param(["always"], ["all"], ["always"], False, id="always skipped"),
        pytest.param(["never"], ["all"], [], False, id="never"),
        pytest.param(["never", "net"], ["net"], [], True, id="never, but wanted"),
        pytest.param(["always"], ["all"], ["all"], True, id="all skipped but always"),
        pytest.param(["net"], ["all"], ["all"], False, id="all skipped"),
    ],
)
def test_tags_select_as_ansible_does(tags, only, skip, expected):
    assert is_selected(tags, only, skip) is expected


def test_a_run_that_was_planned_and_judged_is_whole():
    check_judged("one", "one", "n11")


@pytest.mark.parametrize(
    ("planned", "judged", "fragments"),
    [
        pytest.param("", "", ["nothing was planned", "n11", "when", "--limit"], id="nothing"),
        pytest.param("", "one", ["nothing was planned"], id="an earlier verification only"),
        pytest.param("two", "", ["planned and not judged"], id="no verdict"),
        pytest.param("two", "one", ["planned and not judged"], id="the verdict of an earlier run"),
    ],
)
def test_a_run_that_is_not_whole_is_refused(planned, judged, fragments):
    assert_names(refusal(check_judged, planned, judged, "n11"), fragments)


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("network_cli", True),
        ("ansible.netcommon.network_cli", True),
        ("ansible.netcommon.netconf", True),
        ("httpapi", True),
        ("ssh", False),
        ("local", False),
        ("containers.podman.podman", False),
        ("", False),
    ],
)
def test_connections_of_network_devices_are_known(connection, expected):
    assert is_of_devices(connection) is expected


def test_a_network_device_cannot_measure():
    check_connections({"n11": "ssh", "n12": "local"})
    assert_names(
        refusal(check_connections, {"n11": "ssh", "switch": "ansible.netcommon.network_cli"}),
        ["'switch'", "network_cli", "--limit"],
    )
