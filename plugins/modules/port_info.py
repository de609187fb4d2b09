#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: port_info
short_description: List the network ports that an Exasol database needs
version_added: 0.1.0
description:
  - Returns the rows of Exasol's published port tables as data, with the overrides of your site applied.
  - Rows whose RV(ports[].need) is V(optional) are returned too; M(exasol_community.network.plan) takes them
    only when asked for by name.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._table
attributes:
  delegation:
    support: full
  platform:
    support: full
    platforms: posix
options:
  direction:
    description:
      - Return only the rows of this direction, as seen from the database.
    type: str
    choices: [incoming, outgoing]
  names:
    description:
      - Return only the rows with these names.
    type: list
    elements: str
    default: []
  peers:
    description:
      - Return only the rows that have one of these peers as source or destination, for example V(client) or
        V(oracle).
    type: list
    elements: str
    default: []
seealso:
  - module: exasol_community.network.plan
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Show every port of the current release
  exasol_community.network.port_info:
  register: exasol

- name: Show what clients need, with a database port of our own
  exasol_community.network.port_info:
    peers: [client]
    overrides:
      sql_client: 9563
      bucketfs: [2580, 6583]

- name: Show what a version below 8.32.0 needs between clusters and for parallel clients
  exasol_community.network.port_info:
    release: 8.29.13
    names: [subconnection_in, client_subconnection]

- name: Show the 18 rows of the Knowledge Base article
  exasol_community.network.port_info:
    release: kb
"""

RETURN = r"""
ports:
  description: The rows, in the order of their tables.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the row, unique over all releases.
      type: str
      returned: success
      sample: subconnection_in
    direction:
      description: V(incoming) or V(outgoing), as seen from the database.
      type: str
      returned: success
      sample: incoming
    protocol:
      description: V(tcp), V(udp) or V(any).
      type: str
      returned: success
      sample: tcp
    ports:
      description: The ports, V(any) where the row stands for all of them.
      type: str
      returned: success
      sample: 20000-21000
    first:
      description: The lowest port, V(0) where the row stands for all of them.
      type: int
      returned: success
      sample: 20000
    last:
      description: The highest port, V(0) where the row stands for all of them.
      type: int
      returned: success
      sample: 21000
    source:
      description: The peer that opens the connection.
      type: str
      returned: success
      sample: database_node
    destination:
      description: The peer that is connected to.
      type: str
      returned: success
      sample: database_node
    need:
      description: V(required), or V(optional) for rows that are used only when asked for by name.
      type: str
      returned: success
      sample: required
    probe:
      description: How the row can be proven, V(tcp) or V(udp), or V(none) where no connection can prove it.
      type: str
      returned: success
      sample: tcp
    description:
      description: What the ports are for.
      type: str
      returned: success
      sample: subconnections for EXA-to-EXA loading
    reference:
      description: The address of the table that the row was read from, or C(exasol_services).
      type: str
      returned: success
      sample: https://docs.exasol.com/db/latest/administration/aws/manage_network.htm
    since:
      description: The first version that has the row, empty if every version of its release has it.
      type: str
      returned: success
      sample: ''
    until:
      description: The first version for which the row is V(optional), empty if there is none.
      type: str
      returned: success
      sample: 8.32.0
"""

from typing import TYPE_CHECKING, Any, Dict, Iterator

from ansible.module_utils.basic import AnsibleModule

# First, and unused: what is imported after it is compiled once.
from ..module_utils._ansible import archive  # noqa: F401  # pylint: disable=unused-import
from ..module_utils._ansible.failures import failures_of
from ..module_utils._ansible.options import table_options
from ..module_utils._plan.services import parse
from ..module_utils._plan.table import TABLE

if TYPE_CHECKING:
    from ..module_utils._shapes import TableRow


def select(params: Dict[str, Any]) -> "Iterator[TableRow]":
    """Return the rows that the options ask for."""
    table = TABLE.with_rows(parse(params["services"]))
    table.check_names(params["names"], params["release"], "names")
    table.check_peers(params["peers"])
    services = table.services_of(params["release"], params["overrides"])
    table.check_distinct(service for service in services if service.need == "required")
    for service in services:
        if params["direction"] not in (None, service.direction) or (
            params["names"] and service.name not in params["names"]
        ):
            continue
        if not params["peers"] or {service.source, service.destination} & set(params["peers"]):
            yield service.as_dict()


def main() -> None:
    """Run the module."""
    options = dict(
        table_options(),
        direction={"type": "str", "choices": ["incoming", "outgoing"]},
        names={"type": "list", "elements": "str", "default": []},
        peers={"type": "list", "elements": "str", "default": []},
    )
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    with failures_of(module):
        module.exit_json(changed=False, ports=list(select(module.params)))


if __name__ == "__main__":
    main()
