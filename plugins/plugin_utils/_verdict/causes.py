# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The causes: stable codes for why a flow has its verdict, or for what a note is about.

A verdict names a party, a cause the reason. Each cause is one entry here: what it means, who acts, the next
command to run, and the verdicts that it may stand beside. C(docs/causes.md) is written from the entries
(C(tools/causes_doc.py)). C(reasons.py) fills the command in for a flow.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
    DEGRADED,
    EXPOSED,
    NO_LISTENER,
    NO_ROUTE,
    STALLED,
    UNRESOLVED,
    UNTESTED,
    WRONG_HOST,
    WRONG_SERVICE,
)

if t.TYPE_CHECKING:
    from ...module_utils._shapes import NoteCause

NOTE = "note"  # stands in Cause.verdicts of what may be the cause of a note
_DROPPED = (
    BLOCKED,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
)


# Who may have to act: a party by its role, or what decides between them (actors.py).
SOURCE, DESTINATION = "source", "destination"
NETWORK, NAMES, OWNER, RUN, UNKNOWN = "network", "name resolution", "service owner", "this run", "unknown"
PLACE, SENDER, ROUTER, NEIGHBOUR = ("place",), ("sender",), ("router",), ("neighbour",)
FILTERING, TWIN, SILENT_END = ("filtering",), ("twin",), ("silent end",)


class Cause(t.NamedTuple):
    """Why a flow has its verdict."""

    code: str
    means: str
    acts: str  # who acts, and how
    # The next command to run, with the fields of reasons.COMMAND_WORDS; behind "#" stands where.
    command: str
    verdicts: tuple[str, ...]
    actors: tuple[str, ...]
    rule_helps: bool  # whether a rule of a firewall makes such flows work
    # What to do, with the fields of the report's blocks; empty if a rule helps.
    todo: str


_ENTRIES: list[Cause] = []


def _cause(
    code: str,
    means: str,
    acts: str,
    command: str,
    verdicts: Iterable[str],
    actors: tuple[str, ...],
    rule_helps: bool = False,
    todo: str = "",
) -> Cause:
    entry = Cause(
        code=code,
        means=means,
        acts=acts,
        command=command,
        verdicts=tuple(verdicts),
        actors=actors,
        rule_helps=rule_helps,
        todo=todo,
    )
    _ENTRIES.append(entry)
    return entry


SILENCE = _cause(
    code="silence",
    means="Nothing came back: neither an answer nor an error. A filter that drops looks like that.",
    acts="Whoever runs the filter at the place that the verdict names; without a place, all of them.",
    command="nft list ruleset  # on {suspect}",
    verdicts=(*_DROPPED, UNTESTED),
    actors=PLACE,
    rule_helps=True,
)
LOST_ON_PATH = _cause(
    code="lost_on_path",
    means="Packets left one end and did not arrive at the other one, as captures of both ends show.",
    acts="Whoever runs the devices in between.",
    command="traceroute -n -T -p {port} {address}  # on {source}",
    verdicts=(BLOCKED_ON_PATH, BLOCKED_ON_RETURN),
    actors=(NETWORK,),
    rule_helps=True,
)
ICMP_REJECTED = _cause(
    code="icmp_rejected",
    means="A filter rejects the connection with an ICMP error, which has a sender. If that is the "
    "destination, its own counter says whether it sent the error. Without it, a bridging firewall in between "
    "may have sent it in the destination's name.",
    acts="Whoever runs the sender of the error (`reason_ip`), or a device in between if the verdict is "
    "`blocked`.",
    command="nft list ruleset  # on {rejecter}",
    verdicts=_DROPPED,
    actors=SENDER,
    rule_helps=True,
)
RESET = _cause(
    code="reset",
    means="The connection is refused with a reset, although something listens on the port.",
    acts="Whoever runs the filter that rejects with a reset: the destination's own, or one in between.",
    command="ss -ltn 'sport = :{port}'; nft list ruleset  # on {destination}",
    verdicts=_DROPPED,
    actors=PLACE,
    rule_helps=True,
)
NO_ARP_REPLY = _cause(
    code="no_arp_reply",
    means="A host or router gets no ARP or NDP reply, from the address itself or from its next hop.",
    acts="Whoever runs the host that does not reply: it is down, or an address or a prefix length is wrong.",
    command="ip route get {address}; ip neighbour  # on {source}",
    verdicts=(NO_ROUTE, DEGRADED, UNTESTED),
    actors=NEIGHBOUR,
    todo=(
        "find out why nothing replies to ARP or NDP for {addresses}: start {destinations}, or correct"
        " addresses, prefix lengths and routes"
    ),
)
NO_WAY = _cause(
    code="no_route",
    means="The source, or a router on the path, has no route to the address.",
    acts="Whoever runs the sender of the error; without one, the source.",
    command="ip route get {address}  # on {source}",
    verdicts=(NO_ROUTE,),
    actors=ROUTER,
    todo="add a route from {sources} to {addresses}, or correct the address of {destinations}",
)
TOO_MANY_HOPS = _cause(
    code="too_many_hops",
    means="A router reports that the packets have passed as many routers as they may (ICMP time exceeded). "
    "They go in a circle between routers that lead them to each other, or they begin with too small a "
    "number.",
    acts="Whoever runs the routers: correct the route that leads back. Or the source, if a rule or "
    "`net.ipv4.ip_default_ttl` makes its packets pass too few.",
    command="traceroute -n -T -p {port} {address}  # on {source}",
    verdicts=(NO_ROUTE,),
    actors=(NETWORK, SOURCE),
    todo=(
        "correct the routes to {addresses}: packets from {sources} go in a circle, or may pass too few "
        "routers"
    ),
)
NO_ROUTE_BACK = _cause(
    code="no_route_back",
    means="The destination has no route to the source, or the gateway of that route does not reply to ARP "
    "or NDP. So no answer can leave, whatever its firewall permits.",
    acts="Whoever runs the destination: add the route, or repair the gateway.",
    command="ip route get {source_address}; ip neighbour  # on {destination}",
    verdicts=(NO_ROUTE,),
    actors=(DESTINATION,),
    todo="on {destinations}: add a route back to {sources}, or repair its gateway",
)
REVERSE_PATH_FILTER = _cause(
    code="reverse_path_filter",
    means="A host drops packets that come in on another interface than the one by which it would answer "
    "(`net.ipv4.conf.*.rp_filter`, RFC 3704). The kernel counts them (`IPReversePathFilter`).",
    acts="Whoever runs that host: correct its route to the other end, or set rp_filter to 2 (loose).",
    command="nstat -az TcpExtIPReversePathFilter; sysctl -ar 'rp_filter$'  # on {filtering}",
    verdicts=(BLOCKED, BLOCKED_AT_DESTINATION, BLOCKED_ON_RETURN),
    actors=FILTERING,
    todo=(
        "correct the route to the other end, or set rp_filter to 2 (loose): {ports} from {sources} to"
        " {destinations}"
    ),
)
ASYMMETRIC_ROUTE = _cause(
    code="asymmetric_route",
    means="The destination answers by another interface than the one that has the address in question. "
    "Filters that track connections may drop such answers.",
    acts="Whoever runs the routes of the destination, or the filters on that way.",
    command="ip route get {source_address}  # on {destination}",
    verdicts=(BLOCKED_ON_RETURN,),
    actors=(DESTINATION, NETWORK),
    todo="route both directions between {sources} and {destinations} alike",
)
ACCEPT_QUEUE_FULL = _cause(
    code="accept_queue_full",
    means="The service does not accept its connections: its accept queue is full, so the kernel drops more. "
    "The process is stopped, hangs, or is overloaded.",
    acts="Whoever runs the service on the destination. If connections are accepted, the network is open.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(WRONG_SERVICE,),
    actors=(OWNER,),
    todo="let {service} on {destinations} accept its connections: it hangs, is stopped or overloaded",
)
CONNTRACK_FULL = _cause(
    code="conntrack_full",
    means="The destination's table of connections is full, so its kernel drops packets of new ones.",
    acts="Whoever runs the destination: raise `net.netfilter.nf_conntrack_max`, or end what fills the table.",
    command="sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max  # on {destination}",
    verdicts=(BLOCKED, BLOCKED_AT_DESTINATION),
    actors=(DESTINATION,),
    todo="on {destinations}: raise net.netfilter.nf_conntrack_max, or end what fills the table",
)
HALF_OPEN = _cause(
    code="half_open",
    means="The handshake passes, and nothing after it. A filter drops what follows (asymmetric routes, a "
    "state table that saw one direction only), or a proxy or a SYN proxy accepted for a server that does not "
    "answer, or the service hangs.",
    acts="Whoever runs the filters and proxies between both ends; of a service, also whoever runs it.",
    command="tcpdump -ni any 'tcp port {port}'  # on {destination}",
    verdicts=(STALLED, WRONG_SERVICE, WRONG_HOST, UNTESTED),
    actors=SILENT_END,
    todo=(
        "find what drops data after the handshake: {ports} from {sources} to {destinations} "
        "(asymmetric routes, a proxy without a server, a service that hangs)"
    ),
)
OTHER_HOST = _cause(
    code="other_host",
    means="The listener of another host of this run proves itself at the address.",
    acts="Whoever runs the load balancer or the NAT rule, or the inventory, if an address is wrong.",
    command="ip -brief address  # on {destination}",
    verdicts=(WRONG_HOST, UNTESTED),
    actors=(NETWORK, RUN),
    todo="lead {addresses} ({ports}) to {destinations} instead of another host, or correct exasol_address",
)
ANSWERS_DIFFER = _cause(
    code="answers_differ",
    means="The destination answers some connections or datagrams to a port, and others are refused, cut off "
    "or never answered: a load balancer leads them to several servers, or a device on one of several equal "
    "routes, or a limit for connections, rejects some. A port that refused the first one is tried again, so "
    "it makes no difference which of them that was.",
    acts="Whoever runs the load balancer, or the limit in between or on the destination.",
    command="nft list ruleset; ss -tun 'sport = :{port}'  # on {destination}",
    verdicts=(DEGRADED,),
    actors=(NETWORK, DESTINATION),
    todo="find what refuses some connections of {sources} to {destinations}",
)
REJECTED_AT_SOURCE = _cause(
    code="rejected_at_source",
    means="The source's own kernel rejects some connections or datagrams to a port, and others reach the "
    "destination: a limit for connections or another rule at the output of the source, or a route there.",
    acts="Whoever runs the source.",
    command="nft list ruleset; iptables-save; ip rule; ip route show table all  # on {source}",
    verdicts=(DEGRADED,),
    actors=(SOURCE,),
    todo="on {sources}: find the rule or route that rejects some connections to {destinations}",
)
OTHER_PORT = _cause(
    code="other_port",
    means="The connection arrives at another port of the host than the one that was asked.",
    acts="Whoever runs the NAT rule, the port forwarding or the load balancer.",
    command="nft list ruleset; iptables-save -t nat  # on {destination}",
    verdicts=(WRONG_SERVICE, UNTESTED),
    actors=(DESTINATION, NETWORK),
    todo="lead {ports} of {destinations} to the same port: correct the NAT rule or port forwarding",
)
OTHER_ANSWER = _cause(
    code="other_answer",
    means="Something other than our listener answers where our listener waits.",
    acts="Whoever runs the load balancer, proxy or host that answers.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(WRONG_HOST, UNTESTED),
    actors=(NETWORK, DESTINATION),
    todo="let {ports} from {sources} through to {destinations}: something else answers",
)
DUPLICATE_ADDRESS = _cause(
    code="duplicate_address",
    means="A link-layer address that is none of the host's answers ARP or NDP for its address: another "
    "machine has the address too, or a device answers for it (proxy ARP).",
    acts="Whoever runs the machine with that link-layer address.",
    command="arping -D -c 3 -I INTERFACE {twin_address}; ip neighbour show {twin_address}  # on {observer}",
    verdicts=(WRONG_HOST, UNTESTED, BLOCKED, BLOCKED_ON_RETURN, NOTE),
    actors=TWIN,
    todo="find the other machine that answers for {addresses}, and give it another address",
)
OTHER_SERVICE = _cause(
    code="other_service",
    means="Another service answers than the row of the table expects, or answers some questions over UDP: "
    "then a load balancer leads these to another server.",
    acts="Whoever keeps the ports of the inventory, or the service in front of the port.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(WRONG_SERVICE,),
    actors=(OWNER, RUN),
    todo="start {service} on {ports} of {destinations}, or correct its port in exasol_overrides",
)
SERVICE_REFUSES = _cause(
    code="service_refuses",
    means="The expected service answers that it does not serve this host, or says so to some questions over "
    "UDP: then one of several servers behind a load balancer does, or it limits its answers. The network is "
    "open.",
    acts="Whoever runs the service.",
    command="",
    verdicts=(WRONG_SERVICE,),
    actors=(OWNER,),
    todo="let {service} on {destinations} serve {sources}",
)
BAD_REPLY = _cause(
    code="bad_reply",
    means="A server announces an address or a port that cannot be used.",
    acts="Whoever runs the server.",
    command="",
    verdicts=(WRONG_SERVICE,),
    actors=(OWNER,),
    todo="correct the addresses and ports that {service} on {destinations} announces",
)
TRANSFER_FAILED = _cause(
    code="transfer_failed",
    means="The data connection of FTP opens, and the transfer fails.",
    acts="Whoever runs the FTP server: its log says why.",
    command="",
    verdicts=(WRONG_SERVICE,),
    actors=(OWNER,),
    todo="look at the log of {service} on {destinations}: transfers to {sources} fail",
)
ANNOUNCED_ADDRESS = _cause(
    code="announced_address",
    means="An FTP server announces another address than its own for data connections.",
    acts="Whoever runs the FTP server, or the NAT device in front of it.",
    command="",
    verdicts=(WRONG_HOST,),
    actors=(OWNER, NETWORK),
    todo="let {destinations} announce its own address for data connections of {service}, or translate it",
)
NO_LOGIN = _cause(
    code="no_login",
    means="The probe could not log in to the FTP server, so its data connections were not tested.",
    acts="Whoever keeps the inventory (`exasol_ftp_user`), or runs the server.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN, OWNER),
    todo="correct exasol_ftp_user and its password, or let that user log in to {service} on {destinations}",
)
FINGERPRINT_DIFFERS = _cause(
    code="fingerprint_differs",
    means="The server presents another certificate than the connection string of a client names.",
    acts="Whoever keeps the connection string, unless another server answers there.",
    command="openssl s_client -connect {endpoint} </dev/null | openssl x509 -noout -fingerprint -sha256"
    "  # on {source}",
    verdicts=(WRONG_SERVICE,),
    actors=(SOURCE, OWNER),
    todo=(
        "write the new fingerprint of {destinations} into exasol_connection_string of {sources}, or "
        "find out which other server answers"
    ),
)
NOTHING_LISTENS = _cause(
    code="nothing_listens",
    means="The host refuses, because nothing listens on the port.",
    acts="Whoever runs the service: start it, or correct its port in `exasol_overrides`.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(NO_LISTENER, UNTESTED),
    actors=(OWNER,),
    todo="start {service} on {ports} of {destinations}, or correct its port in exasol_overrides",
)
LISTENS_ELSEWHERE = _cause(
    code="listens_elsewhere",
    means="The service listens, but on other addresses of its host only.",
    acts="Whoever runs the service.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(NO_LISTENER,),
    actors=(OWNER,),
    todo="let {service} on {destinations} listen on {addresses} ({ports})",
)
NAME_UNRESOLVED = _cause(
    code="name_unresolved",
    means="The source cannot resolve the name.",
    acts="Whoever runs the resolvers of the source.",
    command="getent ahosts {address}  # on {source}",
    verdicts=(UNRESOLVED,),
    actors=(NAMES,),
    todo="fix name resolution of {addresses} on {sources}, or use an IP address",
)
NAMES_DIFFER = _cause(
    code="names_differ",
    means="A DNS name means different addresses on different hosts.",
    acts="Whoever runs the resolvers and /etc/hosts of these hosts, unless it is intended.",
    command="getent ahosts NAME  # on both hosts",
    verdicts=(NOTE,),
    actors=(NAMES,),
    todo="let the name mean the same addresses on all hosts",
)
NAT_SOURCE = _cause(
    code="nat_source",
    means="A device on the path translates the source address, so the destination sees another one than "
    "the plan has.",
    acts="Whoever writes the rules at the destination: they need the address that it sees.",
    command="",
    verdicts=(NOTE, BLOCKED),
    actors=(DESTINATION, NETWORK),
    todo="use the translated address in the rules for {sources}",
)
SOURCE_ADDRESS = _cause(
    code="source_address",
    means="The kernel of the source sends from another of its addresses than the plan has for it, so rules "
    "for the planned address do not match.",
    acts="Whoever runs the source: set the source address of its route (`src` of ip-route(8)). Or whoever "
    "keeps the inventory (`exasol_address`, `exasol_verify_source_address`), if that address is meant.",
    command="ip route get {address}  # on {source}",
    verdicts=(*_DROPPED, NOTE),
    actors=(SOURCE,),
    todo=(
        "set the source address of the route from {sources} to {addresses}, or correct exasol_address of "
        "{sources}"
    ),
)
LOSS = _cause(
    code="loss",
    means="Packets are lost on the path: connections need several tries, or so many packets are lost that a "
    "port without an answer proves no filter.",
    acts="Whoever runs the network in between.",
    command="ip -s link  # on both ends",
    verdicts=(DEGRADED, UNTESTED, NOTE),
    actors=(NETWORK,),
    todo="find what loses packets between {sources} and {destinations}",
)
LINK_OF_BUNDLE = _cause(
    code="link_of_bundle",
    means="The same connections, or datagrams from the same source ports, fail always and all others pass: "
    "one link of a bundle, one of several equal routes, or one server of a load balancer drops packets. Of a "
    "service of others over UDP, it may also be one of several processes that hangs.",
    acts="The network team. Of a service of others over UDP, also whoever runs it.",
    command="",
    verdicts=(DEGRADED,),
    actors=(NETWORK,),
    todo="find the link of a bundle, the route or the server that drops packets from {sources} to "
    "{destinations}",
)
LIMIT_EXCEEDED = _cause(
    code="limit_exceeded",
    means="A measured value exceeds a limit of the site (`exasol_verify_limits`).",
    acts="Whoever runs the network in between, or keeps the limits.",
    command="",
    verdicts=(DEGRADED,),
    actors=(NETWORK, RUN),
    todo=(
        "bring the path from {sources} to {destinations} within exasol_verify_limits, or correct the limits"
    ),
)
CLOCKS_DIFFER = _cause(
    code="clocks_differ",
    means="The clocks of both ends differ.",
    acts="Whoever runs the time synchronisation of the hosts.",
    command="chronyc tracking || timedatectl  # on both ends",
    verdicts=(DEGRADED, NOTE),
    actors=(SOURCE, DESTINATION),
    todo="synchronise the clocks of {sources} and {destinations}",
)
SEGMENT_TOO_LARGE = _cause(
    code="segment_too_large",
    means="Full-size segments vanish and smaller ones pass: a link on the path takes smaller packets, and "
    "its ICMP message is filtered.",
    acts="The network team: let the ICMP message through, or clamp the MSS.",
    command="tracepath -n {address}  # on {source}",
    verdicts=(STALLED,),
    actors=(NETWORK,),
    todo='let ICMP "fragmentation needed" through between {sources} and {destinations}, or clamp the MSS',
)
SMALLER_MTU = _cause(
    code="smaller_mtu",
    means="A link on the path takes smaller packets, and its ICMP messages arrive, so data passes.",
    acts="No one has to.",
    command="",
    verdicts=(NOTE,),
    actors=(),
)
SEGMENTS_UNMEASURED = _cause(
    code="segments_unmeasured",
    means="The port is reached, but it is unknown whether full-size segments pass.",
    acts="Measure again.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="measure {ports} from {sources} to {destinations} again",
)
SYN_COOKIES = _cause(
    code="syn_cookies",
    means="The queue of half-open connections of a host was full, so its kernel answered with SYN cookies.",
    acts="Whoever runs the service: it accepts too slowly, or many clients connect at once.",
    command="nstat -az 'TcpExtSyncookies*' TcpExtListenDrops  # on {destination}",
    verdicts=(NOTE,),
    actors=(OWNER,),
    todo="let the service accept faster",
)
GATEWAY_IN_CLUSTER = _cause(
    code="gateway_in_cluster",
    means="Nodes of a cluster reach each other through a gateway; Exasol expects one layer 2 segment.",
    acts="Whoever runs the nodes, if the gateway is not intended.",
    command="ip route get {address}  # on {source}",
    verdicts=(NOTE,),
    actors=(SOURCE,),
    todo="check prefix lengths and routes of the nodes",
)
OPEN_THOUGH_DENIED = _cause(
    code="open_though_denied",
    means="A port is reached that the port table does not allow.",
    acts="Whoever runs the firewall of the destination, or the network in between.",
    command="nft list ruleset  # on {destination}",
    verdicts=(EXPOSED,),
    actors=(DESTINATION, NETWORK),
    todo="close {ports} of {destinations} for {sources}",
)
NO_CONTROL = _cause(
    code="no_control",
    means="A denied port is not reached, but no host that may use it reached it either.",
    acts="Whoever keeps the inventory: include a host that may use the port.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="include a host that may use {ports} of {destinations}, so that silence proves something",
)
OTHER_RUN = _cause(
    code="other_run",
    means="A listener of another run has the port.",
    acts="Whoever measures: wait until that run is over, and measure again.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="wait until the other run on {destinations} is over, and measure again",
)
ONE_MACHINE = _cause(
    code="one_machine",
    means="Two hosts of the inventory are one machine.",
    acts="Whoever keeps the inventory.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="correct ansible_host and exasol_address: {destinations} and another host are one machine",
)
NO_OWN_LISTENER = _cause(
    code="no_own_listener",
    means="Our own listener did not run on the port when it was probed, or its host was too busy to let it "
    "answer, so a refusal or silence proves nothing.",
    acts="Whoever measures; the sentence says why it did not run.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="let our listener run on {ports} of {destinations}, and measure again",
)
DESTINATION_LOST = _cause(
    code="destination_lost",
    means="The destination was restarted or became unreachable during the run.",
    acts="Whoever runs the destination; then measure again.",
    command="uptime  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(DESTINATION,),
    todo="find out why {destinations} went away during the run, and measure again",
)
PORT_TAKEN = _cause(
    code="port_taken",
    means="Something holds the port without listening, such as an outgoing connection of the host.",
    acts="Whoever runs the host: reserve the ports.",
    command="ss -tanp 'sport = :{port}'  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(DESTINATION,),
    todo=(
        "on {destinations}: keep {ports} free of other connections "
        "(net.ipv4.ip_local_reserved_ports), and measure again"
    ),
)
FOREIGN_ADDRESS = _cause(
    code="foreign_address",
    means="The address is none of the host's, so another host may have answered.",
    acts="Whoever keeps the inventory or the names.",
    command="ip -brief address  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(RUN, NAMES),
    todo="correct exasol_address of {destinations}, or what its name leads to",
)
LOOPBACK_ADDRESS = _cause(
    code="loopback_address",
    means="The address is a loopback address, by which every machine reaches only itself, and both hosts are "
    "different machines.",
    acts="Whoever keeps the inventory: set `exasol_address` to an address that other hosts reach.",
    command="ip -brief address  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="set exasol_address of {destinations} to an address that other hosts reach, not to {addresses}",
)
TWO_NETWORKS = _cause(
    code="two_networks",
    means="`exasol_address` of a node lists addresses of two networks.",
    acts="Whoever keeps the inventory: set `exasol_external_address`.",
    command="",
    verdicts=(UNTESTED, NOTE),
    actors=(RUN,),
    todo="set exasol_external_address of {destinations}, and measure again",
)
UNIDENTIFIED = _cause(
    code="unidentified",
    means="It is unknown who answers on the port.",
    acts="Measure again.",
    command="ss -ltnp 'sport = :{port}'  # on {destination}",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="measure {ports} of {destinations} again",
)
UDP_SILENCE = _cause(
    code="udp_silence",
    means="With UDP, a filter and a service that does not answer look the same.",
    acts="No one can be named.",
    command="",
    verdicts=(UNTESTED,),
    actors=(UNKNOWN,),
    todo="check by hand whether {service} on {destinations} answers {sources}: nothing shows it",
)
NOT_MEASURED = _cause(
    code="not_measured",
    means="The source was not able to test the port.",
    acts="Whoever measures; the sentence has the problem.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="let {sources} measure {ports} of {destinations}: the sentence has the problem",
)

IDLE_CUT = _cause(
    code="idle_cut",
    means="A connection that was idle for a time that the site wants (`exasol_verify_idle`) no longer works, "
    "while one in use all the time does: a firewall or a NAT device forgot it, or reset it.",
    acts="Whoever runs that device: keep idle connections longer. Or the hosts: send keepalives earlier.",
    command="sysctl net.ipv4.tcp_keepalive_time  # on both ends",
    verdicts=(DEGRADED,),
    actors=(NETWORK,),
    todo="keep idle connections from {sources} to {destinations} longer, or send keepalives earlier",
)
IDLE_UNMEASURED = _cause(
    code="idle_unmeasured",
    means="The port is reached, but it is unknown how long connections may be idle, which the site wants to "
    "know (`exasol_verify_idle`).",
    acts="Measure again.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="measure idle connections from {sources} to {destinations} again",
)
THROUGHPUT_LOW = _cause(
    code="throughput_low",
    means="A transfer over the path, with no other transfer of either host, carries less than the site wants "
    "(`throughput_mb_s` of `exasol_verify_limits`); or those of a host carry less than half of the others. "
    "Transfers between other hosts may have shared a link in between.",
    acts="Whoever runs the links and devices in between, or either host: its network card or processors.",
    command="ip -s link  # on both ends: errors and drops",
    verdicts=(DEGRADED, NOTE),
    actors=(UNKNOWN,),
    todo="look for slow links, errors and traffic of others between {sources} and {destinations}",
)
THROUGHPUT_UNMEASURED = _cause(
    code="throughput_unmeasured",
    means="The port is reached, but it is unknown how much data the path carries, which the site wants to "
    "know (`exasol_verify_throughput`).",
    acts="Measure again, with more `total_seconds` if the hosts were busy with each other.",
    command="",
    verdicts=(UNTESTED,),
    actors=(RUN,),
    todo="measure the throughput from {sources} to {destinations} again",
)
RATE_LIMITED = _cause(
    code="rate_limited",
    means="A device, or the host itself, lets only so many new connections a second pass and drops the "
    "others. Asked more slowly, they pass.",
    acts="Whoever runs what limits, if applications open many connections at once; for measurements, set "
    "`exasol_verify_rate`.",
    command="",
    verdicts=(NOTE, UNTESTED),
    actors=(RUN, NETWORK),
    todo="measure {ports} of {destinations} again with a lower exasol_verify_rate",
)
LATE_ANSWERS = _cause(
    code="late_answers",
    means="The destination answers, but only after the source has stopped waiting: the round trip takes "
    "longer than `exasol_verify_timeout`. Packets pass in both directions, so no filter "
    "explains the silence.",
    acts="Whoever measures: set a longer `exasol_verify_timeout`. Whoever runs the network in between, or, "
    "with UDP, the service: look for the delay, which applications have, too.",
    command="ping -c 4 {address}  # on {source}",
    verdicts=(UNTESTED,),
    actors=(RUN, NETWORK),
    todo="set a longer exasol_verify_timeout for {sources}, measure {ports} of {destinations} again, and "
    "look for the delay on the path, or of services of UDP",
)
SOURCE_BANNED = _cause(
    code="source_banned",
    means="Since some moment of the run everything from the source is dropped, also to ports that had "
    "answered: a device took the measurement for a port scan.",
    acts="Whoever runs the device: end the ban; then measure again with a lower `exasol_verify_rate`.",
    command="",
    verdicts=(UNTESTED,),
    actors=(NETWORK,),
    todo="end the ban of {sources}, then measure again with a lower exasol_verify_rate",
)
SILENT_SOURCE = _cause(
    code="silent_source",
    means="Nothing of a destination answers one source, while other sources reach the same services there, "
    "and other destinations answer that source. A filter or a route lacks its address, or it is banned "
    "(fail2ban, a scan detector), perhaps since an earlier run. Nothing on the wire tells these apart.",
    acts="Whoever runs the destination or the devices in between: look for the address of the source in "
    "rules and bans.",
    command="nft list ruleset; ipset list; fail2ban-client status  # on {destination}",
    verdicts=(NOTE,),
    actors=(DESTINATION, NETWORK),
    todo="look for the addresses of {sources} in rules and bans of {destinations} and of devices in between",
)
FORGED_REFUSAL = _cause(
    code="forged_refusal",
    means="A refusal or an ICMP error in the name of the destination is not the destination's: it comes from "
    "nearer, or captures show that the destination got no packet.",
    acts="Whoever runs the device in between that made it, or what leads the address to another host.",
    command="traceroute -n -T -p {port} {address}  # on {source}",
    verdicts=(BLOCKED_ON_PATH,),
    actors=(NETWORK,),
    rule_helps=True,
)

CAUSES: Mapping[str, Cause] = {entry.code: entry for entry in _ENTRIES}
if len(CAUSES) != len(_ENTRIES):
    raise ValueError("two causes have the same code")


# The kernels of both ends explain why nothing came back: no device in between is to blame.
EXPLAINED_BY_KERNELS = frozenset(
    entry.code
    for entry in (REVERSE_PATH_FILTER, CONNTRACK_FULL, DUPLICATE_ADDRESS, NO_ROUTE_BACK, NO_ARP_REPLY)
)


class Note(str):
    """A note for a run. It is text; if it is about a cause, it also has its code, and the next command."""

    __slots__ = ("cause", "evidence", "next_command")

    cause: str
    evidence: tuple[str, ...]
    next_command: str


def causes_of(notes: Iterable[str]) -> list[NoteCause]:
    """Return the causes of those notes that are about one."""
    return [
        {
            "note": str(one),
            "cause": one.cause,
            "evidence": list(one.evidence),
            "next_command": one.next_command,
        }
        for one in notes
        if isinstance(one, Note)
    ]


def note(cause: Cause, text: str, *evidence: str, **words: str) -> Note:
    """Return a note about a cause; C(words) fill in its command."""
    made = Note(text)
    made.cause = cause.code
    made.evidence = evidence
    made.next_command = cause.command.format(**words) if words or "{" not in cause.command else ""
    return made
