#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: probe
short_description: Measure from a host which ports of other hosts it reaches, and why not
version_added: 0.1.0
description:
  - Opens a real connection to every port, all side by side, and returns each port's state and the reason for
    it.
  - States and reasons are those of nmap, see U(https://nmap.org/book/man-port-scanning-basics.html). There
    are three more states, V(unreachable), V(unresolved) and V(error).
  - The kernel's ICMP error behind a refused connection is read. So a firewall's reject and a closed port
    have different states, and the sender of the error is named.
  - Names are resolved on the probing host, and each address of a name is probed, IPv4 and IPv6.
  - Silent ports beside ports that answered are tried again, so that packet loss is not reported as a filter.
    While a port is silent, it is also tried from up to 8 more source ports, so that one dead link of a bundle
    is not. A service still gets one connection, the first one that is answered.
    RV(paths) has the number of ports that needed another try.
  - UDP ports of a listener, and DNS servers, are asked from more source ports, because a dead link of a
    bundle or a dead server of a load balancer fails some source ports always - see
    RV(observations[].samples).
  - Ports of a plan's flow that refuse are tried again, because a load balancer may lead the next connection
    to a server that serves it - see RV(observations[].samples).
  - The path to each listener is measured - RV(paths) has loss, round-trip times, the difference of the
    clocks, and whether full-size segments pass in both directions.
  - A listener of another run of M(exasol_community.network.listener) is recognised and not reported as a
    service - its ports have the reason V(other-run).
  - A limit for new connections on the way is told from a filter. If many ports are silent and some answer
    late, silent ports are tried again slowly, for at most two minutes. What that does not reach has the state
    V(error) and the reason V(rate-limited).
  - If a port that answered before no longer does, the host may have been shut out for what looked like a port
    scan. The silent ports of that address then have the state V(error) and the reason V(shut-out).
  - If a flow leads back to the probing host itself, its ports are V(unresolved) or have the reason
    V(own-address), unless the destination's own listener proves itself there. That happens if a name
    resolves to a loopback address, if the host has the address at the moment or keeps it by a route of type
    C(local), and if a rule of the host (DNAT, REDIRECT) leads the connection or the datagrams back. A refusal
    by a rule of the probing host (REJECT with a reset) has the same reason.
  - Connections are closed with FIN, those to listeners of M(exasol_community.network.listener) with RST.
  - The module does not log in and does not query a database; only O(ftp) logs in to FTP servers.
  - There is one exception. C(mysql) counts handshakes that are not finished against the probing host
    (C(max_connect_errors)), so the handshake is finished with the name of a user that does not exist, and
    the server refuses the login.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._planned
attributes:
  delegation:
    support: full
  platform:
    support: full
options:
  flows:
    description:
      - Flows of a plan, as RV(exasol_community.network.plan#module:hosts) has them for each host under
        C(probes).
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description:
          - Name of the service in the port table.
          - It selects the question for a UDP service, and the protocol that O(identify) speaks.
        type: str
        default: ''
      identify:
        description:
          - The protocol in which the service is asked who it is, for a service that is not in the port table.
          - By default the protocol of the row that O(flows[].service) names.
        type: str
        choices: ['', db2, dns, exasol, ftp, ftps, http, ldap, ldaps, mysql, ntp, oracle, postgresql,
          sql_server, ssh, sybase_ase, tls]
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
        description: What the plan expects. Flows of a plan have it; the probe ignores it.
        type: str
        choices: [reachable, denied]
        default: reachable
      destinations:
        description: Lists of addresses by the name of the destination.
        type: dict
        required: true
      own_cluster:
        description:
          - Whether all destinations are nodes of the cluster of this host, so that a range of ports needs no
            limit, see O(rate). A plan says so of ranges.
        type: bool
        default: false
      member:
        description:
          - Whether the destinations are DNS names of a connection string, which may lead to any host of the
            plan.
          - Then each listener of O(listening) may answer at the addresses that it listens on.
        type: bool
        default: false
  targets:
    description:
      - Targets for use without a plan.
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
        description: The service of the port table that is expected there, used like that of O(flows).
        type: str
        default: ''
      identify:
        description:
          - The protocol in which the service is asked who it is, used like that of O(flows).
        type: str
        choices: ['', db2, dns, exasol, ftp, ftps, http, ldap, ldaps, mysql, ntp, oracle, postgresql,
          sql_server, ssh, sybase_ase, tls]
        default: ''
  timeout:
    description:
      - Seconds to wait for an answer, from 1 to 300.
      - If nothing comes in time from an address behind a gateway, this is waited once more. An answer that
        comes then has the reason V(late-answer), because the path is slow and not filtered.
      - A listener of M(exasol_community.network.listener) that has accepted a connection has 3 seconds at
        least to prove its identity.
      - The kernel repeats an unanswered SYN after 1 and 3 seconds, so with the default three SYNs are sent.
    type: float
    default: 3.5
  rate:
    description:
      - New connections a second, V(0) for no limit.
      - By default there is no limit, except for ranges of 100 ports and more outside of the own cluster.
        They get 200 new connections a second for each address, and 1000 together, because devices on the way
        may take more for a port scan and shut this host out.
    type: float
  concurrency:
    description:
      - How many connections may be open at the same time.
      - The limit of open files is raised to its hard limit. If it is lower than this number, it applies.
    type: int
    default: 4096
  source_address:
    description:
      - Addresses of this host to connect from, at most one IPv4 and one IPv6 address.
      - By default the kernel chooses.
    type: list
    elements: str
    default: []
  identify:
    description:
      - Check whether the expected service answers, and return its version and its TLS certificate.
      - An open port alone does not prove that the service is there. Load balancers, SYN proxies and servers
        that hang accept connections too.
      - The connection that proves the port open is used for that. It is limited to 64 KiB and 10 seconds, and
        does not log in.
      - MySQL and FTP servers may look up the name of this host before they send their greeting. The module
        waits up to 60 seconds for it, while it probes other ports.
      - Needs the service's name in O(flows) or O(targets). Our own listeners are not asked.
    type: bool
    default: true
  ftp:
    description:
      - Also log in to the open services C(ftp) and C(ftps), and try each way to open a data connection by
        transferring a list of names.
      - Passive mode is tried with C(EPSV) and C(PASV), active mode with C(EPRT) and C(PORT). Each try has a
        session of its own.
      - A try succeeds only if the list comes from the server. After a refused login, no other login is tried.
    type: dict
    suboptions:
      mode:
        description: Which modes to try.
        type: str
        choices: [passive, active, both]
        default: both
      user:
        description: The user name.
        type: str
        default: anonymous
      password:
        description:
          - The password.
          - It is sent to the host hidden in random digits. Otherwise Ansible would mask every part of the
            result that happens to contain the password.
        type: str
        default: anonymous@
      tls:
        description:
          - Start TLS before the login (C(AUTH TLS)). C(ftps) always uses TLS.
          - Without TLS, FTP sends user name and password in clear text.
        type: bool
        default: false
      validate_certs:
        description:
          - Verify the server's certificate and name before user name and password are sent, as C(curl) and
            C(lftp) do.
          - If the certificate cannot be verified, neither is sent, and RV(ftp_sessions) has V(unverified).
          - Neither is ever sent to a server that greets as a mail server, or that O(identify) finds to be
            another service.
          - The name is that of the flow. If the flow has an address, the certificate must be valid for that
            address.
          - With V(false), the password is sent to any server that answers.
        type: bool
        default: true
      ca_path:
        description: A file or directory on the probing host with the certificates of trusted authorities. By
          default those that the host trusts.
        type: path
      active_ports:
        description: The ports to use in active mode. By default the kernel chooses.
        type: str
  capture:
    description:
      - Also record which connections left this host and which answers came in, seen outside of its own packet
        filter.
      - Together with the captures of the destinations' listeners, this shows where packets are lost.
      - Needs root. Only port numbers and pairs of addresses are recorded, no packets and no contents.
    type: bool
    default: false
  trace:
    description:
      - Find out how far packets to silent, rejected and refused ports come, from connections whose packets
        may pass only 1, 2, 3 ... devices (TTL).
      - An open port of the same address is traced beside them, if there is one.
      - It runs while the module waits for silent ports anyway, and needs no root.
      - At most three ports and one open one of each of 8 addresses are traced, never more than 5 hops beyond
        the last device that replies. Ports that the plan expects to be denied are not traced.
    type: bool
    default: true
  idle:
    description:
      - Also find out how long connections to listeners may be idle. A process of its own holds two
        connections for each path and each duration, and one that it uses all the time as a control.
      - The module returns before the durations are over. RV(idle_left_s) says how long to wait, and then
        M(exasol_community.network.listener) with O(exasol_community.network.listener#module:state=absent)
        returns what was found.
      - Each run holds its own connections, and only its results count. If a run is interrupted, its process
        goes on, and a later run begins anew.
      - If nothing collects the results, the process ends half an hour after the longest duration.
    type: dict
    suboptions:
      seconds:
        description: The durations, from 1 to 12600 seconds, at most 16 of them.
        type: list
        elements: int
        required: true
      host:
        description: The name of this host, as the task that collects the results has it.
        type: str
        required: true
  pack:
    description:
      - Return a result of more than 4 KiB as RV(packed), except RV(id), RV(run), RV(machine), RV(summary),
        RV(elapsed_s) and RV(idle_left_s). M(exasol_community.network.verdict) takes it as it is.
      - Ansible copies a result several times, value by value, and starts each task of each host with a copy
        of its memory. That of 1000 hosts takes gigabytes unpacked.
    type: bool
    default: false
  token:
    description:
      - The token of this run's listeners. Without it they cannot prove themselves.
    type: str
  listening:
    description:
      - Where the listeners of this run answer, by the name of the destination, as
        RV(exasol_community.network.listener#module:listening) returns it.
      - The challenge is sent to these ports only, never to a real service, and never without O(token).
    type: dict
    default: {}
  listening_in:
    description:
      - The name of a variable that has O(listening) of all hosts, for use with O(plan_in).
      - The host gets the part that its flows lead to, at the ports that they probe. With a flow to a DNS name
        of a connection string (C(member)), that is the part of all hosts at the ports of such names.
      - With O(flows) or O(targets) of your own the host gets all of it.
    type: str
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

- name: Probe the subconnections of two nodes, over IPv4 and IPv6, with a limited rate
  exasol_community.network.probe:
    targets:
      - {address: 192.0.2.11, ports: 20000-21000}
      - {address: "2001:db8::11", ports: 20000-21000}
    rate: 500

- name: Probe the planned flows of this host
  exasol_community.network.probe:
    flows: "{{ plan.hosts[inventory_hostname].probes }}"

- name: Probe the planned flows of each host of a large site
  exasol_community.network.probe:
    plan_in: plan
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
    completed_name:
      description: The longer name that the resolver found in place of the given one, by a search domain or in
        C(/etc/hosts).
      type: str
      returned: if the name was completed
      sample: ldap.example.com
    samples:
      description:
        - What more source ports found at UDP ports that had answered, because a device on the way may choose
          one of several links, routes or servers by source port. There is one entry for all ports of a
          listener, and one for each port of another service.
        - There is also one for UDP or TCP ports of a plan's flow that refused the first question or
          connection, and were open for a later one. It has C(refused_at_first).
        - C(tried) of them asked, those of the first questions included, and C(failed_always) never got an
          answer, however often they asked.
        - C(pattern) is V(by_connection) if packet loss or a limit of the server do not explain that.
          C(strays) are questions that did not come to the listener or server, as in RV(paths[].strays).
          Of another service, C(how) may also be V(not_served) if it says that it does not serve this host, or
          V(other_service) if another one answers; C(said) has their words.
        - A listener is asked from 16 source ports, and from twice as many if one is silent or refused. A DNS
          server is asked from 5 more, one after the other, or from 3 more if it does not serve this host. A
          time server is asked again only if the first question had no answer.
        - A port that refused is tried from 16 more source ports if a listener should answer, otherwise from 3
          more, one after the other, until one is served.
      type: list
      elements: dict
      returned: if there are some
      sample: [{ports: "53", tried: 6, failed_always: 0}]
    states:
      description: One entry for all ports that have the same state and reason.
      type: list
      elements: dict
      returned: success
      contains:
        ports:
          description: The ports.
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
          description: The evidence for the state.
          type: str
          returned: success
          sample: syn-ack
        reason_ip:
          description: The sender of the ICMP error, V(local) for this host's own kernel.
          type: str
          returned: if there was one
          sample: 192.0.2.1
        proof:
          description:
            - Whether our listener proved itself.
            - V(ours) if it did; V(other_port) if the connection arrived at another port of its host;
              V(silent) if nothing answered the challenge; V(cut_off) if the connection
              ended without an answer; V(unfinished) if a service that was not asked who it is did not even
              acknowledge the end of the connection; V(other) if something else answered; V(other_run) if a
              listener of another run answered.
          type: str
          returned: if a listener was expected and the port is open, or with V(unfinished)
          sample: ours
        answered_by:
          description: The name of the host whose listener proved itself, otherwise empty.
          type: str
          returned: with C(proof)
          sample: n12
        seen_as:
          description: The source address that the listener saw, translated on the path (NAT).
          type: str
          returned: if a listener proved itself and it is not the address that this host sent from
          sample: 198.51.100.7
        identity:
          description:
            - Which service answers on these ports.
            - C(status) is V(identified); V(refusing) if the expected service answers that it does not serve
              this host; V(other) if something else answers; V(silent) if nothing does; or V(unverifiable) if
              the service never says anything before a login (Sybase ASE).
            - Also returned if known are C(version), C(looks_like), C(detail), and C(tls) with C(protocol),
              C(subject), C(issuer), C(names), C(not_after), C(days_left) and C(fingerprint). The fingerprint
              is the SHA-256 of the certificate as in an Exasol connection string. Of a time server there is
              C(clock_offset_s), its clock minus that of this host in seconds, to within the round trip.
            - Answers of servers are shortened, and characters that cannot be printed are escaped.
              Certificates are returned, not verified.
          type: dict
          returned: with O(identify), if the protocol of the service is known
          sample: {status: identified, version: OpenSSH_9.2p1}
        detail:
          description: More about the reason, as text.
          type: str
          returned: if there is more to say
          sample: Name or service not known
        rtt_ms:
          description: Milliseconds until the answer.
          type: dict
          returned: if there was an answer
          sample: {min: 0.081, median: 0.102, max: 0.933}
paths:
  description:
    - What is true of all ports between this host and one address, one entry for each destination and address
      with TCP ports that answered.
    - Everything below C(lost) is measured over connections of its own, at most about 90 for each address, and
      needs a listener of M(exasol_community.network.listener) that proved itself on any TCP port there.
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
      description:
        - How many TCP ports answered, and how many more connections to a listener came about.
        - If a listener proved itself, ports that another host or program answered are not counted.
      type: int
      returned: success
      sample: 1003
    lost:
      description:
        - How many of them needed more than one packet, or one more connection because the first got no reply.
      type: int
      returned: success
      sample: 82
    rtt_ms:
      description: Round-trip times of 8 to 16 handshakes, in milliseconds.
      type: dict
      returned: if a listener proved itself
      sample: {min: 0.081, median: 0.102, p95: 0.441, max: 0.933}
    clock_offset_s:
      description: The clock of the destination less that of this host, in seconds.
      type: float
      returned: if a listener proved itself
      sample: -0.000412
    clock_error_s:
      description: Greatest error of RV(paths[].clock_offset_s), half of a round trip.
      type: float
      returned: with C(clock_offset_s)
      sample: 0.000096
    retransmitted:
      description: How many packets of the measuring connections had to be sent again.
      type: int
      returned: if a listener proved itself
      sample: 0
    connections:
      description:
        - How many connections from different source ports were C(tried), those of the ports included, and how
          many of them C(failed_always), although they were tried again from the same source port.
      type: dict
      returned: if a listener proved itself
      sample: {tried: 1019, failed_always: 0}
    pattern:
      description:
        - V(by_connection) if the same connections fail always and all others pass. So does a dead link of a
          bundle, or a dead way of several that a router spreads connections over.
        - It is returned only if packet loss explains it with a probability below one in a million.
      type: str
      returned: if there is one
      sample: by_connection
    strays:
      description:
        - Connections that did not come to the listener which had proven itself on the same ports, as with a
          load balancer in between.
        - C(how) is V(other_host) if the listener of another host, C(answered_by), proved itself; V(stranger)
          if something else answered; V(refused), by RST or an ICMP error; V(cut_off) if they were accepted
          and ended without an answer; or V(unanswered) if they were accepted and never answered.
        - It is V(refused_here) if a rule or a route of this host itself rejected them, and V(no_neighbour) if
          nothing replied to its ARP or NDP.
        - V(unanswered) is returned only if packet loss explains it with a probability below one in a
          thousand.
      type: list
      elements: dict
      returned: if there are any
      sample: [{how: other_host, ports: "8563", connections: 9, answered_by: n12}]
    segments:
      description:
        - How large TCP segments pass in each direction, C(out) and C(in).
        - C(state) is V(passed) if a full-size segment passes; V(stalled) if full-size segments vanish always
          and smaller ones pass; V(reduced) if they do not fit, but ICMP said so and the kernel sends smaller
          ones; otherwise V(unmeasured).
        - C(mss) is the number of bytes of data in a full-size segment, C(size) that in the largest one that
          passes. The packet has 40 bytes more with IPv4 and 60 with IPv6, and usually 12 of timestamps.
        - C(reason) says why they were not measured - V(services_of_others) if no listener of ours answers
          there, V(no_answer) if no connection for it came about, V(undecided) if it may be packet loss, or
          V(out_of_time).
      type: dict
      returned: if any TCP port is open
      sample:
        out: {state: stalled, size: 1348, mss: 1448}
        in: {state: passed, size: 1448, mss: 1448}
    rate_limit:
      description:
        - New connections a second - C(passes) is the greatest rate that passed, C(drops) the least that did
          not, V(0) if only all at once were dropped.
        - Ports that such a limit dropped were tried again slowly. They are not counted as C(lost).
      type: dict
      returned: if new connections are limited on the way
      sample: {passes: 16, drops: 32}
    gateway:
      description: The next hop to the address, as the routes of this host have it.
      type: str
      returned: if the address is on no link of this host
      sample: 192.0.2.1
    link_address:
      description: The link-layer address from which the address replied to ARP or NDP.
      type: str
      returned: if the address is on a link of this host and its reply is in the kernel's table of neighbors
      sample: 52:54:00:12:34:56
traces:
  description:
    - How far the way to silent, rejected and refused ports was heard, beside that to an open port.
    - A device that was heard last is not necessarily the one that drops. It may be the next one, too, or one
      further on if those in between report nothing.
  returned: with O(trace), if any port that ought to be reachable is silent, rejected or refused
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
    protocol:
      description: V(tcp) or V(udp).
      type: str
      returned: success
      sample: tcp
    port:
      description: The port that was traced.
      type: int
      returned: success
      sample: 8563
    kind:
      description: Whether the port is V(silent), V(rejected), V(refused) or V(open).
      type: str
      returned: success
      sample: silent
    tried:
      description: The greatest number of hops that was tried.
      type: int
      returned: success
      sample: 7
    hops:
      description: Who reported that a packet had too few hops, C(by) address and C(hop).
      type: list
      elements: dict
      returned: success
      sample: [{hop: 1, by: [192.0.2.1]}, {hop: 2, by: [198.51.100.1]}]
    end:
      description:
        - The reply to the packet with the fewest hops that got one, and C(how) it was - V(answered),
          V(refused) (TCP reset), or V(rejected) C(by) the sender of an ICMP error.
      type: dict
      returned: if there was one
      sample: {hop: 4, how: answered}
capture:
  description: What was seen outside of this host's packet filter.
  returned: with O(capture)
  type: dict
  contains:
    complete:
      description: Whether all packets were seen.
      type: bool
      returned: success
      sample: true
    problem:
      description: Why the capture is unusable, for example without root, or if the host has IPsec policies.
      type: str
      returned: if there is one
      sample: "cannot capture: Operation not permitted; it needs root (become)"
    seen:
      description:
        - One entry for each pair of addresses and protocol.
        - C(asked_out) and C(asked_in) are the ports of services to which a connection or datagram left or
          came in.
        - C(answered_out) and C(answered_in) are those from which an answer left or came in.
      type: list
      elements: dict
      returned: success
      sample:
        - {address: 192.0.2.21, remote: 192.0.2.11, protocol: tcp, asked_out: '8563', answered_in: '8563'}
kernel:
  description: What the kernel of this host counted during the probe. Other programs of the host count, too.
  returned: success
  type: dict
  contains:
    grown:
      description: By how much counters have grown, by their names in C(/proc/net/netstat), C(snmp) and
        C(snmp6). Those of C(nf_conntrack) begin with C(Conntrack).
      type: dict
      returned: success
      sample: {IPReversePathFilter: 12}
    unchanged:
      description: Which counters of ICMP errors that this host sent did not grow.
      type: list
      elements: str
      returned: success
      sample: [OutDestUnreachs]
    levels:
      description: How full the tables of the kernel are.
      type: dict
      returned: success
      sample: {conntrack_count: 512, conntrack_max: 262144}
    ways:
      description:
        - The ways to silent addresses that do not work.
        - C(problem) is V(no_route), V(no_reply) if the next hop does not reply to ARP or NDP, or
          V(other_interface) if the route leaves by another interface than that of the own address.
        - C(by_rule) is there if that is so for the port that was asked, and not for the address alone.
      type: list
      elements: dict
      returned: success
      sample: [{remote: 192.0.2.21, problem: no_reply, gateway: 192.0.2.1, interface: eth0}]
    full_queues:
      description: Where services of this host listen that do not accept their connections.
      type: list
      elements: dict
      returned: success
      sample: [{address: 0.0.0.0, protocol: tcp, ports: '8563'}]
    neighbours:
      description: The link-layer address from which an address replied that has no entry in RV(paths).
      type: list
      elements: dict
      returned: success
      sample: [{address: 192.0.2.12, link_address: '52:54:00:12:34:57'}]
    sent_from:
      description:
        - The addresses of this host from which it sent, as its kernel chose them.
        - The address of a protocol and family without C(remotes) is that for all others.
      type: list
      elements: dict
      returned: success
      sample:
        - {protocol: tcp, address: 192.0.2.21}
        - {protocol: tcp, address: 198.51.100.21, remotes: [198.51.100.12]}
    link_addresses:
      description: The link-layer addresses of the interfaces.
      type: list
      elements: str
      returned: success
      sample: ['52:54:00:12:34:56']
ftp_sessions:
  description: The FTP sessions, one entry for each server.
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
        - V(ok), V(failed), V(unverified) if the server's certificate cannot be verified, or V(not-ftp) if it
          is not an FTP server.
        - With V(unverified) and V(not-ftp), neither user name nor password was sent.
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
        - One entry for each way to open a data connection, with C(mode), C(command), its C(address) and
          C(port), C(state), C(reason) and C(detail).
        - C(transfer) is the result of the transfer - V(done), V(failed), V(silent) if no data came, or
          V(nothing) if the server had no list to send.
        - C(announced) is the address in the reply to C(PASV), if it is not the server's.
      type: list
      elements: dict
      returned: success
      sample:
        - {mode: passive, command: EPSV, address: 192.0.2.31, port: 49152, state: filtered, reason:
          no-response}
packed:
  description: The other values, as base64 of zlib-compressed JSON.
  returned: with O(pack), in place of the other values, if the result is large
  type: str
  sample: eJyrVspPSspMTizJzM8rVrKKjq0FAFGoCC4=
idle_left_s:
  description: Seconds until all idle connections have been idle for long enough, V(0) if there are none.
  returned: with O(idle)
  type: float
  sample: 3605.0
summary:
  description: How many ports are in each state.
  returned: success
  type: dict
  sample: {open: 1001, filtered: 1}
id:
  description: A random name of this measurement. M(exasol_community.network.verdict) refuses a measurement
    that several hosts return.
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
elapsed_s:
  description: Duration of the probe in seconds.
  returned: success
  type: float
  sample: 0.213
"""

import uuid
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

# First, and unused: what is imported after it is compiled once.
from ..module_utils._ansible import archive  # noqa: F401  # pylint: disable=unused-import
from ..module_utils._ansible.failures import failures_of
from ..module_utils._ansible.hidden import reveal
from ..module_utils._ansible.options import target_options
from ..module_utils._ansible.planned import planned_options, unpacked
from ..module_utils._identify._registry import IDENTIFIERS
from ..module_utils._kernel import machine
from ..module_utils._plan.ftp_modes import BOTH, MODES
from ..module_utils._probe.probe import Settings, collect, patient, run
from ..module_utils._probe.range_turns import RANGE_RATE
from ..module_utils._probe.sweep import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, Pace
from ..module_utils._values.packed import APART, shrunk
from ..module_utils._values.ports import Ports

if TYPE_CHECKING:
    from ..module_utils._probe.ftp_session import Login


def flow_options() -> Dict[str, Any]:
    """Return the suboptions of a flow."""
    return dict(
        target_options(),
        service={"type": "str", "default": ""},
        identify={"type": "str", "choices": ["", *IDENTIFIERS], "default": ""},
        expected={"type": "str", "choices": ["reachable", "denied"], "default": "reachable"},
        destinations={"type": "dict", "required": True},
        own_cluster={"type": "bool", "default": False},
        member={"type": "bool", "default": False},
    )


def plain_options() -> Dict[str, Any]:
    """Return the suboptions of a plain target."""
    return dict(
        target_options(),
        address={"type": "str", "required": True},
        service={"type": "str", "default": ""},
        identify={"type": "str", "choices": ["", *IDENTIFIERS], "default": ""},
    )


def ftp_options() -> Dict[str, Any]:
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


def idle_options() -> Dict[str, Any]:
    """Return the options of idle connections."""
    return {
        "seconds": {"type": "list", "elements": "int", "required": True},
        "host": {"type": "str", "required": True},
    }


def login_of(params: Dict[str, Any]) -> Optional["Login"]:
    """Return how to log in to FTP servers, or None without the option ftp."""
    ftp = params["ftp"]
    if not ftp:
        return None
    from ..module_utils._probe.ftp_session import Login

    ports = Ports.parse(ftp["active_ports"]) if ftp["active_ports"] else Ports()
    return Login(
        mode=ftp["mode"],
        user=ftp["user"],
        password=reveal(ftp["password"]),
        tls=ftp["tls"],
        active_ports=ports,
        sources=params["source_address"],
        verify=ftp["validate_certs"],
        ca_path=ftp["ca_path"] or "",
    )


def durations_of(params: Dict[str, Any]) -> Sequence[int]:
    """Return for how many seconds idle connections are held, none without the option idle."""
    if not params["idle"]:
        return ()
    from ..module_utils._probe.idle_words import check_seconds

    return check_seconds(params["idle"]["seconds"])


def pace_of(params: Dict[str, Any]) -> Pace:
    """Return how fast to probe; a rate that is given counts for everything."""
    rate = params["rate"]
    return Pace(
        timeout=params["timeout"],
        rate=rate or 0.0,
        range_rate=RANGE_RATE if rate is None else 0.0,
        concurrency=params["concurrency"],
    )


def main() -> None:
    """Run the module."""
    options = {
        "flows": {"type": "list", "elements": "dict", "default": [], "options": flow_options()},
        "targets": {"type": "list", "elements": "dict", "default": [], "options": plain_options()},
        "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
        "rate": {"type": "float"},
        "concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
        "source_address": {"type": "list", "elements": "str", "default": []},
        "token": {"type": "str", "no_log": True},
        "identify": {"type": "bool", "default": True},
        "listening": {"type": "dict", "default": {}},
        "listening_in": {"type": "str"},
        "ftp": {"type": "dict", "options": ftp_options()},
        "capture": {"type": "bool", "default": False},
        "trace": {"type": "bool", "default": True},
        "idle": {"type": "dict", "options": idle_options()},
        "pack": {"type": "bool", "default": False},
    }
    options.update(machine.options())
    options.update(planned_options())
    module = AnsibleModule(
        argument_spec=options,
        supports_check_mode=True,
        required_one_of=[("flows", "targets")],
        required_by={"listening_in": "plan_in"},
    )
    with failures_of(module):
        params = unpacked(module, ("flows", "listening", "addresses"))
        settings = Settings(
            pace=patient(pace_of(params)),
            sources=params["source_address"],
            token=params["token"] or "",
            identify=params["identify"],
            ftp=login_of(params),
            capture=params["capture"],
            trace=params["trace"],
            idle=durations_of(params),
            host=params["idle"]["host"] if params["idle"] else "",
        )
        targets = collect(params["flows"], params["targets"], params["listening"] if params["token"] else {})
        result = dict(
            machine.origin(params["run"], params["addresses"]),
            changed=False,
            id=uuid.uuid4().hex[:12],
            **run(targets, settings),
        )
        module.exit_json(**(shrunk(result, APART) if params["pack"] else result))


if __name__ == "__main__":
    main()
