#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: firewall
short_description: Open the planned ports in the host's firewall
version_added: 0.1.0
description:
  - Makes the host's firewall accept exactly the given rules, in one object of its own, and changes no rule of
    others.
  - Removes rules that are no longer given.
  - Names the live connections that a change refuses, and with O(restrict) refuses none without O(cut).
  - Names what other programs or users did to its rules since the last change.
  - Never enables or disables a firewall and never changes a default policy. If no firewall runs, nothing is
    changed.
  - "Every change has to be confirmed: the host starts a timer that restores the old rules, and only a new
    connection from the controller stops it. So a mistake that locks the controller out ends by itself."
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
      - It refuses a host with a connection of network devices, and a host with the connection C(local) none
        of whose addresses is the controller's. There the controller would change its own firewall.
options:
  rules:
    description:
      - The traffic to accept, as RV(exasol_community.network.plan#module:hosts) has it for each host under
        C(rules).
    type: list
    elements: dict
    default: []
    suboptions:
      direction:
        description: V(in) for incoming traffic, V(out) for outgoing traffic.
        type: str
        choices: [in, out]
        required: true
      protocol:
        description: The protocol; V(any) accepts all traffic from or to the addresses.
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
          - Remote addresses, networks or DNS names.
          - Names are resolved on the host.
          - A network with host bits set, such as V(192.0.2.21/24), is refused, because it can be read in two
            ways.
          - With an empty list nobody is accepted, and O(restrict) rejects everybody on the ports.
        type: list
        elements: raw
        required: true
      services:
        description: Names of the services, for the comment.
        type: list
        elements: str
        default: []
  state:
    description:
      - V(present) makes the firewall hold exactly the rules.
      - V(absent) removes everything that this module has made.
      - V(query) changes nothing, reads no firewall and needs no root. It returns when other runs have changed
        the host's firewall with this module (RV(confirmed_epoch), RV(unsettled_epoch)).
    type: str
    choices: [present, absent, query]
    default: present
  provider:
    description:
      - The firewall to change.
      - V(auto) takes the one that runs, and fails if several do.
    type: str
    choices: [auto, firewalld, ufw, iptables, nftables]
    default: auto
  outgoing:
    description:
      - Whether to open outgoing traffic.
      - V(auto) opens it only if the firewall filters outgoing traffic.
    type: str
    choices: [auto, always, never]
    default: auto
  restrict:
    description:
      - V(true) rejects everybody else on the ports of incoming rules, including rules with no addresses.
      - V(observe) rejects nobody. It counts the new connections that V(true) would refuse and that get
        through today, by remote address and port; RV(observed) has the counters.
      - V(observe) needs C(nft) beside every firewall, for the set of addresses that it counts in. It stands
        in a table of its own, C(inet exasol_network_observed).
      - Port 22 and the port of the running connection are never restricted.
      - If no firewall runs, nothing can be rejected, and V(true) and V(observe) fail.
      - A boolean or V(observe). Booleans may also be text, such as V(yes), because C(-e name=value) passes
        text.
    type: raw
    default: false
  allow_any:
    description:
      - Allow rules for every address of IPv4 or IPv6.
      - Several networks count as every address if they are together.
    type: bool
    default: false
  cut:
    description:
      - Accept that O(restrict) refuses addresses with live connections.
      - Without it, such a change fails and nothing is changed. RV(cut) lists the connections in either case.
      - Changes without O(restrict), such as O(state=absent), never fail for this reason. They warn.
    type: bool
    default: false
  persist:
    description:
      - Keep the rules when the host or its firewall restarts.
      - Rules of firewalld and ufw are always kept.
    type: bool
    default: true
  rollback_after:
    description:
      - Seconds after a change until the host rolls it back, unless it is confirmed over a new connection.
      - The time starts when the change is complete, unless the module dies or takes more than 15 minutes.
      - At most V(3600), because a mistake may lock the controller out until then.
      - V(0) turns the rollback off.
    type: int
    default: 30
  host:
    description:
      - The inventory name of the host that the rules are for.
      - The task fails if C(delegate_to) would apply the rules to another host, or C(run_once) would leave
        hosts out.
    type: str
  hold_for:
    description:
      - Seconds for which a change awaits O(confirm) or O(roll_back), at most V(3600). They start when a new
        connection has shown that the host is still reachable.
      - The host rolls the change back if neither comes in time.
      - V(0) lets that new connection confirm the change.
    type: int
    default: 0
  confirm:
    description:
      - The change to confirm, as RV(held) names it.
      - If the change is not held, the action plugin sets it over a new connection.
    type: str
  roll_back:
    description:
      - The change to roll back now, as RV(held) names it.
    type: str
  hold:
    description:
      - The change to hold for O(hold_for) seconds, for internal use.
      - The action plugin sets it over a new connection.
    type: str
seealso:
  - module: exasol_community.network.plan
  - module: exasol_community.network.confirmation
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Open the planned ports of this host
  exasol_community.network.firewall:
    rules: "{{ plan.hosts[inventory_hostname].rules }}"

- name: Open the database port for a network, and reject everybody else
  exasol_community.network.firewall:
    rules:
      - direction: in
        protocol: tcp
        ports: "8563"
        addresses: [192.0.2.0/24, "2001:db8::/64"]
        services: [sql_client]
    restrict: true

- name: Count who would be rejected, and reject nobody
  exasol_community.network.firewall:
    rules: "{{ plan.hosts[inventory_hostname].rules }}"
    restrict: observe

- name: Reject everybody else, also those who are connected now
  exasol_community.network.firewall:
    rules: "{{ plan.hosts[inventory_hostname].rules }}"
    restrict: true
    cut: true

- name: Open the planned ports of each node, from a play on another host
  exasol_community.network.firewall:
    host: "{{ item }}"
    rules: "{{ plan.hosts[item].rules }}"
  delegate_to: "{{ item }}"
  loop: "{{ groups.exasol_nodes }}"

- name: Remove all rules of this module
  exasol_community.network.firewall:
    state: absent
"""

RETURN = r"""
provider:
  description: The firewall that the rules belong to, empty if none runs.
  returned: success
  type: str
  sample: nftables
commands:
  description: The steps of the change.
  returned: when a firewall runs
  type: list
  elements: str
  sample: [nft -f -]
cut:
  description:
    - Live connections that the change refuses, or would refuse in check mode.
    - Connections on loopback are left out. UDP is seen on connected sockets, and as tracked flows if the
      kernel has C(/proc/net/nf_conntrack).
  returned: when a firewall runs
  type: dict
  contains:
    remotes:
      description: The number of remote addresses.
      type: int
      sample: 1
    connections:
      description: The number of connections.
      type: int
      sample: 12
    flows:
      description: At most 1000 flows, those with most connections first.
      type: list
      elements: dict
      contains:
        remote:
          description: The remote address.
          type: str
          sample: 192.0.2.99
        direction:
          description: V(in) if the remote host began the connection, V(out) if this host did.
          type: str
          sample: in
        protocol:
          description: V(tcp) or V(udp).
          type: str
          sample: tcp
        port:
          description: The port of the destination.
          type: int
          sample: 8563
        services:
          description:
            - The services of the rule that names the port. If that rule names several, it is one of them.
          type: list
          elements: str
          sample: [sql_client]
        connections:
          description: The number of connections.
          type: int
          sample: 12
        certain:
          description: V(false) if rules of others, which cannot be evaluated, may still accept the flow.
          type: bool
          sample: true
        open_connections:
          description:
            - What becomes of the connections that are open now.
            - V(continue) if the firewall accepts established connections, so only new ones are refused.
            - V(end) if it does not, so they are cut at once.
            - V(unknown) if the rules of others cannot be evaluated, or if the kernel does not track these
              connections yet.
          type: str
          sample: continue
observed:
  description:
    - Whom O(restrict=true) would have refused since counting began.
    - Connections that were open before are not counted; RV(cut) names them when the restriction is made.
    - A change after which more would be refused begins to count anew, and so does a restart of the host.
      Any other change goes on counting, and leaves out what it permits.
  returned: with O(restrict=observe), and when what it made is removed
  type: dict
  contains:
    status:
      description:
        - V(counted) if the host counted before this task.
        - V(begins) if counting begins with this task, or would begin in check mode.
        - V(nothing) if O(restrict=true) would refuse nothing.
      type: str
      sample: counted
    since:
      description: When counting began (UTC), empty if it has not begun.
      type: str
      sample: '2026-11-23T05:00:49Z'
    remotes:
      description: The number of remote addresses.
      type: int
      sample: 1
    connections:
      description: The number of connections. Of UDP, flows as the kernel tracks them are counted.
      type: int
      sample: 412
    unnamed:
      description: The connections among them whose addresses are not known, because there was no room.
      type: int
      sample: 0
    flows:
      description:
        - At most 1000 flows, those with most connections first.
        - The host remembers 1000 of each protocol and IP version.
      type: list
      elements: dict
      contains:
        remote:
          description: The remote address.
          type: str
          sample: 192.0.2.99
        protocol:
          description: V(tcp) or V(udp).
          type: str
          sample: tcp
        port:
          description: The port of this host.
          type: int
          sample: 8563
        services:
          description: The services that have this port. If several are possible, it is one of them.
          type: list
          elements: str
          sample: [sql_client]
        connections:
          description: The number of connections.
          type: int
          sample: 412
    gaps:
      description:
        - Why RV(observed.flows) may not list everybody whom O(restrict=true) would have refused.
        - V(no_room) if the host could not remember all addresses, V(too_many) if the list was shortened,
          V(changed) if others changed the rules that count, V(wider) if more would be refused now than was
          counted.
      type: list
      elements: str
      sample: []
    complete:
      description: Whether RV(observed.flows) lists everybody, so whether RV(observed.gaps) is empty.
      type: bool
      sample: true
    text:
      description: The same in a sentence.
      type: str
      sample: >-
        in 7 days (since 2026-11-23T05:00:49Z) nobody but 192.0.2.99 -> tcp 8563 (sql_client, 412 connections)
        would have been refused
drift:
  description: How the rules on the host differed from the plan before this task.
  returned: success, when a firewall runs
  type: dict
  contains:
    since:
      description:
        - When our rules were confirmed, or made without confirmation, most recently (UTC).
        - After a restart of the host, when the files with our rules were written (firewalld, nftables).
        - Empty if there are none of ours, or the host does not know.
      type: str
      sample: '2026-11-23T05:00:49Z'
    missing:
      description: Planned rules that the host did not have, at most 1000.
      type: list
      elements: str
      sample: ['accept in tcp 8563 from 192.0.2.21  # sql_client']
    extra:
      description: Rules of ours that are no longer planned, at most 1000.
      type: list
      elements: str
      sample: []
    foreign:
      description: What another program or user did to our rules.
      type: list
      elements: dict
      contains:
        code:
          description:
            - V(chain_gone) if a file has our rules, and the running firewall has not.
            - V(jump_gone) if no rule leads to ours.
            - V(not_first) if rules of others decide before ours.
            - V(changed) if there are more or fewer rules among ours, or others, or if ours no longer see all
              packets.
          type: str
          sample: not_first
        where:
          description: The chain, policy or file.
          type: str
          sample: chain inet filter input
        text:
          description: The change in words.
          type: str
          sample: 1 rule stands in chain inet filter input before ours and decides first
rolled_back:
  description: When the host rolled back an earlier change that nobody confirmed (UTC), otherwise empty.
  returned: success
  type: str
  sample: '2026-11-23T05:00:49Z'
rolled_back_because:
  description: V(unconfirmed), or V(measured) if a measurement spoke against that change; empty if
    RV(rolled_back) is.
  returned: success
  type: str
  sample: unconfirmed
rolled_back_epoch:
  description: When that was, by the clock of the controller, in seconds since 1970.
  returned: success, when RV(rolled_back) is not empty
  type: float
  sample: 1796000000.5
confirmed_epoch:
  description:
    - When the last change before this one was confirmed, or made without a rollback, by the clock of the
      controller, in seconds since 1970.
    - The host forgets it when it restarts.
  returned: success, when the host knows it
  type: float
  sample: 1796000000.5
unsettled_epoch:
  description:
    - When a change was rolled back, by the clock of the controller, in seconds since 1970.
    - This moment, if a change may still await its confirmation.
  returned: success with O(state=query), unless every change was confirmed
  type: float
  sample: 1796000000.5
changed_rules:
  description:
    - The rules that the change adds and removes.
    - C(effect) has the ports for which that changes anything, V(any) for rules of all protocols. It is empty
      if another rule does the same after the change, or did so before it.
  returned: when a firewall runs
  type: list
  elements: dict
  sample:
    - change: added
      action: reject
      direction: in
      version: 4
      protocol: tcp
      ports: '8563'
      effect: '8563'
      text: reject in tcp 8563 from anybody (IPv4)
hold_for:
  description: The value of O(hold_for).
  returned: changed, with O(hold_for)
  type: int
  sample: 75
held:
  description: The change that awaits O(confirm) or O(roll_back).
  returned: changed, with O(hold_for)
  type: str
  sample: 5b0e6f3c9d21
msg:
  description: Why there is nothing to open, because no firewall runs or nftables drops nothing of it.
  returned: when there is nothing to open
  type: str
  sample: 'no firewall runs on this host: there is nothing to open'
is_reached:
  description: Whether the host was reached and could not do what it was told, rather than not reached.
  returned: failed, with O(confirm), O(roll_back) or O(hold)
  type: bool
  sample: true
confirmed:
  description: Whether the change was confirmed.
  returned: changed, with O(rollback_after), or with O(confirm)
  type: bool
  sample: true
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

# First, and unused: what is imported after it is compiled once.
from ..module_utils._ansible import archive  # noqa: F401  # pylint: disable=unused-import
from ..module_utils._ansible.failures import failures_of
from ..module_utils._firewall.apply import Options, change, confirm, hold, query, roll_back
from ..module_utils._firewall.detect import AUTO
from ..module_utils._firewall.providers import PROVIDERS
from ..module_utils._firewall.restrict import OBSERVE, RESTRICTED, read_restrict

if t.TYPE_CHECKING:
    from ..module_utils._shapes import (
        FirewallConfirmation,
        FirewallHold,
        FirewallQuery,
        FirewallResult,
        FirewallRollback,
    )


def rule_options() -> t.Dict[str, t.Any]:
    """Return the suboptions of a rule."""
    return {
        "direction": {"type": "str", "choices": ["in", "out"], "required": True},
        "protocol": {"type": "str", "choices": ["tcp", "udp", "any"], "required": True},
        "ports": {"type": "raw", "required": True},
        "addresses": {"type": "list", "elements": "raw", "required": True},
        "services": {"type": "list", "elements": "str", "default": []},
    }


def options() -> t.Dict[str, t.Any]:
    """Return the module's options."""
    providers = [AUTO, *(firewall.name for firewall in PROVIDERS)]
    return {
        "rules": {"type": "list", "elements": "dict", "default": [], "options": rule_options()},
        "state": {"type": "str", "choices": ["present", "absent", "query"], "default": "present"},
        "provider": {"type": "str", "choices": providers, "default": AUTO},
        "outgoing": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
        "restrict": {"type": "raw", "default": False},
        "allow_any": {"type": "bool", "default": False},
        "cut": {"type": "bool", "default": False},
        "persist": {"type": "bool", "default": True},
        "rollback_after": {"type": "int", "default": 30},
        "host": {"type": "str"},
        "hold_for": {"type": "int", "default": 0},
        "confirm": {"type": "str"},
        "roll_back": {"type": "str"},
        "hold": {"type": "str"},
    }


def act(
    params: t.Mapping[str, t.Any], check_mode: bool
) -> "t.Union[FirewallResult, FirewallQuery, FirewallConfirmation, FirewallHold, FirewallRollback]":
    """Confirm a change, hold it, roll it back, or make one, or look who did; return the result."""
    if params["confirm"]:
        return {"changed": False, "confirmed": not check_mode and confirm(params["confirm"])}
    if params["hold"]:
        return {"changed": False, "is_held": not check_mode and hold(params["hold"], params["hold_for"])}
    if params["roll_back"]:
        if not check_mode:
            roll_back(params["roll_back"])
        return {"changed": True, "is_rolled_back": not check_mode}
    if params["state"] == "query":
        return query()
    restrict = read_restrict(params["restrict"])
    wanted = Options(
        rules=params["rules"],
        present=params["state"] == "present",
        provider=params["provider"],
        outgoing=params["outgoing"],
        restrict=restrict == RESTRICTED,
        observe=restrict == OBSERVE,
        persist=params["persist"],
        rollback_after=params["rollback_after"],
        allow_any=params["allow_any"],
        cut=params["cut"],
        hold_for=params["hold_for"],
    )
    return change(wanted, identity=os.urandom(6).hex(), dry=check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=options(), supports_check_mode=True)
    with failures_of(module):
        result: t.Dict[str, t.Any] = dict(act(module.params, module.check_mode))
        for warning in result.pop("warnings", []):
            module.warn(warning)
        stopped = result.pop("stopped", "")
        if stopped:
            module.fail_json(msg=stopped, **result)
        module.exit_json(**result)


if __name__ == "__main__":
    main()
