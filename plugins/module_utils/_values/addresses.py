# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks, DNS names and the address ranges of Exasol connection strings.

A connection string writes several hosts as C(192.168.6.11..14) or C(exasol01..04): the number after the
dots replaces the number before them, zero padding is kept
(https://docs.exasol.com/db/latest/connect_exasol/drivers/jdbc.htm).
"""

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Iterable, List, Optional, Tuple, Union

from .errors import NetworkError

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_MAX_HOSTS = 4096
_RANGE = re.compile(r"(?P<prefix>.*?)(?P<first>[0-9]+)\.\.(?P<last>[0-9]+)(?P<suffix>[^0-9].*)?\Z")
# RFC 1123, section 2.1, with RFC 952: labels of letters, digits and inner hyphens. Resolvers answer for
# underscores too (RFC 2181, section 11).
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
# A range as other tools write it. Its labels could be a DNS name, but its author means addresses.
_DASHED = re.compile(
    r"(?P<prefix>[0-9]{1,3}(?:\.[0-9]{1,3}){2}\.)(?P<first>[0-9]{1,3})-(?:(?P=prefix))?(?P<last>[0-9]{1,3})\Z"
)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)+\Z")
# A scheme before it, or a port, a prefix length or a path behind it.
_MORE_THAN_A_HOST = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@]*@)?)?(?P<host>\[[^]]+\]|[^][:/@]+)(?::[0-9]*)?(?:/.*)?\Z"
)
_EVERYBODY_HERE = ipaddress.ip_address("255.255.255.255")


def expand(text: str) -> List[str]:
    """Return the hosts that C(prefixN..Msuffix) stands for, or the text alone if it holds no range."""
    if ".." not in text:
        return [text]
    match = _RANGE.match(text)
    if not match:
        raise NetworkError(
            f"host range {text!r} cannot be read: expected prefixN..M, such as 192.168.6.11..14 or "
            f"exasol01..04"
        )
    if not match.group("prefix"):
        raise NetworkError(
            f"host range {text!r} has no prefix before its first number: expected prefixN..M, such as "
            f"192.168.6.11..14"
        )
    first, last = int(match.group("first")), int(match.group("last"))
    if first > last:
        raise NetworkError(f"host range {text!r} runs backwards: {first} is greater than {last}")
    if last - first >= _MAX_HOSTS:
        raise NetworkError(
            f"host range {text!r} stands for {last - first + 1} hosts: expected at most {_MAX_HOSTS}"
        )
    width = len(match.group("first"))
    pattern = "{0}{1:0{2}d}{3}"
    return [
        pattern.format(match.group("prefix"), number, width, match.group("suffix") or "")
        for number in range(first, last + 1)
    ]


def parse_address(text: str) -> Optional[Address]:
    """Return the address, or None if the text is not one; a zone (C(fe80::1%eth0)) is not accepted."""
    if "%" in text:
        return None  # ipaddress reads zones since Python 3.9 only
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # What is sent to ::ffff:192.0.2.1 travels as IPv4 (RFC 4291, section 2.5.5.2): routes and firewalls see
    # nothing else.
    return getattr(address, "ipv4_mapped", None) or address


def first_of(family: int, addresses: Iterable[str]) -> Optional[str]:
    """Return the first address of a family (socket.AF_INET or AF_INET6)."""
    version = 6 if family == socket.AF_INET6 else 4
    for address in (item.strip() for item in addresses):
        parsed = parse_address(address)
        if parsed is None:
            raise NetworkError(f"source address {address!r} is not an IPv4 or IPv6 address")
        if parsed.version == version:
            return address
    return None


def stands_for(address: Address) -> str:
    """Return what an address stands for if it does not stand for one host, else an empty text.

    0.0.0.0 is one of them: Linux connects to it as to itself.
    """
    if address.is_unspecified:
        return "all addresses of a host"
    if address.is_multicast:
        return "a multicast group"
    if address.version == 6 and address.is_link_local:
        # RFC 4291, section 2.5.6: it needs a zone, which no other host understands.
        return "another host on each link"
    return "every host on the link" if address == _EVERYBODY_HERE else ""


def explain_mistake(text: str) -> str:
    """Return what a text is that is neither an address nor a DNS name."""
    if "%" in text and parse_address(text.split("%")[0]):
        return "an address with a zone, which no other host understands: expected one without"
    if any(ord(letter) > 127 for letter in text):
        return "a name with non-ASCII characters: use its punycode form (xn--...)"
    if dotted_range(text):
        return f"a range of addresses, which is written {dotted_range(text)}: expected single addresses"
    host = host_alone(text)
    if host:
        return f"neither an IP address nor a DNS name: write {host!r}"
    return f"neither an IP address nor a DNS name{numbers_hint(text)}"


def numbers_hint(text: str) -> str:
    """Return what is wrong with a text that is meant to be an IPv4 address, else nothing."""
    if not _NUMBERS.match(text):
        return ""
    return ": an IPv4 address has four numbers from 0 to 255 without leading zeros"


def host_alone(text: str) -> str:
    """Return the host of a URL, or of an address or name with a port or a prefix length, else nothing."""
    match = _MORE_THAN_A_HOST.match(text.strip())
    if not match:
        return ""
    host = match.group("host").strip("[]")
    network = parse_network(text)
    if network is not None and parse_address(host) == network.network_address:
        return ""  # a network is meant
    if host == text.strip():
        return ""  # ipaddress accepts leading zeros before Python 3.9.5
    return host if parse_address(host) or ("." in host and is_name(host)) else ""


def parse_network(text: str) -> Optional[Network]:
    """Return the network of a text with a prefix length or mask, or None if it is not one."""
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def single(network: Network) -> Optional[Address]:
    """Return the only address of a network (C(192.0.2.1/32)), or None."""
    return network.network_address if network.prefixlen == network.max_prefixlen else None


def check_network(text: str, network: Network) -> None:
    """Raise for a network that cannot be meant as it is written.

    C(192.0.2.21/24) is how C(ip address) prints the address of one host, so it can be read in two ways.
    """
    address = ipaddress.ip_address(text.split("/")[0].strip())
    if address != network.network_address:
        raise NetworkError(
            f"{text!r} can be read in two ways: write {address} for that host alone, or {network} for the "
            f"network"
        )
    if network.is_multicast:
        raise NetworkError(f"{text!r} is a network of multicast groups: expected one of hosts")
    if (
        network.version == 6
        and network.prefixlen >= 96
        and getattr(network.network_address, "ipv4_mapped", None)
    ):
        # What is sent there travels as IPv4, so a rule of IPv6 would never match.
        mapped = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
        raise NetworkError(f"{text!r} holds IPv4 addresses in the form of IPv6: write {mapped}")


def everybody(texts: Iterable[str]) -> List[Network]:
    """Return the networks of all addresses, of IPv4 and IPv6, that these make up together."""
    found: List[Network] = []
    for version in (4, 6):
        networks = [
            ipaddress.ip_network(str(parsed))
            for parsed in map(_parsed, texts)
            if parsed is not None and parsed.version == version
        ]
        found += [network for network in ipaddress.collapse_addresses(networks) if network.prefixlen == 0]  # type: ignore[type-var]
    return found


def _parsed(text: str) -> Optional[Union[Address, Network]]:
    return parse_network(text) or parse_address(text)


def dotted_range(text: str) -> str:
    """Return C(192.0.2.11..14) for C(192.0.2.11-14) and C(192.0.2.11-192.0.2.14), else nothing."""
    match = _DASHED.match(text)
    return (
        "{0}{1}..{2}".format(match.group("prefix"), match.group("first"), match.group("last"))
        if match
        else ""
    )


def is_name(text: str) -> bool:
    """Tell whether the text can be a DNS host name (RFC 1123)."""
    labels = text.rstrip(".").split(".")
    return (
        not dotted_range(text)
        and len(text) <= 253
        and all(_LABEL.match(label) for label in labels)
        and not labels[-1].isdigit()
    )


@lru_cache(maxsize=16384)  # a plan orders the addresses of each rule of each host, which are few
def sort_key(text: str) -> Tuple[int, int, int, str]:
    """Order addresses and networks by family and number, then names alphabetically."""
    parsed = parse_address(text) or parse_network(text)
    if parsed is None:
        return (9, 0, 0, text)
    if isinstance(parsed, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return (parsed.version, int(parsed), parsed.max_prefixlen, "")
    return (parsed.version, int(parsed.network_address), parsed.prefixlen, "")
