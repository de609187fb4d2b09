#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: probe
short_description: Measure from a host which ports of other hosts it reaches, and why not
version_added: 0.1.0
description:
  - Opens a real connection to every port, all side by side, and reports each port's state with the reason for
    it.
  - States and reasons are those of nmap, see U(https://nmap.org/book/man-port-scanning-basics.html). Beside
    them there are the states
    V(unreachable), V(unresolved) and V(error).
  - An ICMP error behind a refused connection is read from the kernel, so that a firewall's reject is told
    from a closed port,
    and its sender is named.
  - A name is resolved on the probing host, and each of its addresses is probed, IPv4 and IPv6.
  - Silent ports beside ports that answered are tried again, so that packet loss is not reported as a filter.
    How many needed that is in RV(paths).
  - A listener of another run of M(exasol_community.network.listener) is known and not taken for a service -
    its ports have the reason V(other-run).
  - Where a flow leads back to the probing host, through a name that resolves to a loopback address or through
    an address that the host has at the
    moment, its ports are V(unresolved) or have the reason V(own-address), unless the destination's own
    listener proves itself there.
  - Connections are closed with FIN, those to listeners of M(exasol_community.network.listener) with RST.
  - Nobody logs in and no database is queried; only O(ftp) logs in to FTP servers.
  - A user name is sent to C(mysql) all the same, because a handshake that is not finished counts against the
    probing host
    (C(max_connect_errors)); the user does not exist, and the login is refused.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
attributes:
  delegation:
    support: full
  platform:
    support: full
options:
  flows:
    description:
      - Flows of a plan, as RV(exasol_community.network.plan#module:hosts) holds them for each host under
        C(probes).
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description:
          - Name of the service in the port table.
          - It decides which question a UDP service is asked, how a service is told with O(identify), and that
            a handshake with
            C(mysql) is finished.
        type: str
        default: ''
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      ports:
        description: The ports, for example V(8563), V(22,20000-21000), or a list of such.
        type: raw
        required: true
      expected:
        description: What the plan expects; carried along for the verdict.
        type: str
        choices: [reachable, denied]
        default: reachable
      destinations:
        description: Addresses by the destination's name.
        type: dict
        required: true
  targets:
    description:
      - Plain targets, for use without a plan.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: An IP address or a DNS name.
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
      service:
        description: The service of the port table that is expected there, used like the one of O(flows).
        type: str
        default: ''
  timeout:
    description:
      - Seconds to wait for an answer, at most 300.
      - The kernel repeats an unanswered SYN after 1 and 3 seconds, so the default gives three of them.
    type: float
    default: 3.5
  rate:
    description:
      - New connections a second, V(0) for no limit.
    type: float
    default: 0
  concurrency:
    description:
      - Connections that wait for an answer at the same time.
      - It is lowered to what the limit of open files allows, which is raised to its hard limit first.
    type: int
    default: 4096
  source_address:
    description:
      - Addresses of this host to connect from, at most one of each family.
      - By default the kernel chooses.
    type: list
    elements: str
    default: []
  identify:
    description:
      - Tell whether the expected service answers, its version, and what a TLS server presents.
      - An open port alone proves no service. A balancer, a SYN proxy or a server that hangs accepts
        connections, too.
      - It is the same connection that proves the port open, one for each port, bounded to 64 KiB and 10
        seconds, and it never logs in.
      - Servers of MySQL and FTP may look up the name of this host before they say a word. They are waited for
        up to 60 seconds, beside everything else.
      - Needs the service's name in O(flows) or O(targets). Our own listeners are not asked.
    type: bool
    default: true
  ftp:
    description:
      - Log in to the open services C(ftp) and C(ftps) too, and try each way of opening a data connection with
        a list of names.
      - Passive with C(EPSV) and C(PASV), active with C(EPRT) and C(PORT), each in a session of its own.
      - The list has to come, and from the server; after a refused login nobody logs in again.
    type: dict
    suboptions:
      mode:
        description: Which modes to try.
        type: str
        choices: [passive, active, both]
        default: both
      user:
        description: Who logs in.
        type: str
        default: anonymous
      password:
        description:
          - The password.
          - On its way to the host it is hidden in random digits, so that Ansible masks no part of the result
            by chance.
        type: str
        default: anonymous@
      tls:
        description:
          - Start TLS before the login (C(AUTH TLS)); C(ftps) has TLS in any case.
          - Without TLS, FTP sends user and password in clear text.
        type: bool
        default: false
      validate_certs:
        description:
          - Verify the server's certificate and name before user and password are sent, as C(curl) and C(lftp)
            do.
          - A server whose certificate cannot be verified is sent neither, and RV(ftp_sessions) has
            V(unverified) for it.
          - The name is the one of the flow. A server that is named by its address needs a certificate for
            that address.
          - V(false) sends the password to whoever answers.
        type: bool
        default: true
      ca_path:
        description: A file or directory on the probing host with the certificates of the authorities to
          trust; by default those of the host.
        type: path
      active_ports:
        description: The ports to announce in active mode; by default the kernel chooses.
        type: str
  capture:
    description:
      - Also record which connections left this host and which answers came in, seen outside of its own packet
        filter.
      - With the same from the listeners of the destinations, the verdict tells where a packet is lost.
      - Needs root. Kept are port numbers by pairs of addresses, no packets and no contents.
    type: bool
    default: false
  token:
    description:
      - The token of the listeners of this run, which lets them prove who they are.
    type: str
  listening:
    description:
      - Where listeners with this O(token) answer, by the destination's name, as
        RV(exasol_community.network.listener#module:listening)
        returns it.
      - Only these ports are sent our hello; a real service never is. Without O(token) nobody is.
    type: dict
    default: {}
  run:
    description:
      - The run that the result belongs to, RV(exasol_community.network.plan#module:run).
      - M(exasol_community.network.verdict) sets aside what belongs to another run, such as a result that was
        registered earlier in the same playbook.
    type: str
    default: ''
  addresses:
    description:
      - The addresses of this host in the plan, to tell whether the module really runs there.
      - A name is looked up on the machine. It is the machine's own if one of its addresses is, or if the
        machine calls itself so.
    type: list
    elements: str
    default: []
seealso:
  - module: exasol_community.network.plan
  - module: exasol_community.network.listener
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Probe the database port of a node
  exasol_community.network.probe:
    targets:
      - address: 192.0.2.11
        ports: 8563
  register: result

- name: Probe the subconnections of two nodes, gently and over IPv6 too
  exasol_community.network.probe:
    targets:
      - {address: 192.0.2.11, ports: 20000-21000}
      - {address: "2001:db8::11", ports: 20000-21000}
    rate: 500

- name: Probe what the plan asks of this host
  exasol_community.network.probe:
    flows: "{{ plan.hosts[inventory_hostname].probes }}"
"""

RETURN = r"""
observations:
  description: One entry for each destination, address and protocol.
  returned: success
  type: list
  elements: dict
  contains:
    destination:
      description: The destination's name, or its address for plain targets.
      type: str
      returned: success
      sample: n12
    address:
      description: The address that was probed, or the name if it did not resolve.
      type: str
      returned: success
      sample: 192.0.2.12
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: success
      sample: tcp
    ports:
      description: All ports that were probed there.
      type: str
      returned: success
      sample: 8563,20000-21000
    states:
      description: What was found, one entry for all ports with the same state and reason.
      type: list
      elements: dict
      returned: success
      contains:
        ports:
          description: The ports, compressed to ranges.
          type: str
          returned: success
          sample: 20000-21000
        state:
          description: V(open), V(closed), V(filtered), V(unreachable), V(unresolved), V(open|filtered) or
            V(error).
          type: str
          returned: success
          sample: open
        reason:
          description: How the state is known.
          type: str
          returned: success
          sample: syn-ack
        reason_ip:
          description: Who sent the ICMP error, V(local) if this host's own kernel refused.
          type: str
          returned: when somebody sent one
          sample: 192.0.2.1
        answered_by:
          description: The name of the host whose listener proved itself, empty if something else answered.
          type: str
          returned: where a listener was expected
          sample: n12
        identity:
          description:
            - Who answers on these ports.
            - C(status) is V(identified), V(refusing) if the expected service answers and says itself that it
              does not serve this host, V(unverifiable) if nothing harmless can be asked of the service,
              V(other) or V(silent). The others are there if they are known - C(version), C(looks_like),
              C(detail), and C(tls) with C(protocol), C(subject), C(issuer), C(names), C(not_after), C(days_left) and
              C(fingerprint), the SHA-256 of the
              certificate as in an Exasol connection string.
            - What a server says is shortened, and what cannot be printed is escaped. Certificates are shown,
              not verified.
          type: dict
          returned: with O(identify), and if the service is one that can be told
          sample: {status: identified, version: OpenSSH_9.2p1}
        detail:
          description: More about the reason, in words.
          type: str
          returned: sometimes
          sample: Name or service not known
        rtt_ms:
          description: Milliseconds until the answer.
          type: dict
          returned: when an answer came
          sample: {min: 0.081, median: 0.102, max: 0.933}
paths:
  description: How many connection attempts got lost, one entry for each destination and address with TCP
    ports that answered.
  returned: success
  type: list
  elements: dict
  contains:
    destination:
      description: The destination's name, or its address for plain targets.
      type: str
      returned: success
      sample: n12
    address:
      description: The address that was probed.
      type: str
      returned: success
      sample: 192.0.2.12
    tries:
      description: How many TCP ports answered.
      type: int
      returned: success
      sample: 1003
    lost:
      description: How many of them did not answer the first packet or the first connection attempt.
      type: int
      returned: success
      sample: 82
capture:
  description: What was seen on the wire's side of this host's packet filter.
  returned: with O(capture)
  type: dict
  contains:
    complete:
      description: Whether nothing was missed.
      type: bool
      returned: success
      sample: true
    problem:
      description: Why the capture tells nothing, without root for instance, or with IPsec policies on the
        host.
      type: str
      returned: when there is one
      sample: "cannot capture: Operation not permitted; it needs root (become)"
    seen:
      description:
        - One entry for each pair of addresses and protocol. C(asked_out) and C(asked_in) are the ports of
          services to which a connection or
          datagram left or came in, C(answered_out) and C(answered_in) those from which an answer did.
      type: list
      elements: dict
      returned: success
      sample:
        - {address: 192.0.2.21, remote: 192.0.2.11, protocol: tcp, asked_out: '8563', answered_in: '8563'}
ftp_sessions:
  description: What became of the FTP sessions, one entry for each server.
  returned: with O(ftp)
  type: list
  elements: dict
  contains:
    destination:
      description: The server's name.
      type: str
      returned: success
      sample: files
    address:
      description: The server's address.
      type: str
      returned: success
      sample: 192.0.2.31
    port:
      description: The port of the control connection.
      type: int
      returned: success
      sample: 21
    service:
      description: V(ftp) or V(ftps).
      type: str
      returned: success
      sample: ftp
    login:
      description:
        - V(ok), V(failed), or V(unverified) where the server's certificate cannot be verified, so that
          neither user nor password was sent.
      type: str
      returned: success
      sample: ok
    detail:
      description: Why the login failed.
      type: str
      returned: on failure
      sample: 530 Login incorrect.
    data:
      description:
        - Each way of opening a data connection, with C(mode), C(command), C(address) and C(port) that it led
          to, C(state), C(reason) and C(detail).
        - C(transfer) is what became of the list of names - V(done), V(failed), V(silent) if nothing came,
          V(nothing) if there was nothing to send.
        - C(announced) is the address in the reply to C(PASV), where it is not the server's.
      type: list
      elements: dict
      returned: success
      sample:
        - {mode: passive, command: EPSV, address: 192.0.2.31, port: 49152, state: filtered, reason:
          no-response}
summary:
  description: How many ports are in each state.
  returned: success
  type: dict
  sample: {open: 1001, filtered: 1}
id:
  description: A random name of this measurement, by which M(exasol_community.network.verdict) refuses one
    that counts for several hosts.
  returned: success
  type: str
  sample: 5b0e6f3c9d21
run:
  description: The run that was given.
  returned: with O(run)
  type: str
  sample: 5b0e6f3c9d21
machine:
  description: The machine that the module ran on.
  returned: with O(addresses)
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
elapsed_s:
  description: Seconds that the probe took.
  returned: success
  type: float
  sample: 0.213
"""

import uuid

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.failures import failures_of
from ..module_utils._ansible.hidden import reveal
from ..module_utils._ansible.options import target_options
from ..module_utils._kernel import machine
from ..module_utils._plan.ftp_modes import BOTH, MODES
from ..module_utils._probe.ftp_session import Login
from ..module_utils._probe.probe import Settings, collect, run
from ..module_utils._probe.sweep import Pace
from ..module_utils._values.ports import parse_ports


def flow_options():
    """Return the suboptions of a flow."""
    return dict(
        target_options(),
        service={"type": "str", "default": ""},
        expected={"type": "str", "choices": ["reachable", "denied"], "default": "reachable"},
        destinations={"type": "dict", "required": True},
    )


def plain_options():
    """Return the suboptions of a plain target."""
    return dict(
        target_options(), address={"type": "str", "required": True}, service={"type": "str", "default": ""}
    )


def ftp_options():
    """Return the options of FTP sessions."""
    return {
        "mode": {"type": "str", "choices": list(MODES), "default": BOTH},
        "user": {"type": "str", "default": "anonymous"},
        "password": {"type": "str", "default": "anonymous@", "no_log": True},
        "tls": {"type": "bool", "default": False},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "active_ports": {"type": "str"},
    }


def login_of(params):
    """Return how to log in to FTP servers, None if nobody shall."""
    ftp = params["ftp"]
    if not ftp:
        return None
    ports = parse_ports(ftp["active_ports"]) if ftp["active_ports"] else ()
    return Login(
        ftp["mode"],
        ftp["user"],
        reveal(ftp["password"]),
        ftp["tls"],
        ports,
        sources=params["source_address"],
        verify=ftp["validate_certs"],
        ca_path=ftp["ca_path"] or "",
    )


def main():
    """Run the module."""
    options = {
        "flows": {"type": "list", "elements": "dict", "default": [], "options": flow_options()},
        "targets": {"type": "list", "elements": "dict", "default": [], "options": plain_options()},
        "timeout": {"type": "float", "default": 3.5},
        "rate": {"type": "float", "default": 0},
        "concurrency": {"type": "int", "default": 4096},
        "source_address": {"type": "list", "elements": "str", "default": []},
        "token": {"type": "str", "no_log": True},
        "identify": {"type": "bool", "default": True},
        "listening": {"type": "dict", "default": {}},
        "ftp": {"type": "dict", "options": ftp_options()},
        "capture": {"type": "bool", "default": False},
    }
    options.update(machine.options())
    module = AnsibleModule(
        argument_spec=options, supports_check_mode=True, required_one_of=[("flows", "targets")]
    )
    params = module.params
    with failures_of(module):
        settings = Settings(
            Pace(params["timeout"], params["rate"], params["concurrency"]),
            params["source_address"],
            params["token"] or "",
            params["identify"],
            login_of(params),
            params["capture"],
        )
        targets = collect(params["flows"], params["targets"], params["listening"] if params["token"] else {})
        module.exit_json(
            changed=False,
            id=uuid.uuid4().hex[:12],
            **dict(machine.origin(params["run"], params["addresses"]), **run(targets, settings)),
        )


if __name__ == "__main__":
    main()
