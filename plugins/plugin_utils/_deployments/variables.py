# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From deployments to the variables of hosts, of clusters and of the whole site."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._values.errors import NetworkError
from .deployment import Node

# What a file may say of the whole site, and its value if the file does not. A release is unknown then.
_EMPTY: dict[str, t.Any] = {
    "exasol_release": None,
    "exasol_overrides": {},
    "exasol_include": [],
    "exasol_exclude": [],
}
Variables = dict[str, t.Any]
CLUSTER_GROUP = "exasol_cluster_"
# A part of names of hosts, too, which are separated by blanks and commas.
_CLUSTER = re.compile(r"[^\s{}%,:/\\\x00-\x1f\x7f]+\Z")


def host_variables(node: Node, *, cluster: str, directory: str, connect_to: str) -> Variables:
    """Return the variables of one host; C(directory) is where a relative path of a key starts."""
    reached = {
        "private": node.address,
        "external": node.external_address or node.address,
        "dns_name": node.dns_name or node.external_address or node.address,
    }
    key_file = node.key_file
    if key_file and not key_file.startswith("~"):
        key_file = os.path.join(directory, key_file)
    found = {
        "ansible_host": reached[connect_to],
        "exasol_address": node.address,
        "exasol_external_address": node.external_address,
        "exasol_cluster": cluster,
        "ansible_user": node.user,
        "ansible_ssh_private_key_file": key_file,
        "ansible_port": node.ssh_port,
    }
    return {name: value for name, value in found.items() if value}


def shared_variables(
    by_cluster: Mapping[str, Variables], known: Mapping[str, t.Any], *, has_others: bool
) -> tuple[Variables, dict[str, Variables]]:
    """Divide what clusters say of the site into variables of all hosts and variables of each cluster.

    C(known) is what all hosts have from earlier sources. These may have clusters, too (C(has_others)).
    What contradicts it, or another cluster, stays with its cluster. So the plan sees the difference, and the
    value of one cluster is never taken for that of another.
    """
    for_all: Variables = {}
    of_clusters: dict[str, Variables] = {cluster: {} for cluster in by_cluster}
    for name, empty in _EMPTY.items():
        values = {cluster: said.get(name, empty) for cluster, said in by_cluster.items()}
        first = next(iter(values.values()))
        is_shared = all(value == first for value in values.values())
        if is_shared and not first and not has_others:
            continue
        if is_shared and known.get(name, empty if has_others else first) == first:
            if first:
                for_all[name] = first
            continue
        for cluster, value in values.items():
            if value is not None:
                of_clusters[cluster][name] = value
    return for_all, of_clusters


def cluster_group(name: str) -> str:
    """Return the name of the group of a cluster, which holds nothing that Ansible would warn about."""
    return CLUSTER_GROUP + re.sub(r"[^A-Za-z0-9_]", "_", name)


def check_cluster_names(names: Iterable[str]) -> None:
    """Refuse a name of a cluster that would be a template, or share its group with another one."""
    groups: dict[str, str] = {}
    for name in names:
        if not _CLUSTER.match(name):
            raise NetworkError(
                f"{name!r} is no name of a cluster: expected one without blanks, braces, commas, colons, "
                f"slashes and percent signs; name it with the option clusters"
            )
        other = groups.setdefault(cluster_group(name), name)
        if other != name:
            raise NetworkError(
                f"the clusters {other!r} and {name!r} would have one group: give one of them another name "
                f"with the option clusters"
            )
