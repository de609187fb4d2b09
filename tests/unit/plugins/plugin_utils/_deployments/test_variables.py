# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables are those of a host, of a cluster and of all hosts."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._deployments.deployment import Node
from ansible_collections.exasol_community.network.plugins.plugin_utils._deployments.variables import (
    check_cluster_names,
    host_variables,
    shared_variables,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

BOTH = Node("n11", "10.0.0.11", "203.0.113.11", "db.example.com", "exasol", "key.pem", 2222)
REACHED = {
    "private": (BOTH, "private", "10.0.0.11"),
    "external": (BOTH, "external", "203.0.113.11"),
    "name": (BOTH, "dns_name", "db.example.com"),
    "no name": (BOTH._replace(dns_name=""), "dns_name", "203.0.113.11"),
    "no name, one network": (Node("n11", "10.0.0.11"), "dns_name", "10.0.0.11"),
    "one network": (Node("n11", "10.0.0.11"), "external", "10.0.0.11"),
}


@pytest.mark.parametrize("node, connect_to, expected", REACHED.values(), ids=REACHED)
def test_the_address_that_ansible_connects_to(node, connect_to, expected):
    found = host_variables(node, cluster="a", directory="/d", connect_to=connect_to)
    assert found["ansible_host"] == expected


def test_what_a_host_has():
    assert host_variables(BOTH, cluster="a", directory="/d", connect_to="external") == {
        "ansible_host": "203.0.113.11",
        "exasol_address": "10.0.0.11",
        "exasol_external_address": "203.0.113.11",
        "exasol_cluster": "a",
        "ansible_user": "exasol",
        "ansible_ssh_private_key_file": "/d/key.pem",
        "ansible_port": 2222,
    }


def test_what_a_file_does_not_say_is_no_variable():
    assert host_variables(Node("n11", "10.0.0.11"), cluster="a", directory="/d", connect_to="external") == {
        "ansible_host": "10.0.0.11",
        "exasol_address": "10.0.0.11",
        "exasol_cluster": "a",
    }


def test_a_key_in_the_home_directory_stays_there():
    node = BOTH._replace(key_file="~/.ssh/id_rsa")
    found = host_variables(node, cluster="a", directory="/d", connect_to="external")
    assert found["ansible_ssh_private_key_file"] == "~/.ssh/id_rsa"


PORT, OTHER = {"exasol_overrides": {"sql_client": 9563}}, {"exasol_overrides": {"sql_client": 7563}}
NEW, OLD = {"exasol_release": "2025.1.11"}, {"exasol_release": "8.29.13"}
# What the clusters say, what all hosts have, whether there are others; what all hosts and each cluster get.
SHARED = {
    "one cluster": ([PORT], {}, False, PORT, [{}]),
    "two that agree": ([{**PORT, **NEW}] * 2, {}, False, {**PORT, **NEW}, [{}, {}]),
    "two releases": ([{**PORT, **NEW}, {**PORT, **OLD}], {}, False, PORT, [NEW, OLD]),
    "a release that one file does not say": ([NEW, {}], {}, False, {}, [NEW, {}]),
    "a port that one cluster does not have": ([PORT, {}], {}, False, {}, [PORT, {"exasol_overrides": {}}]),
    "the site said the same": ([PORT], PORT, False, PORT, [{}]),
    "the site said otherwise": ([PORT], OTHER, False, {}, [PORT]),
    "only the site said it": ([{}], OTHER, False, {}, [{}]),
    "an earlier cluster said the same": ([PORT], PORT, True, PORT, [{}]),
    "an earlier cluster said otherwise": ([PORT], OTHER, True, {}, [PORT]),
    "only an earlier cluster said it": ([{}], OTHER, True, {}, [{"exasol_overrides": {}}]),
    "only a later cluster says it": ([PORT], {}, True, {}, [PORT]),
}


@pytest.mark.parametrize("said, known, has_others, for_all, by_cluster", SHARED.values(), ids=SHARED)
def test_what_is_shared(said, known, has_others, for_all, by_cluster):
    names = ["a", "b"][: len(said)]
    found = shared_variables(dict(zip(names, said)), known, has_others=has_others)
    assert found == (for_all, dict(zip(names, by_cluster)))


def test_names_of_clusters():
    check_cluster_names(["production", "my.cluster", "Nord-1", "ü"])


NAMES = {
    "template": (["{{ x }}"], ["'{{ x }}' is no name of a cluster"]),
    "empty": ([""], ["'' is no name of a cluster"]),
    "blank": (["my cluster"], ["'my cluster' is no name of a cluster"]),
    "path": (["a/b"], ["'a/b' is no name of a cluster"]),
    "one group": (["a-b", "a_b"], ["'a-b' and 'a_b' would have one group"]),
}


@pytest.mark.parametrize("names, fragments", NAMES.values(), ids=NAMES)
def test_names_that_are_refused(names, fragments):
    assert_names(refusal(check_cluster_names, names), fragments)
