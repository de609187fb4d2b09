#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: listener
short_description: Run a temporary listener that proves ports are reachable
version_added: 0.1.0
description:
  - Starts one process that listens on all given ports, TCP and UDP, IPv4 and IPv6, and proves to
    M(exasol_community.network.probe) that it is this very host.
  - The process ends after O(ttl). It closes its ports earlier, after O(idle) seconds without a sign of the
    run. Both happen even if the controller is gone.
  - It proves itself only to those who know the run's O(token), and exchanges one line for each connection. To
    all other TCP connections it answers that it is a listener and not a service, so that
    M(exasol_community.network.probe) does not report one.
  - Ports that are in use are left alone, and RV(holders) reports what holds them. So are ports whose service
    listens only on a loopback address.
  - Runs of the same user at the same time share the process. No run closes the ports of another.
  - The module opens the ports. If root starts the process, it continues as the user with uid 65534 (nobody).
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._planned
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
      - V(present) listens, V(absent) ends what this run started with its O(token).
      - V(query) does not listen. It returns what holds the ports of O(endpoints), and ends listeners of
        interrupted runs, those of this user, or of all users for root.
      - A run counts as interrupted if it gave no sign for a fifth of its O(idle).
    type: str
    choices: [present, absent, query]
    default: present
  host:
    description:
      - The name with which the listener answers, usually C(inventory_hostname).
    type: str
    required: true
  token:
    description:
      - The token of the run, at least 16 random characters.
      - Required unless O(state=query).
    type: str
  endpoints:
    description:
      - Where to listen with O(state=present), and which ports to look at with O(state=query).
      - If the list is empty, no process is started.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: An address of this host, or a name of this host, which means all its addresses.
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
      behind:
        description:
          - The host's own addresses, if O(endpoints[].address) may be that of a NAT device in front of it.
          - If the host does not have O(endpoints[].address), the module uses these addresses instead, and
            reports what it finds there as that of O(endpoints[].address).
        type: list
        elements: str
  ttl:
    description:
      - Seconds after which the listener ends, at most 14400 (4 hours).
    type: int
    default: 1800
  least_ttl:
    description:
      - Seconds that the listener lives at least, if O(ttl) is less.
    type: int
    default: 0
  idle:
    description:
      - Seconds without a sign of the run after which the listener closes its ports, even before O(ttl).
      - A sign is a connection of M(exasol_community.network.probe) with this O(token), or a call of this
        module. After an interrupted run, a database gets its ports back after this time.
    type: int
    default: 300
  capture:
    description:
      - Also record which connections arrived and which answers left, seen outside of this host's own packet
        filter. O(state=absent) returns it.
      - Needs root. Only port numbers and pairs of addresses are recorded, no packets and no contents.
    type: bool
    default: false
  remotes:
    description:
      - Addresses of other hosts that connect to this one. O(state=absent) returns in RV(kernel) which of them
        this host could not answer. DNS names and networks are ignored.
    type: list
    elements: str
    default: []
  waited:
    description:
      - With O(state=absent), the seconds at the end in which the run had no use for its ports, because it
        waited for idle connections (M(exasol_community.network.idle_wait)).
      - If the listener has closed its ports only then, RV(stepped_aside) is not returned.
    type: float
    default: 0
  run:
    description:
      - The run that the result belongs to, RV(exasol_community.network.plan#module:run).
      - M(exasol_community.network.verdict) ignores results of other runs, such as one that was registered
        earlier in the same playbook.
    type: str
    default: ''
  addresses:
    description:
      - The addresses of this host in the plan, also external ones, to check whether the module really runs
        there, and which of them are its own.
      - Names are resolved on the machine. A name counts as the machine's own if one of its addresses is, or
        if it is the machine's host name.
    type: list
    elements: str
    default: []
seealso:
  - module: exasol_community.network.probe
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Listen on the database port
  exasol_community.network.listener:
    host: "{{ inventory_hostname }}"
    token: "{{ run_token }}"
    endpoints:
      - {address: 192.0.2.11, ports: 8563}

- name: Listen where the plan of a large site says
  exasol_community.network.listener:
    host: "{{ inventory_hostname }}"
    token: "{{ run_token }}"
    plan_in: plan

- name: Show what holds the database port
  exasol_community.network.listener:
    state: query
    host: "{{ inventory_hostname }}"
    endpoints:
      - {address: 192.0.2.11, ports: 8563}

- name: End the listener
  exasol_community.network.listener:
    state: absent
    host: "{{ inventory_hostname }}"
    token: "{{ run_token }}"
"""

RETURN = r"""
listening:
  description: Where the listener listens.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '8563,20000-21000'}]
in_use:
  description: Ports that are in use by something else.
  returned: O(state=present) and O(state=query)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '2580'}]
denied:
  description: Ports that this user may not listen on.
  returned: O(state=present)
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, protocol: tcp, ports: '22'}]
holders:
  description:
    - What holds ports, one entry for all ports of an address that the same kind of holder has.
    - Ports that are in RV(listening) too belong to a service that listens only on other addresses of the
      host.
  returned: O(state=present) and O(state=query)
  type: list
  elements: dict
  contains:
    address:
      description: The address of O(endpoints).
      type: str
      returned: success
      sample: 192.0.2.11
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: success
      sample: tcp
    ports:
      description: The ports.
      type: str
      returned: success
      sample: '8563'
    by:
      description:
        - V(service) is a service that listens there, V(listener) a listener of another run, V(connection) a
          connection of this host with this local port. V(unknown) is anything else, which does not listen.
      type: str
      returned: success
      sample: service
    at:
      description: The addresses on which it listens.
      type: list
      elements: str
      returned: success
      sample: [127.0.0.1]
leftovers:
  description: The listeners of other runs, and of other hosts of this run, that hold any of the ports.
  returned: O(state=present) and O(state=query)
  type: list
  elements: dict
  contains:
    pid:
      description: The process ID.
      type: int
      returned: success
      sample: 4711
    uid:
      description: The user who started it.
      type: int
      returned: success
      sample: 0
    user:
      description: That user's name.
      type: str
      returned: success
      sample: root
    host:
      description: The host for which it answers.
      type: str
      returned: success
      sample: n11
    age_s:
      description: Seconds since it was started.
      type: int
      returned: success
      sample: 190
    quiet_s:
      description: Seconds since the last sign of a run.
      type: int
      returned: success
      sample: 185
    left_s:
      description: Seconds until it closes its ports, unless a run gives another sign.
      type: int
      returned: success
      sample: 115
    ended:
      description: Whether this module ended it, because its run seems to have been interrupted.
      type: bool
      returned: success
      sample: true
    same_run:
      description: Whether it belongs to the same run, for another host, so that both hosts are one machine.
      type: bool
      returned: O(state=present)
      sample: false
    ports:
      description: The ports of O(endpoints) that it held.
      type: list
      elements: dict
      returned: success
      sample: [{address: 192.0.2.11, protocol: tcp, ports: '8563,20000-21000'}]
addresses:
  description: The addresses of the host's interfaces.
  returned: >-
    O(state=query); O(state=present) if O(endpoints) has a name, because the listener then listens on all
    addresses, or addresses that the host need not have itself (C(behind)), or on failure
  type: list
  elements: str
  sample: [127.0.0.1, 192.0.2.11]
note:
  description: Why the process is still root.
  returned: if root started it and it cannot become another user
  type: str
  sample: 'the listener stays root, because it cannot become user 65534: Invalid argument'
capture:
  description: What was seen, as RV(exasol_community.network.probe#module:capture) describes it.
  returned: O(state=absent) of a listener with O(capture=true)
  type: dict
  sample:
    complete: true
    seen:
      - {address: 192.0.2.11, remote: 192.0.2.21, protocol: tcp, asked_in: '8563', answered_out: '8563'}
run:
  description: The run that was given.
  returned: with O(run)
  type: str
  sample: 5b0e6f3c9d21
machine:
  description: The machine that the module ran on.
  returned: with O(addresses), unless O(state=absent)
  type: dict
  contains:
    identity:
      description: A name that no other machine or network namespace has, empty if it is not known.
      type: str
      returned: success
      sample: 8e2c1fd6a05b7730
    own:
      description: Those of O(addresses) that are the machine's own.
      type: list
      elements: str
      returned: success
      sample: [192.0.2.11]
kernel:
  description:
    - What the kernel of the host counted while the run lasted, as
      RV(exasol_community.network.probe#module:kernel) describes it.
    - C(ways) has the ways from O(addresses) to O(remotes) that do not work, or leave by another interface.
  returned: O(state=absent), if this run had a listener
  type: dict
  sample:
    grown: {IPReversePathFilter: 12}
    ways: [{remote: 192.0.2.21, at: 198.51.100.11, problem: other_interface, interface: eth1}]
idle_connections:
  description:
    - How long connections of this host may be idle, one entry for each destination and address on which the
      probe of this run held some (O(exasol_community.network.probe#module:idle)).
  returned: O(state=absent), if the probe held any
  type: list
  elements: dict
  contains:
    destination:
      description: The destination's name.
      type: str
      returned: success
      sample: n12
    address:
      description: The destination's address.
      type: str
      returned: success
      sample: 192.0.2.12
    checks:
      description:
        - One entry for each duration, C(seconds). C(source_first) is what became of the connection over which
          this host spoke first after that time, C(destination_first) that of the other one.
        - V(lived) if the answer came. V(silence) if what was sent vanished, V(no_reply) if it arrived and the
          reply vanished, and V(reset) if the connection was reset, but not by the other end - C(after_s) says
          when. All three are confirmed over a connection that was used all the time and still works.
        - Otherwise it was not measured - V(waiting) if the duration was not over, V(no_answer) if no
          connection came about, V(listener_ended), or V(no_control) if the connection in use failed as well.
      type: list
      elements: dict
      returned: success
      sample:
        - {seconds: 60, source_first: lived, destination_first: lived}
        - {seconds: 350, source_first: silence, destination_first: silence}
stepped_aside:
  description: Whether the listener had closed its ports, because this run gave no sign for O(idle) seconds.
  returned: O(state=absent), if it had
  type: bool
  sample: true
stalled_s:
  description:
    - The longest time in seconds for which the listener answered nothing during the run, because the host is
      too busy or the process was stopped. What a probe did not hear from it meanwhile proves nothing.
  returned: O(state=absent), if it was at least a second
  type: float
  sample: 4.2
pid:
  description: The process ID of the listener.
  returned: O(state=present), except in check mode
  type: int
  sample: 4711
"""

from typing import TYPE_CHECKING, Any, Dict

from ansible.module_utils.basic import AnsibleModule

# First, and unused: what is imported after it is compiled once.
from ..module_utils._ansible import archive  # noqa: F401  # pylint: disable=unused-import
from ..module_utils._ansible.failures import failures_of
from ..module_utils._ansible.options import target_options
from ..module_utils._ansible.planned import planned_options, unpacked
from ..module_utils._kernel import machine
from ..module_utils._kernel.own_addresses import of_interfaces
from ..module_utils._listener import idle_results
from ..module_utils._listener.dialogue import DEFAULT_IDLE
from ..module_utils._listener.release import absent
from ..module_utils._values.errors import NetworkError

if TYPE_CHECKING:
    from ..module_utils._shapes import ListenerResult

MAX_TTL = 14400


def check(params: Dict[str, Any]) -> None:
    """Raise if an option cannot be used."""
    if not 1 <= params["ttl"] <= MAX_TTL:
        raise NetworkError(f"ttl {params['ttl']} is out of range: expected 1 to {MAX_TTL} seconds")
    if params.get("least_ttl", 0) > MAX_TTL:
        raise NetworkError(f"least_ttl {params['least_ttl']} is too long: expected at most {MAX_TTL} seconds")
    if params.get("idle", 1) < 1:
        raise NetworkError(f"idle {params['idle']} is too short: expected at least 1 second")
    if not params["host"]:
        raise NetworkError("host is empty: expected the name with which the listener answers")


def act(params: Dict[str, Any], dry: bool) -> "ListenerResult":
    """Bring about the state, and return the result."""
    if params["state"] == "absent":
        result = absent(
            params["host"],
            params["token"],
            dry=dry,
            remotes=params["remotes"],
            addresses=params["addresses"],
            waited=params["waited"],
        )
        found = None if dry else idle_results.collect(params["host"], params["token"])
        if found is not None:
            result["idle_connections"] = found
        return result
    from ..module_utils._listener import control

    if params["state"] == "query":
        return control.query(params["host"], params["endpoints"], dry=dry)
    return control.present(
        params["host"],
        params["token"],
        params["endpoints"],
        max(params["ttl"], params["least_ttl"]),
        dry=dry,
        capture=params["capture"],
        idle=params["idle"],
    )


def main() -> None:
    """Run the module."""
    options = {
        "state": {"type": "str", "choices": ["present", "absent", "query"], "default": "present"},
        "host": {"type": "str", "required": True},
        "token": {"type": "str", "no_log": True},
        "endpoints": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": dict(
                target_options(),
                address={"type": "str", "required": True},
                behind={"type": "list", "elements": "str"},
            ),
        },
        "ttl": {"type": "int", "default": 1800},
        "least_ttl": {"type": "int", "default": 0},
        "idle": {"type": "int", "default": DEFAULT_IDLE},
        "capture": {"type": "bool", "default": False},
        "remotes": {"type": "list", "elements": "str", "default": []},
        "waited": {"type": "float", "default": 0},
    }
    options.update(machine.options())
    options.update(planned_options())
    module = AnsibleModule(
        argument_spec=options,
        supports_check_mode=True,
        required_if=[("state", "present", ["token"]), ("state", "absent", ["token"])],
    )
    with failures_of(module):
        params = unpacked(module, ("endpoints", "remotes", "addresses"))
    origin = machine.origin(params["run"], [] if params["state"] == "absent" else params["addresses"])
    about: Dict[str, Any] = dict(origin)
    if params["state"] == "present":
        # An address that is not the host's is why a listener fails, and what answers there is another's.
        about["addresses"] = sorted(of_interfaces())
    with failures_of(module, **about):
        check(params)
        result = act(params, dry=module.check_mode)
        if any(entry.get("behind") for entry in params["endpoints"]) and "addresses" in about:
            # Another host may have an address that a NAT device is believed to have for this one.
            result.setdefault("addresses", about["addresses"])
        if result.get("note"):
            module.warn(result["note"])
        module.exit_json(**dict(origin, **result))


if __name__ == "__main__":
    main()
