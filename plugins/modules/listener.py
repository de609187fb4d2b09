#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: listener
short_description: Let a host answer on ports for a while, to prove that they can be reached
version_added: 0.1.0
description:
  - Starts one process that listens on all given ports, TCP and UDP, IPv4 and IPv6, and proves to M(exasol_community.network.probe)
    that it is this very host.
  - The process ends by itself after O(ttl), whatever happens to the controller.
  - It speaks only to those who know the run's O(token), and reads and writes at most one line a connection.
  - Ports that somebody else uses are left alone and returned.
  - Runs at the same time share the process, and none ends the ports of another.
extends_documentation_fragment:
  - exasol_community.network._attributes
attributes:
  delegation:
    support: full
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    support: full
options:
  state:
    description:
      - V(present) listens, V(absent) ends what this run's O(token) started.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - The name that the listener answers with, usually C(inventory_hostname).
    type: str
    required: true
  token:
    description:
      - The token of the run, at least 16 random characters.
    type: str
    required: true
  listens:
    description:
      - What to listen on with O(state=present); without any nothing is started.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: An address of this host, or a name of it for all its addresses.
        type: str
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      ports:
        description: The ports, for example V(8563), V(22,20000-21000), or a list of such.
        type: raw
        required: true
  ttl:
    description:
      - Seconds after which the listener ends by itself.
    type: int
    default: 1800
  capture:
    description:
      - Also record which connections arrived and which answers left, seen outside of this host's own packet filter; O(state=absent) returns it.
      - Needs root. Kept are port numbers by pairs of addresses, no packets and no contents.
    type: bool
    default: false
  run:
    description:
      - The run that the result belongs to, RV(exasol_community.network.plan#module:run).
      - M(exasol_community.network.verdict) sets aside what belongs to another run, such as a result that was registered earlier in the same playbook.
    type: str
    default: ''
  addresses:
    description:
      - The addresses of this host in the plan, to tell whether the module really runs there.
      - A name is looked up on the machine. It is the machine's own if one of its addresses is, or if the machine calls itself so.
    type: list
    elements: str
    default: []
seealso:
  - module: exasol_community.network.probe
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Answer on the database port
  exasol_community.network.listener:
    host: "{{ inventory_hostname }}"
    token: "{{ run_token }}"
    listens:
      - {address: 192.0.2.11, ports: 8563}

- name: Stop answering
  exasol_community.network.listener:
    state: absent
    host: "{{ inventory_hostname }}"
    token: "{{ run_token }}"
"""

RETURN = r"""
listening:
  description: Where the listener answers.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '8563,20000-21000'}]
in_use:
  description: Ports that somebody else uses, left alone.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '2580'}]
denied:
  description: Ports that this user may not listen on.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '22'}]
capture:
  description: What was seen, as RV(exasol_community.network.probe#module:capture) describes it.
  returned: O(state=absent) of a listener with O(capture=true)
  type: dict
  sample:
    complete: true
    seen:
      - {address: 192.0.2.11, peer: 192.0.2.21, protocol: tcp, asked_in: '8563', answered_out: '8563'}
run:
  description: The run that was given.
  returned: with O(run)
  type: str
  sample: 5b0e6f3c9d21
machine:
  description: The machine that the module ran on.
  returned: with O(addresses) and O(state=present)
  type: dict
  contains:
    identity:
      description: A name that no other machine and no other network namespace has; empty if it is not known.
      type: str
      returned: success
      sample: 8e2c1fd6a05b7730
    own:
      description: Those of O(addresses) that are the machine's own.
      type: list
      elements: str
      returned: success
      sample: [192.0.2.11]
pid:
  description: The listener's process.
  returned: O(state=present), except in check mode
  type: int
  sample: 4711
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _control, _machine
from ..module_utils._errors import NetworkError
from ..module_utils._module import failures_of
from ..module_utils._options import target_options


def check(params):
    """Raise for options that cannot be used."""
    if params["ttl"] < 1:
        raise NetworkError("ttl {0} is too short: expected at least 1 second".format(params["ttl"]))
    if not params["host"]:
        raise NetworkError("host is empty: expected the name that the listener answers with")


def main():
    """Run the module."""
    options = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "host": {"type": "str", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
        "listens": {"type": "list", "elements": "dict", "default": [], "options": dict(target_options(), address={"type": "str", "required": True})},
        "ttl": {"type": "int", "default": 1800},
        "capture": {"type": "bool", "default": False},
    }
    options.update(_machine.options())
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    params = module.params
    with failures_of(module):
        check(params)
        origin = _machine.origin(params["run"], params["addresses"] if params["state"] == "present" else [])
        if params["state"] == "absent":
            module.exit_json(**_control.absent(params["host"], params["token"], dry=module.check_mode), **origin)
        module.exit_json(**_control.present(params["host"], params["token"], params["listens"], params["ttl"], dry=module.check_mode,
                                            capture=params["capture"]), **origin)


if __name__ == "__main__":
    main()
