#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: firewall
short_description: Let in and out what the plan says, on whichever firewall a host runs
version_added: 0.1.0
description:
  - Makes the host's firewall permit exactly the given rules, in one object of its own, and changes no rule of
    anybody else.
  - Rules that are not given any more are removed.
  - It never enables or disables a firewall and never changes a default policy. Where no firewall runs,
    nothing is changed.
  - "A change has to be confirmed: the host arms a timer that restores the old rules, and only a new
    connection from the controller
    stops it. A mistake that locks the controller out ends by itself."
extends_documentation_fragment:
  - exasol_community.network._attributes
attributes:
  delegation:
    support: full
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed
      on the controller.
    support: full
    details:
      - It confirms the change over a new connection.
      - It refuses hosts in whose place the controller would change its own firewall, that is hosts with a
        connection of network devices, and hosts with
        the connection C(local) of whose addresses the controller has none.
options:
  rules:
    description:
      - What to let in and out, as RV(exasol_community.network.plan#module:hosts) holds it for each host under
        C(rules).
    type: list
    elements: dict
    default: []
    suboptions:
      direction:
        description: V(in) for what comes in, V(out) for what goes out.
        type: str
        choices: [in, out]
        required: true
      protocol:
        description: The protocol; V(any) permits everything from the addresses.
        type: str
        choices: [tcp, udp, any]
        required: true
      ports:
        description: The ports, for example V(8563), V(8563,20000-21000), or a list of such; V(any) with
          O(rules[].protocol=any).
        type: raw
        required: true
      addresses:
        description:
          - Addresses, networks or DNS names of the other end; names are resolved on the host.
          - A network with host bits set, such as V(192.0.2.21/24), is refused, because it can be read in two
            ways.
          - With an empty list nobody is let in, and O(restrict) refuses everybody on the ports.
        type: list
        elements: raw
        required: true
      services:
        description: Names for the comment.
        type: list
        elements: str
        default: []
  state:
    description:
      - V(present) makes the host hold the rules, V(absent) removes everything that this module made.
    type: str
    choices: [present, absent]
    default: present
  provider:
    description:
      - The firewall to change.
      - V(auto) takes the one that runs, and refuses if two do.
    type: str
    choices: [auto, firewalld, ufw, nftables, iptables]
    default: auto
  outgoing:
    description:
      - Whether to permit what goes out.
      - V(auto) does so only where outgoing traffic is filtered.
    type: str
    choices: [auto, always, never]
    default: auto
  restrict:
    description:
      - Refuse everybody else on the service ports that come in, those that nobody may use included.
      - Port 22 and the port of the running connection are never refused.
      - Where no firewall runs, nobody can be refused, and the task fails.
    type: bool
    default: false
  allow_any:
    description:
      - Accept rules that are for every address of IPv4 or IPv6, be it in several networks that are everything
        together.
    type: bool
    default: false
  persist:
    description:
      - Keep the rules over a restart of the host or of its firewall.
      - firewalld and ufw know no other rules here, so theirs are always kept.
    type: bool
    default: true
  rollback_after:
    description:
      - Seconds after which the host restores its old rules, unless the change is confirmed over a new
        connection.
      - At most V(3600), the time that a mistake may lock the controller out.
      - V(0) turns the rollback off.
    type: int
    default: 30
  host:
    description:
      - The inventory name of the host that the rules are for.
      - The task fails where C(delegate_to) would bring the rules to another host, or C(run_once) would leave
        hosts out.
    type: str
  confirm:
    description:
      - The change to confirm, for internal use; the action plugin sets it over a new connection.
    type: str
seealso:
  - module: exasol_community.network.plan
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Open what the plan asks of this host
  exasol_community.network.firewall:
    rules: "{{ plan.hosts[inventory_hostname].rules }}"

- name: Open the database port for a network, and refuse everybody else there
  exasol_community.network.firewall:
    rules:
      - direction: in
        protocol: tcp
        ports: "8563"
        addresses: [192.0.2.0/24, "2001:db8::/64"]
        services: [sql_client]
    restrict: true

- name: Open what the plan asks of each node, from a play on another host
  exasol_community.network.firewall:
    host: "{{ item }}"
    rules: "{{ plan.hosts[item].rules }}"
  delegate_to: "{{ item }}"
  loop: "{{ groups.exasol_nodes }}"

- name: Restore the firewall to what it was
  exasol_community.network.firewall:
    state: absent
"""

RETURN = r"""
provider:
  description: The firewall that was changed, empty if none runs.
  returned: success
  type: str
  sample: nftables
commands:
  description: The steps to the new rules.
  returned: when a firewall runs
  type: list
  elements: str
  sample: [nft -f -]
rolled_back:
  description: When an earlier change was taken back by the host, because nobody confirmed it (UTC).
  returned: success
  type: str
  sample: '2026-11-23T05:00:49Z'
msg:
  description: Why nothing is to be opened, where no firewall runs or nftables filters nothing of what is
    planned.
  returned: when nothing is to be opened
  type: str
  sample: 'no firewall runs on this host: there is nothing to open'
confirmed:
  description: Whether a new connection confirmed the change.
  returned: changed, with O(rollback_after)
  type: bool
  sample: true
"""

import uuid

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.failures import failures_of
from ..module_utils._firewall.apply import Wish, change, confirm


def rule_options():
    """Return the suboptions of a rule."""
    return {
        "direction": {"type": "str", "choices": ["in", "out"], "required": True},
        "protocol": {"type": "str", "choices": ["tcp", "udp", "any"], "required": True},
        "ports": {"type": "raw", "required": True},
        "addresses": {"type": "list", "elements": "raw", "required": True},
        "services": {"type": "list", "elements": "str", "default": []},
    }


def options():
    """Return the module's options."""
    return {
        "rules": {"type": "list", "elements": "dict", "default": [], "options": rule_options()},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "provider": {
            "type": "str",
            "choices": ["auto", "firewalld", "ufw", "nftables", "iptables"],
            "default": "auto",
        },
        "outgoing": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
        "restrict": {"type": "bool", "default": False},
        "allow_any": {"type": "bool", "default": False},
        "persist": {"type": "bool", "default": True},
        "rollback_after": {"type": "int", "default": 30},
        "host": {"type": "str"},
        "confirm": {"type": "str"},
    }


def act(module):
    """Confirm a change, or make one; returns the result."""
    params = module.params
    if params["confirm"]:
        return {"changed": False, "confirmed": confirm(params["confirm"])}
    wish = Wish(
        params["rules"],
        params["state"] == "present",
        params["provider"],
        params["outgoing"],
        params["restrict"],
        params["persist"],
        params["rollback_after"],
        params["allow_any"],
    )
    return change(wish, uuid.uuid4().hex[:12], module.check_mode)


def main():
    """Run the module."""
    module = AnsibleModule(argument_spec=options(), supports_check_mode=True)
    with failures_of(module):
        result = act(module)
        for warning in result.pop("warnings", []):
            module.warn(warning)
        module.exit_json(**result)


if __name__ == "__main__":
    main()
