#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: confirmation
short_description: Decide by measurement whether a change of firewalls is confirmed
version_added: 0.1.0
description:
  - The role P(exasol_community.network.firewall#role) uses it with C(exasol_firewall_confirm=measured). It
    measures before and after a change that the hosts hold
    (O(exasol_community.network.firewall#module:hold_for)), and this module compares.
  - The change is to be confirmed on all hosts if every port that was reached before is reached after it, and
    to be rolled back on all hosts otherwise. What was not measured again counts as not reached.
  - Ports that were not reached before do not count against the change.
  - Run it once for all hosts, not once for each.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._attributes.controller
attributes:
  platform:
    support: full
    platforms: all
options:
  step:
    description:
      - V(before) keeps what a measurement before the change shows.
      - V(decide) compares it with the measurement after the change.
      - V(end) says how it ended on each host. It fails if the change was rolled back, or if hosts differ.
      - V(reuse) says whether a later verification may take the measurement after the change in place of its
        own. It may if it would measure the same hosts with the same plan and variables, if no host failed
        since, if the role P(exasol_community.network.firewall#role) ran on none of them since, and if the
        measurement is no older than 900 seconds.
    type: str
    choices: [before, decide, end, reuse]
    required: true
  verification:
    description:
      - What M(exasol_community.network.verdict) returned.
      - With V(decide), the one from before the change (RV(run)) counts as missing.
    type: dict
  begun:
    description: When the measurement before the change began, in seconds since 1970. Required for V(before).
    type: float
  absent:
    description:
      - The hosts that the last measurement did not reach.
      - With V(decide), such a host speaks against the change if it holds it.
    type: list
    elements: str
    default: []
  before:
    description: What V(before) returned. Required for V(decide).
    type: dict
  changes:
    description: What M(exasol_community.network.firewall) returned for the change, by host.
    type: dict
    default: {}
  holding:
    description:
      - What M(exasol_community.network.firewall) returned after the second measurement for
        O(exasol_community.network.firewall#module:hold), by host.
      - With V(decide), a changed host that does not hold its change any more speaks against it.
      - Without this option, hosts count as holding their changes.
    type: dict
  unchanged:
    description:
      - What M(exasol_community.network.firewall) returned after the second measurement for
        O(exasol_community.network.firewall#module:state=query) on hosts that hold no change, because they
        needed none or because this run leaves their firewall as it is, by host.
      - With V(decide), a change of another run there that was rolled back since the first measurement began,
        or that awaits its confirmation, speaks against the change of this run.
      - If another run confirmed a change there, it is named, because it may have broken a flow, and
        RV(is_measured) is false.
    type: dict
    default: {}
  decision:
    description: What V(decide) returned. Required for V(end).
    type: dict
  settled:
    description: What M(exasol_community.network.firewall) returned for
      O(exasol_community.network.firewall#module:confirm) or
      O(exasol_community.network.firewall#module:roll_back), by host.
    type: dict
    default: {}
  kept:
    description:
      - What each host has of the measurement after its change. Required for V(reuse).
      - This is its run (C(run)), its date (C(created)), the run of the plan of the change (C(plan)), its
        C(hosts), the C(digest) of its plan, and what V(end) returned as RV(monotonic). One without a date
        counts as too old.
    type: dict
  plans:
    description: The run of the plan of the last change, by host, with V(reuse).
    type: dict
    default: {}
  hosts:
    description: The hosts of the verification, with V(reuse).
    type: list
    elements: str
    default: []
  digest:
    description: The RV(exasol_community.network.plan#module:digest) of the verification, with V(reuse).
    type: str
    default: ''
seealso:
  - module: exasol_community.network.firewall
  - module: exasol_community.network.verdict
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Keep what works before the change
  exasol_community.network.confirmation:
    step: before
    verification: "{{ exasol_verification }}"
    begun: "{{ begun }}"
  register: before
  run_once: true

- name: Decide on the change
  exasol_community.network.confirmation:
    step: decide
    before: "{{ before }}"
    verification: "{{ exasol_verification }}"
    changes: "{{ ansible_play_hosts_all | exasol_community.network.registered(hostvars, 'change') }}"
  register: decision
  run_once: true
"""

RETURN = r"""
parts:
  description: What was reached before the change, by source, destination, address and service.
  returned: with V(before), unless it is in RV(packed)
  type: list
  elements: dict
wrong:
  description: Source, destination, service and expectation of each flow that was not ok before the change.
  returned: with V(before), unless it is in RV(packed)
  type: list
  elements: list
packed:
  description:
    - RV(parts) and RV(wrong) as one text, JSON - zlib (RFC 1950), in Base64 (RFC 4648) -, because Ansible
      copies each value of a result several times.
  returned: with V(before), if they are more than 4 KiB
  type: str
  sample: eJyrVipILCopVrKKjtVRKi/Kz0sHMqOVknMyU/NKlHSU8gyNgGRxYU48XKgoNTE5IzEpJ1UpNrYWAKyKFUk=
absent:
  description: The hosts that the measurement before the change did not reach.
  returned: with V(before)
  type: list
  elements: str
begun:
  description: When the measurement before the change began, in seconds since 1970.
  returned: with V(before)
  type: float
  sample: 1796000000.0
at:
  description: When the measurement before the change ended, in seconds since 1970.
  returned: with V(before)
  type: float
  sample: 1796000000.5
monotonic:
  description:
    - When the step ended, in seconds of a clock of the controller that nobody can set.
    - If RV(at) does not agree with it when the change is decided on, the clock of the controller has jumped,
      and this speaks against the change.
  returned: with V(before) and V(end)
  type: float
  sample: 12345.5
hold_for:
  description: Seconds for which hosts have to hold the change; with V(decide), the most for which one does.
  returned: with V(before) and V(decide)
  type: int
  sample: 78
run:
  description:
    - The run of the verification; with V(end), of the one that shows the present state.
    - It is empty with V(end) if none is known to do so, because meanwhile the change of another run was
      rolled back or confirmed on a host.
  returned: with V(before) and V(end)
  type: str
  sample: 5b0e6f3c9d21
verdict:
  description: V(confirm), V(roll_back), or V(nothing) if no host was changed.
  returned: with V(decide)
  type: str
  sample: confirm
headline:
  description: The decision in one sentence.
  returned: with V(decide)
  type: str
  sample: >-
    The change is confirmed on n11, n12: all 12 flows that worked before it work; 3 that failed before work
    now, 0 are not ok.
broken:
  description: What was reached before the change and not after it.
  returned: with V(decide)
  type: list
  elements: dict
lines:
  description: A sentence for each group of broken flows, with the rules of the change that are about them.
  returned: with V(decide)
  type: list
  elements: str
is_measured:
  description:
    - Whether the last measurement shows what is in force if the decision is carried out.
    - It may not if meanwhile the change of another run was rolled back or confirmed on a host.
  returned: with V(decide)
  type: bool
  sample: true
held:
  description: The hosts that hold the change.
  returned: with V(decide)
  type: list
  elements: str
msg:
  description: How it ended; with V(reuse), why another measurement is needed, or that none is.
  returned: with V(end) and V(reuse)
  type: str
is_reused:
  description: Whether the measurement after the change takes the place of the verification.
  returned: with V(reuse)
  type: bool
  sample: true
"""
