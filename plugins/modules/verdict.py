#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: verdict
short_description: Judge every flow of a plan by what all hosts observed
version_added: 0.1.0
description:
  - Joins the plan with the observations of all hosts, and returns for every flow a verdict and a sentence
    that says what was seen and who must act.
  - It prints who must act, and a matrix that fits the terminal. Equal results are one line, however many
    hosts they join.
  - A flow that its source could not test is V(untested), which is never a success.
  - A result counts only if it belongs to the run of the plan (RV(exasol_community.network.plan#module:run),
    which each task gets as C(run)), if no condition left its host out, and if the machine that it comes from
    has one of the host's addresses (C(addresses)). Otherwise the flows are V(untested), with the reason.
  - A host can report only what it was asked for. If it returns anything else, all its flows are V(untested),
    with the reason. The flows of other hosts are judged.
  - The connection strings of clients (RV(exasol_community.network.plan#module:connections)) are compared with
    the nodes and with what the clients saw. What is wrong with them is in RV(notes). If a node presents
    another certificate than the fingerprint of a string says, the flow is V(wrong_service).
  - It runs once, on the controller. It does not fail, whatever the verdicts are.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._attributes.controller
attributes:
  platform:
    support: full
    platforms: all
options:
  plan:
    description:
      - The result of M(exasol_community.network.plan). Required unless O(plan_in) is given.
    type: dict
  plan_in:
    description:
      - The name of a variable that holds O(plan).
      - Ansible copies the value of an option several times, and sends it back with the result. For a large
        site, give the names of variables (O(plan_in), O(results_in)) instead.
    type: str
  hosts:
    description:
      - The hosts whose results O(results_in) means. By default, all hosts of the play.
    type: list
    elements: str
  results_in:
    description:
      - Names of variables in which each host has registered a result, by option, in place of O(observations),
        O(listeners), O(captures), O(stopped), O(queries) and O(transfers).
      - A host that registered nothing counts as failed. For O(captures), O(stopped) and O(transfers), a
        result of another run counts as nothing. O(captures) is the field C(capture) of the result.
      - An empty name is ignored, and options that are given count instead.
    type: dict
  observations:
    description:
      - The result of M(exasol_community.network.probe) of each host, as the filter
        P(exasol_community.network.registered#filter) collects them.
      - Hosts that are missing took no part in the run.
      - Required unless O(results_in) is given.
    type: dict
  listeners:
    description:
      - The result of M(exasol_community.network.listener) of each host.
      - Empty if no listener was started. Then a refused port means that no service listens there.
    type: dict
    default: {}
  captures:
    description:
      - What the listener of each host captured, RV(exasol_community.network.listener#module:capture).
      - With RV(exasol_community.network.probe#module:capture) in O(observations), it shows where packets are
        lost.
    type: dict
    default: {}
  stopped:
    description:
      - The result of M(exasol_community.network.listener) of each host for
        O(exasol_community.network.listener#module:state=absent).
      - If a listener had ended before it was stopped, a refused port of that host proves nothing.
      - The silence of a host that was restarted or became unreachable proves nothing either.
    type: dict
    default: {}
  queries:
    description:
      - The result of M(exasol_community.network.listener) of each host for
        O(exasol_community.network.listener#module:state=query), for a run without listeners.
      - It shows what holds a refused port, and which open ports belong to a listener of another run.
    type: dict
    default: {}
  limits:
    description:
      - What the paths must keep to. A flow whose path exceeds a limit is V(degraded).
      - A limit counts only where the value was measured, see RV(exasol_community.network.probe#module:paths).
    type: dict
    default: {}
    suboptions:
      rtt_ms:
        description: The median round trip in milliseconds, at most.
        type: float
      loss_percent:
        description: Connections whose first try was not answered, at most, in per cent.
        type: float
      clock_s:
        description: The difference between the clocks of both ends in seconds, at most.
        type: float
      segment:
        description: Bytes of data in the largest TCP segment that passes, at least, in each direction.
        type: int
      throughput_mb_s:
        description:
          - Megabytes (10^6 bytes) a second that a transfer carries, at least, in each direction.
          - It needs O(throughput), and is an error without it.
        type: float
  idle:
    description:
      - Seconds after which an idle connection must still work, as M(exasol_community.network.probe) tried it
        and O(stopped) has it (O(exasol_community.network.probe#module:idle)).
      - A flow whose path cuts such a connection is V(degraded), one whose path was not tried is V(untested).
    type: list
    elements: int
    default: []
  throughput:
    description:
      - Whether M(exasol_community.network.throughput) was asked to measure, as its
        O(exasol_community.network.throughput#module:bounds).
      - A flow whose path was not measured is then V(untested).
    type: raw
    default: false
  transfers:
    description: The results of M(exasol_community.network.throughput), by host.
    type: dict
    default: {}
  display:
    description:
      - Print the matrix.
    type: bool
    default: true
seealso:
  - module: exasol_community.network.plan
  - module: exasol_community.network.probe
  - plugin: exasol_community.network.to_report
    plugin_type: filter
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Judge what all hosts observed
  exasol_community.network.verdict:
    plan: "{{ plan }}"
    observations: "{{ ansible_play_hosts_all | exasol_community.network.registered(hostvars, 'probe') }}"
  run_once: true
  register: verification

- name: Judge what the hosts of a large site observed
  exasol_community.network.verdict:
    plan_in: plan
    results_in:
      observations: probe
      listeners: listener
  run_once: true
  register: verification
"""

RETURN = r"""
results:
  description:
    - One entry for each flow, or for each part of its ports that differs from the others.
    - Of a site with more than 10,000 of them, only those that are not V(ok), so count flows with RV(summary).
      The filter P(exasol_community.network.report_flows#filter) lists all flows of every site.
  returned: unless more than 10,000 are not V(ok)
  type: list
  elements: dict
  contains:
    source:
      description: The host that probed.
      type: str
      returned: success
      sample: n11
    destination:
      description: The host that was probed.
      type: str
      returned: success
      sample: n12
    address:
      description: The address that was probed.
      type: str
      returned: success
      sample: 192.0.2.12
    service:
      description: The row of the port table.
      type: str
      returned: success
      sample: subconnection_in
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: success
      sample: tcp
    ports:
      description: The ports that this verdict is about.
      type: str
      returned: success
      sample: 20000-21000
    expected:
      description: V(reachable) or V(denied).
      type: str
      returned: success
      sample: reachable
    verdict:
      description:
        - V(ok), V(no_listener), V(wrong_host), V(wrong_service), V(stalled), V(degraded),
          V(blocked_at_source), V(blocked_on_path), V(blocked_at_destination), V(blocked_on_return),
          V(blocked), V(no_route), V(unresolved), V(exposed) or V(untested).
      type: str
      returned: success
      sample: ok
    state:
      description: The state that the probe reported.
      type: str
      returned: success
      sample: open
    reason:
      description: How the probe knows the state.
      type: str
      returned: success
      sample: syn-ack
    reason_ip:
      description: Who sent the ICMP error behind it.
      type: str
      returned: when somebody sent one
      sample: 192.0.2.1
    trace:
      description:
        - How far the way to one C(port) was heard - the last C(hop), C(by) the address of the device there,
          several with equal routes.
        - C(end) is the reply to a packet with enough hops, if there was one.
        - C(distance) is that of the address in hops, if an open port shows it.
      type: dict
      returned: when the probe traced the port
      sample: {port: 8563, hop: 3, by: [192.0.2.1], distance: 5}
    rtt_ms:
      description: Milliseconds until the answer.
      type: dict
      returned: when an answer came
      sample: {min: 0.081, median: 0.102, max: 0.933}
    identity:
      description: Who answers, as in RV(exasol_community.network.probe#module:observations).
      type: dict
      returned: when the probe was asked to identify, and knows the protocol of the service
      sample: {status: identified, version: OpenSSH_9.2p1}
    answered_by:
      description: The host whose listener proved itself, empty if something else answered.
      type: str
      returned: if a listener was expected and something answered
      sample: n12
    sentence:
      description: What was seen, who acts, and the change that fixes it.
      type: str
      returned: success
      sample: n11 reaches tcp 20000-21000 of n12 (192.0.2.12).
    cause:
      description:
        - Why, as a stable code.
        - See L(all codes,https://github.com/exasol-community/ansible-network/blob/main/docs/causes.md).
      type: str
      returned: unless the verdict is V(ok)
      sample: silence
    evidence:
      description: What was seen, one fact for each entry.
      type: list
      elements: str
      returned: with C(cause)
      sample: ["n11 finds tcp 8563 of 192.0.2.12 filtered (no-response)"]
    next_command:
      description: The next command to run, and behind C(#) the host to run it on. Empty if there is none.
      type: str
      returned: with C(cause)
      sample: "nft list ruleset  # on n12"
    actor:
      description:
        - Who must act - V(host:NAME), V(network), V(name resolution), V(service owner), V(this run)
          (inventory, variables or the measurement itself) or V(unknown).
        - Two of them if the evidence does not decide between them.
      type: list
      elements: str
      returned: with C(cause)
      sample: ["host:n12"]
packed:
  description:
    - All of a verification with more than 10,000 results, as one text, because Ansible copies each value of a
      result several times. It is the content of a report in JSON - zlib (RFC 1950), in Base64 (RFC 4648).
    - The filters and roles of this collection read it. Of what else is returned, only C(created), C(release),
      C(run), RV(results), RV(summary), RV(not_ok), RV(message), RV(notes) and RV(note_causes) stand beside
      it.
  returned: when there are more than 10,000 results
  type: str
  sample: eJyrVkosLcnIL1KyUkpMSVSqBQAwCAV0
summary:
  description: How many flows have each verdict. A flow whose ports differ counts with the most severe one.
  returned: success
  type: dict
  sample: {ok: 71, blocked: 1}
not_ok:
  description: How many flows need somebody to act.
  returned: success
  type: int
  sample: 1
message:
  description: The counts and what is wrong, as text for an error message.
  returned: success
  type: str
  sample: '72 flows: 71 ok, 1 blocked'
certificates:
  description: What TLS servers presented, one entry for each service, certificate and port.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The row of the port table.
      type: str
      returned: success
      sample: sql_client
    fingerprint:
      description: SHA-256 of the certificate.
      type: str
      returned: success
      sample: 135A1D2DCE102DE866F58267521F4232153545A075DC85F8F7596F57E588A181
    destinations:
      description: The hosts that presented it.
      type: list
      elements: str
      returned: success
      sample: [n11, n12, n13]
    connection:
      description: Host, fingerprint and port as an Exasol connection string has them.
      type: str
      returned: for O(observations) of the database port
      sample:
        192.0.2.11,192.0.2.12,192.0.2.13/135A1D2DCE102DE866F58267521F4232153545A075DC85F8F7596F57E588A181:8563
paths:
  description: The paths that were measured, each from a host to an address of another one.
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: The host that probed.
      type: str
      returned: success
      sample: n11
    seen_as:
      description:
        - Source addresses that the listeners of the destination saw in place of the one that the source sent
          from. A device on the path translates addresses (NAT).
      type: list
      elements: str
      returned: if there are any
      sample: [198.51.100.7]
    destination:
      description: The host that was probed. This and all other fields are those of
        RV(exasol_community.network.probe#module:paths).
      type: str
      returned: success
      sample: n12
traces:
  description:
    - How far the way to silent, rejected and refused ports was heard, as in
      RV(exasol_community.network.probe#module:traces), with the C(source) of each.
  returned: success
  type: list
  elements: dict
  sample: []
notes:
  description: What somebody should look at although it is no verdict, such as nodes that present different
    certificates, a connection string that does not fit the nodes, or open ports at which it is unknown who
    answers.
  returned: success
  type: list
  elements: str
  sample: []
note_causes:
  description: The causes of those notes that are about one, with C(note), C(cause), C(evidence) and
    C(next_command).
  returned: success
  type: list
  elements: dict
  sample: []
untestable:
  description: Flows that were not tested, with the reason.
  returned: success
  type: list
  elements: dict
  sample: []
not_covered:
  description:
    - Rows of the port table without a flow, as in RV(exasol_community.network.plan#module:not_covered).
    - Also planned rows of which every flow has an end outside of this run, with the cause V(outside).
  returned: success
  type: list
  elements: dict
  sample:
    - {service: oracle, protocol: tcp, ports: '1521', need: required, cause: unassigned, peers: [oracle],
      reason: nobody plays oracle}
peers:
  description: The managed hosts of each peer.
  returned: success
  type: dict
  sample: {client: [client]}
addresses:
  description: The addresses of each managed host.
  returned: success
  type: dict
  sample: {n11: [10.0.0.11], client: [192.0.2.21]}
external:
  description:
    - The addresses at which all others than the nodes of its own cluster reach a host
      (C(exasol_external_address)), for the hosts that have any.
  returned: success
  type: dict
  sample: {n11: [192.0.2.11]}
clusters:
  description: The cluster of each host that belongs to a named one (C(exasol_cluster)).
  returned: success
  type: dict
  sample: {n11: east}
run:
  description: The run of the plan, RV(exasol_community.network.plan#module:run).
  returned: success
  type: str
  sample: 5b0e6f3c9d21
hosts:
  description: The managed hosts in the order of the inventory.
  returned: success
  type: list
  elements: str
  sample: [n11, n12, n13, client]
created:
  description: When the verdicts were made, in UTC (ISO 8601).
  returned: success
  type: str
  sample: '2026-11-23T05:00:49+00:00'
release:
  description: The Exasol release of the plan.
  returned: success
  type: str
  sample: '8'
"""
