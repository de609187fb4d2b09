# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case: what both ends know of one flow, in codes. Texts in it are shown and never compared."""

from __future__ import annotations

import typing as t

from ...module_utils._identify._finding import SILENT
from ...module_utils._kernel.ways import NO_REPLY
from ...module_utils._probe.outcome import HOST_UNREACH, LATE, LOCAL, NO_RESPONSE
from .limits import NO_LIMITS, Limits
from .phrases import located, same_family

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Path, PortState, Samples, Trace

# What became of our own listener at the destination (Listener.kind).
NOT_ASKED, UP = "not_asked", "up"
FAILED = "failed"  # it did not start
DENIED = "denied"  # it started, but the kernel refused these ports
OUTSIDE = "outside"  # its host is outside of this run
ENDED = "ended"  # it was gone before the run was over
ASIDE = "stepped_aside"  # it gave its ports up, because no probe of its run came
BUSY = "busy"  # for some time it answered nothing
UNSEEN = "unseen"  # whether it was still there at the end is not known
STRANGE = "strange"  # it listened at all addresses of its host, and this one is none of them

# Who else holds a port at the destination (Case.holder): what its own kernel says (module_utils
# _listener/occupants.py), and what follows from that.
NOBODY = ""
ELSEWHERE = "elsewhere"  # the service listens, but on other addresses of its host only
SIBLING = "sibling"  # the listener of another host of this run, which therefore is the same machine
FOREIGN = "foreign"  # the address is none of its host's, so somebody else has it
ITSELF = "itself"  # a loopback address of another machine: it leads the source to itself

# Which end sent an ICMP error (Case.sender); anything else is the address of a device in between.
SOURCE, DESTINATION = "source", "destination"
# Or either the destination or the NAT device in front of it: both send errors from the external address.
TRANSLATED = "translated"


class Listener(t.NamedTuple):
    """What became of our own listener, and why it did not answer, for a sentence."""

    kind: str = NOT_ASKED
    why: str = ""

    @property
    def was_up(self) -> bool:
        """Whether our listener answered on these ports as long as the run lasted."""
        return self.kind == UP

    @property
    def was_missing(self) -> bool:
        """Whether our listener should have answered on these ports and did not."""
        return self.kind not in (NOT_ASKED, UP)


class Twin(t.NamedTuple):
    """A link-layer address that answers for the address of a host and is none of the host's."""

    address: str
    link: str
    seen_by: str
    owner: str = ""  # the host of the plan that has it


class Unplanned(t.NamedTuple):
    """An address from which a source sent, and those that the plan has for it on that path."""

    used: str
    planned: tuple[str, ...]


class Kernels(t.NamedTuple):
    """What the kernels of both ends know of a flow that did not come about."""

    has_answered: bool = False  # anything else came back to the source from this very address
    way_back: str = ""  # one of PROBLEMS of _kernel/ways.py: the destination's way to the source
    way_back_gateway: str = ""
    way_back_interface: str = ""
    next_hop: str = ""  # of the source, if it does not reply to ARP or NDP
    is_next_hop_by_rule: bool = False  # whether a rule of policy routing chooses it, by the port
    filtered_there: int = 0  # packets that the destination's reverse path filter dropped during the run
    filtered_here: int = 0  # the same at the source, during its probe
    is_queue_full: bool = False  # the service on these ports does not accept its connections
    conntrack: str = ""  # what shows that the destination's table of connections is full
    foreign_link: str = ""  # the link-layer address that answers for the address, none of the destination's
    link_owner: str = ""  # the host of the plan that has that link-layer address
    link_seen_by: str = ""  # another host that sees it, if the source is not on that link
    # ICMP errors in the name of this host that reached any source, over this version of IP; and how many its
    # own kernel sent, None if that is not known.
    errors_received: int = 0
    errors_sent: int | None = None
    # The same for the address of the source: replies go to whoever has that link-layer address.
    source_twin: Twin | None = None


NO_KERNELS = Kernels()


class Case(t.NamedTuple):
    """One flow, or the part of its ports that share a state, with what both ends know of it."""

    source: str
    destination: str
    address: str
    service: str
    protocol: str
    ports: str
    expected: str
    observed: PortState  # the state of the ports, as the source saw it
    source_addresses: tuple[str, ...] = ()  # from which the destination sees it come, as planned
    seen_as: tuple[str, ...] = ()  # from which our listener saw it come, if that is translated on the way
    strangers: tuple[str, ...] = ()  # unplanned addresses that asked for the ports, if the source's did not
    own_addresses: tuple[str, ...] = ()  # all that the source itself has
    unplanned: Unplanned | None = None  # if it sent from another address than a planned one
    behind: tuple[str, ...] = ()  # the destination's own addresses, if a NAT device may have this one for it
    is_external: bool = False  # an address at which all others than its cluster reach the destination
    is_private: bool = False  # an address at which only its cluster reaches the destination, which has others
    listener: Listener = Listener()
    holder: str = NOBODY
    held_at: tuple[str, ...] = ()  # where the service listens instead, or the host whose listener it is
    ended: bool = False  # the destination or its listener was gone before the end of the run
    planned: str = ""  # all ports of the flow
    path: Path | None = None  # what the source measured of the path to this address, if it did
    samples: tuple[Samples, ...] = ()  # what more of its source ports found at these ports, over UDP
    traces: tuple[Trace, ...] = ()  # of the way to this address, if the source traced any of its ports
    limits: Limits = NO_LIMITS  # of the site, for paths
    kernels: Kernels = NO_KERNELS
    stage: str = ""  # how far the packets came, if that was captured
    control: str = ""  # for a denied flow: a host that may use these very ports and reached them
    control_at: str = ""  # where it reached them, if that was at another address
    # For a denied flow without a control: the hosts that may use the ports, and whether any took part.
    entitled: tuple[str, ...] = ()
    is_any_present: bool = True
    # For a denied flow: nothing in this run shows that the source exchanges packets with any other host.
    is_source_mute: bool = False

    @property
    def state(self) -> str:
        """The state of the ports."""
        return self.observed["state"]

    @property
    def reason(self) -> str:
        """How the source knows the state, as a code."""
        return self.observed["reason"]

    @property
    def is_in_doubt(self) -> bool:
        """Whether something failed of which the kernels of both ends may know more."""
        if self.reason == LATE:
            return False
        if self.state == "open":
            is_silent = self.observed.get("identity", {}).get("status") == SILENT
            return is_silent or self.observed.get("answered_by") == ""
        is_rejected = self.sender == DESTINATION or self.has_no_neighbour
        return self.state == "closed" or self.reason == NO_RESPONSE or is_rejected

    @property
    def has_no_neighbour(self) -> bool:
        """Whether the source's own kernel says that nothing replied to ARP or NDP."""
        return self.reason == HOST_UNREACH and self.sender in ("", SOURCE)

    @property
    def where(self) -> str:
        """The ports and their host, for a sentence."""
        return f"{self.protocol} {self.ports} of {located(self.destination, self.address)}"

    @property
    def traffic(self) -> str:
        """What a firewall has to allow, for a sentence."""
        origin = ", ".join(same_family(self.source_addresses, self.address)) or self.source
        if self.seen_as:
            origin += f" (which {self.destination} sees as {', '.join(self.seen_as)})"
        return f"{self.protocol} {self.ports} from {origin} to {self.address}"

    @property
    def sender(self) -> str:
        """Who sent the ICMP error: C(SOURCE), C(DESTINATION), an address between them, or nobody ("")."""
        address = self.observed.get("reason_ip", "")
        if address == LOCAL or address in self.own_addresses:
            return SOURCE
        if address in self.behind:
            return DESTINATION
        if address == self.address:
            return TRANSLATED if self.behind else DESTINATION
        return address

    @property
    def nat(self) -> str:
        """The NAT device that may have the destination's address, for a sentence; empty if there is none."""
        return f"the NAT device that has {self.address} for {self.destination}" if self.behind else ""


def is_link_cut(case: Case) -> bool:
    """Tell whether neither end of a link gets an ARP or NDP reply from the other one."""
    kernels = case.kernels
    is_on_link = kernels.next_hop == case.address and not kernels.way_back_gateway
    return is_on_link and kernels.way_back == NO_REPLY
