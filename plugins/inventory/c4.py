# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of Exasol deployments, read from the files with which they were made."""

from __future__ import annotations

DOCUMENTATION = r"""
name: c4
short_description: The nodes of Exasol deployments, from the files of c4, exasol-personal and docker-db
version_added: 0.1.0
author: exasol_community.network contributors (@exasol-community)
description:
  - Reads the files that describe deployments of Exasol, and makes a host of every database node.
  - The files are configuration files of C(c4) in their shell, JSON or YAML form, the C(deployment.json) of
    exasol-personal, and the C(EXAConf) of docker-db. The content of a file says which of them it is.
  - Each host has the variables C(exasol_address), C(exasol_cluster) and C(ansible_host).
    If its file says them, it also has C(exasol_external_address), C(ansible_user),
    C(ansible_ssh_private_key_file) and C(ansible_port).
  - Hosts are in the group C(exasol_nodes), and in the group C(exasol_cluster_NAME) of their cluster.
  - Release, ports and switched-off services become C(exasol_release), C(exasol_overrides), C(exasol_include)
    and C(exasol_exclude). These variables belong to the whole site, so what all clusters have in common is a
    variable of the group C(all). What differs is a variable of the group of each cluster.
    A value in C(group_vars/all) takes precedence over both.
  - A port that is the default of the port table needs no override, so none is set.
  - Passwords, tokens, certificates and all other settings of the files are never read into variables.
notes:
  - In the JSON and YAML forms, C(host.addrs) stands for C(CCC_HOST_ADDRS), and so on.
  - The file of this plugin ends in C(c4.yml) or C(c4.yaml).
  - C(exasol_release) is a full version, such as V(2025.1.11), if the file says it.
    C(deployment.json) says none.
  - Files that are encrypted with Ansible Vault are decrypted.
  - Keep the files of deployments out of inventory directories, because Ansible tries to read every file there
    as an inventory of its own.
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [exasol_community.network.c4]
  files:
    description:
      - Files that describe a deployment each. A relative path starts at the directory of the plugin's file.
      - A path may hold the wildcards V(*) and V(?). It must match a file.
      - The cluster has the name of its file without the extension, or that of its directory if the file
        is named C(config), C(deployment.json) or C(EXAConf). A directory C(etc) is skipped.
    type: list
    elements: str
    default: []
  clusters:
    description: Like O(files), but with the names of the clusters, from the name to the path.
    type: dict
    default: {}
  prefix:
    description:
      - A text before the name of each host. V({cluster}) in it stands for the name of the cluster.
      - Files of several clusters name their nodes alike, V(n11), V(n12) and so on. They need a prefix,
        for example V({cluster}-).
    type: str
    default: ""
  connect_to:
    description:
      - The address that becomes C(ansible_host), where a file says several.
      - V(external) is the address in the public network, V(private) that in the private network, and
        V(dns_name) the DNS name that exasol-personal writes.
      - If a file does not have it, V(dns_name) becomes V(external), and V(external) becomes V(private).
    type: str
    choices: [external, private, dns_name]
    default: external
"""

EXAMPLES = r"""
# production.c4.yml, beside the file "config" that c4 was given:
# ansible-inventory -i production.c4.yml --graph
plugin: exasol_community.network.c4
files: [config]
---
# Two clusters that load from each other. Their nodes are production-n11, reporting-n11 and so on.
plugin: exasol_community.network.c4
clusters:
  production: production/config
  reporting: reporting/deployment.json
prefix: "{cluster}-"
---
# One directory for each cluster, managed from within the private network.
plugin: exasol_community.network.c4
files: ["clusters/*/config"]
prefix: "{cluster}-"
connect_to: private
---
# Keys that lie elsewhere on the controller, and a group for each release.
plugin: exasol_community.network.c4
files: [docker/EXAConf]
compose:
  ansible_ssh_private_key_file: "'/etc/keys/' ~ exasol_cluster"
keyed_groups:
  - key: exasol_release
    prefix: release
"""

import glob
import os
import re
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

from ..module_utils._values.errors import NetworkError, closest
from ..plugin_utils._deployments.deployment import Deployment
from ..plugin_utils._deployments.formats import cluster_name, read_deployment
from ..plugin_utils._deployments.variables import (
    CLUSTER_GROUP,
    check_cluster_names,
    cluster_group,
    host_variables,
    shared_variables,
)

_NODES = "exasol_nodes"
_WILDCARD = re.compile(r"[*?]")


class InventoryModule(BaseInventoryPlugin, Constructable):  # type: ignore[misc]  # ansible-core has no types
    """Makes hosts of the nodes of deployments."""

    NAME = "exasol_community.network.c4"

    def verify_file(self, path: str) -> bool:
        """Tell whether this is a file of this plugin, by its name."""
        return super().verify_file(path) and path.endswith(("c4.yml", "c4.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Read the files, and add their hosts to the inventory."""
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        try:
            self._check_options(given)
            deployments = {
                cluster: self._read(file) for cluster, file in self._files(os.path.dirname(path)).items()
            }
            self._add(deployments)
        except NetworkError as error:
            raise AnsibleParserError(str(error)) from error

    def _check_options(self, given: Mapping[str, t.Any]) -> None:
        known = set(self.get_options())
        for name in given:
            if name not in known:
                raise NetworkError(
                    f"{name!r} is no option of this plugin: expected one of {', '.join(sorted(known))}"
                    f"{closest(name, known)}"
                )

    def _files(self, directory: str) -> dict[str, str]:
        """Return the file of each cluster."""
        files: dict[str, str] = {}
        named = [(str(name), [str(path)]) for name, path in self.get_option("clusters").items()]
        unnamed = [("", _matches(directory, path)) for path in self.get_option("files")]
        for name, paths in named + unnamed:
            for path in paths:
                file = os.path.abspath(os.path.join(directory, os.path.expanduser(path)))
                cluster = name or cluster_name(file)
                if cluster in files:
                    raise NetworkError(
                        f"two files are those of the cluster {cluster!r}, {files[cluster]} and {file}: name "
                        f"the clusters with the option clusters"
                    )
                files[cluster] = file
        if not files:
            raise NetworkError("no file is named: expected the option files, clusters, or both")
        check_cluster_names(files)
        return files

    def _read(self, file: str) -> tuple[Deployment, str]:
        """Return the deployment that a file describes, and the file's directory."""
        if not os.path.isfile(file):
            raise NetworkError(f"{file} does not exist, or is no file: correct the option files or clusters")
        readable = self.loader.get_real_file(file, decrypt=True)
        try:
            with open(readable, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            raise NetworkError(f"{file} cannot be read: {type(error).__name__}") from None
        finally:
            self.loader.cleanup_tmp_file(readable)
        return read_deployment(text, file), os.path.dirname(file)

    def _add(self, deployments: Mapping[str, tuple[Deployment, str]]) -> None:
        self.inventory.add_group(_NODES)
        shared = {
            cluster: deployment.site_variables() for cluster, (deployment, unused) in deployments.items()
        }
        groups = self.inventory.groups
        for_all, by_cluster = shared_variables(
            shared, groups["all"].vars, has_others=any(name.startswith(CLUSTER_GROUP) for name in groups)
        )
        for name, value in for_all.items():
            self.inventory.set_variable("all", name, value)
        for cluster, (deployment, directory) in deployments.items():
            group = self.inventory.add_group(cluster_group(cluster))
            self.inventory.add_child(_NODES, group)
            for name, value in by_cluster[cluster].items():
                self.inventory.set_variable(group, name, value)
            for node in deployment.nodes:
                host = self.get_option("prefix").replace("{cluster}", cluster) + node.name
                variables = host_variables(
                    node, cluster=cluster, directory=directory, connect_to=self.get_option("connect_to")
                )
                self._add_host(host, group, variables)
                self._construct(host, {**for_all, **by_cluster[cluster], **variables})

    def _add_host(self, name: str, group: str, variables: Mapping[str, t.Any]) -> None:
        known, cluster = self.inventory.get_host(name), variables["exasol_cluster"]
        other = known.vars.get("exasol_cluster", cluster) if known else cluster
        if other != cluster:
            raise NetworkError(
                f"the host {name!r} is in the clusters {other!r} and {cluster!r}: set the option prefix, "
                f"for example to '{{cluster}}-', so that every host has a name of its own"
            )
        self.inventory.add_host(name, group=group)
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, value)

    def _construct(self, host: str, variables: dict[str, t.Any]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _matches(directory: str, pattern: str) -> list[str]:
    """Return the files that a pattern matches, or the path itself if it is none."""
    if not _WILDCARD.search(pattern):
        return [pattern]
    found = sorted(glob.glob(os.path.join(directory, os.path.expanduser(pattern))))
    if not found:
        raise NetworkError(f"{pattern!r} matches no file: correct the option files")
    return found
