#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: plan
short_description: Plan which hosts need which ports of which others, from the port table and the inventory
version_added: 0.1.0
description:
  - Turns the port table and the inventory into what each host probes, what it listens on, and what its
    firewall must let through.
  - The plan is computed once, on the controller, and indexed by host; run it with C(run_once).
  - It reads variables for all hosts. Those that belong to the site (C(exasol_services), C(exasol_overrides),
    C(exasol_peers) and others) must have the same value on all hosts of the play and of the plan, whether
    they are set in the inventory or come from a role. Otherwise it fails and names two hosts.
  - A host's address is its variable C(exasol_address) (an address, or a list of them), else C(ansible_host),
    else its name.
  - If a host has the variable C(exasol_external_address) too, the nodes of its own cluster use its
    C(exasol_address), and all others the external one. It need not have the external address itself (1:1
    NAT). The rules of those whom it reaches outside of its cluster permit its external and its own addresses,
    because routes and NAT decide with which of them it arrives there.
  - Nodes belong to one cluster, or to the one that the host variable C(exasol_cluster) names. Nodes of
    different clusters need the database port (C(exa_to_exa)) and the subconnection ports of each other, for
    EXA-to-EXA loading.
  - The variable C(exasol_release) of a node counts before O(release), so each cluster may have its own
    release. All nodes of a cluster need the same one. A row is planned between two nodes if the release of
    one of them needs it.
  - The variable C(exasol_connection_string) of a client is expanded as drivers do it. Every member that is
    not planned anyway is a flow of that client to the port that the string has, and firewalls are opened for
    it. A member that is no address of a node is a destination of its own, with itself as the name. A string
    that cannot be read is an error that names the host.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._attributes.controller
  - exasol_community.network._table
attributes:
  platform:
    support: full
    platforms: all
options:
  peers:
    description:
      - Who plays each peer of the port table, for example V(database_node), V(client), V(admin_network) or
        V(oracle).
      - Each entry is an inventory group, an inventory host, an address, a network, a DNS name with its
        domain, or a range of a connection string such as V(192.0.2.11..14).
      - A network with host bits set, such as V(192.0.2.21/24), is refused, because it can be read in two
        ways.
      - By default the groups C(exasol_nodes) (V(database_node)), C(exasol_clients) (V(client)) and
        C(exasol_admins) (V(admin_network)), as far as they exist, with what the variable C(exasol_peers)
        adds.
      - V(any_node) always holds the managed members of V(database_node) too.
    type: dict
  include:
    description:
      - Optional rows to plan too, by name.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - Rows to leave out, by name.
    type: list
    elements: str
    default: []
  absent_peers:
    description:
      - Peers that your site does not have, for example V(db2).
      - Their rows are listed in RV(not_covered) as declared, and no sentence points them out.
    type: list
    elements: str
    default: []
  allow_any:
    description:
      - Accept a peer that is every address of IPv4 or IPv6, such as V(0.0.0.0/0), V(::/0), or several
        networks that cover all addresses together.
    type: bool
    default: false
  check_denied:
    description:
      - Also plan flows that must be denied, that is the incoming services from every managed host that the
        table does not allow.
      - This includes services that nobody may use, because nobody plays their source or because the row is
        optional and not included. Port 22 of an optional row and excluded rows are left out.
      - Where no planned flow reaches such a port, a node of the same cluster probes it. Without it, silence
        towards others would prove nothing.
      - No host outside of a cluster must reach its nodes at their C(exasol_address), if they have another one
        for it (C(exasol_external_address)). This is tried for all their incoming services, except at names
        and at the only managed node of a cluster.
    type: bool
    default: false
  ftp_mode:
    description:
      - How the data connections of FTP and FTPS are opened at your site, which decides what firewalls must
        let through.
      - With V(passive) the nodes connect to O(ftp_passive_ports) of the servers, with V(active) the servers
        connect to O(ftp_active_ports) of the nodes.
      - Without it the rows of the port table stand as they are.
    type: str
    choices: [passive, active, both]
  ftp_passive_ports:
    description:
      - The ports that the FTP servers announce, by default those of the row C(ftp_passive).
    type: str
  ftp_active_ports:
    description:
      - The ports that nodes announce, by default those that Linux gives a client.
    type: str
    default: 32768-60999
  together:
    description:
      - Fail if the hosts of the play do not run every task at the same time, that is with C(serial) and with
        the strategies C(free) and C(host_pinned).
      - Also fail if the role or block around the task has C(delegate_to) or C(run_once), with which one host
        runs the tasks of others.
      - Also fail if a host of the plan is managed with a connection of network devices, such as
        C(ansible.netcommon.network_cli).
      - A measurement needs this, because all hosts have to listen before any of them probes, and each has to
        probe by itself. Firewall rules do not need it.
      - In check mode, the plan says that nothing is measured (RV(check_mode)), and tasks with C(plan_in) are
        skipped.
    type: bool
    default: false
  hosts:
    description:
      - The hosts of this run, by default all hosts of the play. All others count as outside of the run.
      - With C(serial), name the hosts of the batch (C(ansible_play_batch)) to measure only between these.
    type: list
    elements: str
  pack:
    description:
      - Return each host's part of RV(hosts) that has more than 4096 bytes as one text, base64 of
        zlib-compressed JSON.
        M(exasol_community.network.listener), M(exasol_community.network.probe) and
        M(exasol_community.network.verdict) take such a plan with C(plan_in).
      - Ansible copies a result several times, value by value, and starts each task of each host with a copy
        of its memory. The plan of 1000 hosts has millions of values.
    type: bool
    default: false
  digest:
    description:
      - Return RV(digest), with which the step V(reuse) of M(exasol_community.network.confirmation) compares
        two plans.
    type: bool
    default: false
seealso:
  - module: exasol_community.network.port_info
  - module: exasol_community.network.probe
  - module: exasol_community.network.verdict
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Plan for the default groups
  exasol_community.network.plan:
  run_once: true
  register: plan

- name: Plan for groups of our own, with partner systems and a database port that differs
  exasol_community.network.plan:
    peers:
      database_node: [warehouse]
      client: [reporting, 198.51.100.0/24]
      oracle: [192.0.2.40]
      ldaps_server: [ldap.example.com]
    absent_peers: [db2, sybase_ase]
    overrides:
      sql_client: 9563
  run_once: true
  register: plan

- name: Plan for a version, with a service of our own
  exasol_community.network.plan:
    release: 2025.1.11
    services:
      - name: kafka
        protocol: tcp
        ports: 9092
        source: database_node
        destination: kafka_broker
        description: Kafka connector
  run_once: true
  register: plan

- name: Plan, listen, probe, judge and report with modules alone, as the role verify does
  hosts: all
  gather_facts: false
  tasks:
    - name: Plan the flows of all hosts
      exasol_community.network.plan:
      run_once: true
      register: plan

    - name: Choose the token of this run
      ansible.builtin.set_fact:
        run_token: "{{ lookup('ansible.builtin.password', '/dev/null', length=32, chars=['ascii_letters']) }}"
      run_once: true
      no_log: true

    - name: Start listeners on planned ports without a service
      exasol_community.network.listener:
        host: "{{ inventory_hostname }}"
        token: "{{ run_token }}"
        endpoints: "{{ plan.hosts[inventory_hostname].endpoints }}"
        run: "{{ plan.run }}"
        addresses: "{{ plan.hosts[inventory_hostname].addresses }}"
      register: listener

    - name: Probe the planned flows of each host
      exasol_community.network.probe:
        flows: "{{ plan.hosts[inventory_hostname].probes }}"
        token: "{{ run_token }}"
        listening: >-
          {{ ansible_play_hosts_all
          | exasol_community.network.registered(hostvars, 'listener', 'listening', plan.run) }}
        run: "{{ plan.run }}"
        addresses: "{{ plan.hosts[inventory_hostname].addresses }}"
      register: probe

    - name: End the listeners
      exasol_community.network.listener:
        state: absent
        host: "{{ inventory_hostname }}"
        token: "{{ run_token }}"

    - name: Judge what all hosts observed
      exasol_community.network.verdict:
        plan: "{{ plan }}"
        observations: >-
          {{ ansible_play_hosts_all | exasol_community.network.registered(hostvars, 'probe') }}
        listeners: >-
          {{ ansible_play_hosts_all | exasol_community.network.registered(hostvars, 'listener') }}
      run_once: true
      register: verification

    - name: Write the reports
      exasol_community.network.report:
        verification: "{{ verification }}"
        directory: report
      run_once: true

    - name: Fail if any flow is not ok
      ansible.builtin.assert:
        that: verification.summary | length > 0 and verification.not_ok == 0
      run_once: true
"""

RETURN = r"""
check_mode:
  description: That nothing is measured with this plan.
  returned: with O(together) in check mode
  type: bool
  sample: true
hosts:
  description: What each managed host has to do, by its name; with O(pack), each a text.
  returned: success
  type: dict
  contains:
    peers:
      description: The peers that the host plays.
      type: list
      elements: str
      returned: success
      sample: [any_node, database_node]
    addresses:
      description: The host's addresses.
      type: list
      elements: str
      returned: success
      sample: [10.0.0.11]
    external:
      description: The addresses at which all others than the nodes of its own cluster reach the host.
      type: list
      elements: str
      returned: success
      sample: [192.0.2.11]
    is_login_address:
      description: Whether its address is where Ansible logs in, because C(exasol_address) is not set.
      type: bool
      returned: if it is
      sample: true
    cluster:
      description: The name of its cluster, or nothing.
      type: str
      returned: success
      sample: ''
    probes:
      description: The flows that start here, for O(exasol_community.network.probe#module:flows).
      type: list
      elements: dict
      returned: success
      sample:
        - service: subconnection_in
          protocol: tcp
          ports: 20000-21000
          expected: reachable
          destinations: {n12: [192.0.2.12]}
    endpoints:
      description: Where the host listens for the probes of others, for
        O(exasol_community.network.listener#module:endpoints).
      type: list
      elements: dict
      returned: success
      sample:
        - {address: 10.0.0.11, protocol: tcp, ports: '8563,20000-21000'}
        - {address: 192.0.2.11, protocol: tcp, ports: '8563', behind: [10.0.0.11]}
    rules:
      description:
        - What the host's firewall must let in or out.
        - An entry without addresses opens nothing. It lists the service ports that nobody may use, for
          O(exasol_community.network.firewall#module:restrict).
      type: list
      elements: dict
      returned: success
      sample:
        - direction: in
          protocol: tcp
          ports: '2580,8563'
          addresses: [192.0.2.21]
          services: [bucketfs, sql_client]
connections:
  description: The connection strings of clients; those with the same one share an entry.
  returned: success
  type: list
  elements: dict
  contains:
    clients:
      description: The clients that have it.
      type: list
      elements: str
      returned: success
      sample: [reporting]
    members:
      description: What it stands for, without settings.
      type: list
      elements: dict
      returned: success
      sample: [{host: 192.0.2.11, port: 8563, fingerprint: ''}]
    ports:
      description: The database port of the plan.
      type: str
      returned: success
      sample: '8563'
    unmanaged:
      description: Nodes that are no hosts of the inventory.
      type: list
      elements: str
      returned: success
      sample: []
    notes:
      description: What the Go driver reads in another way, if the string is one of its DSNs.
      type: list
      elements: str
      returned: success
      sample: []
flows:
  description: How many flows the probes measure.
  returned: success
  type: int
  sample: 72
not_covered:
  description: Rows of the port table without a flow in this plan.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: The row of the port table.
      type: str
      returned: success
      sample: oracle
    protocol:
      description: Its protocol.
      type: str
      returned: success
      sample: tcp
    ports:
      description: Its ports.
      type: str
      returned: success
      sample: '1521'
    need:
      description: V(required) or V(optional).
      type: str
      returned: success
      sample: required
    cause:
      description:
        - Why there is no flow.
        - V(unassigned) if nobody plays a peer, V(empty) if what is named for it holds no host, V(absent) if
          O(absent_peers) names it.
        - V(excluded), V(optional) or V(ftp_mode) if O(exclude), O(include) or O(ftp_mode) leaves the row out.
        - V(no_pair) if no two hosts differ as the row needs, such as nodes of two clusters.
      type: str
      returned: success
      sample: unassigned
    peers:
      description: The peers that nobody plays.
      type: list
      elements: str
      returned: success
      sample: [oracle]
    reason:
      description: The cause as text.
      type: str
      returned: success
      sample: nobody plays oracle
notes:
  description: Options without an effect, groups that are probably misspelt, and addresses of nodes that
    differ from what Exasol's documentation asks for; they are printed as warnings too.
  returned: success
  type: list
  elements: str
  sample: []
run:
  description:
    - A random name of this plan. The tasks that listen and probe get it as C(run) and return it, so that
      M(exasol_community.network.verdict) counts nothing that was registered before.
  returned: success
  type: str
  sample: 5b0e6f3c9d21
digest:
  description:
    - A text that is the same for plans and variables of the role P(exasol_community.network.verify#role) with
      which the same is measured. Empty if a login is set (C(exasol_ftp_user)), because the password decides
      too.
  returned: with O(digest)
  type: str
release:
  description: The release that was planned for; several are separated by commas, the oldest first.
  returned: success
  type: str
  sample: '8'
unassigned:
  description: Peers of the port table that nobody plays.
  returned: success
  type: list
  elements: str
  sample: [oracle, sybase_ase]
untestable:
  description: Flows that no probe can measure, with the reason; every source with every destination.
  returned: success
  type: list
  elements: dict
  sample:
    - service: sql_client
      protocol: tcp
      ports: '8563'
      sources: [198.51.100.0/24]
      destinations: [n11, n12]
      reason: the source is not a host of this inventory
"""
