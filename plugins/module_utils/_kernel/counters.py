# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of the kernel that say why it drops packets, and how full its tables are.

They belong to the network namespace, and need no privileges. A file that is missing (a container, an old
kernel, no conntrack) leaves out what it holds. All counters only grow, so two readings say what happened
between them; nobody can tell whose packets were counted.
"""

from typing import Dict, Iterator, List, Tuple

_PROC = "/proc"

# What is kept of /proc/net/netstat and snmp, in the kernel's own words (include/uapi/linux/snmp.h).
_TABLES = {
    "TcpExt": (
        "IPReversePathFilter",
        "ListenDrops",
        "ListenOverflows",
        "SyncookiesFailed",
        "SyncookiesRecv",
        "SyncookiesSent",
        "TCPBacklogDrop",
        "TCPMemoryPressures",
        "TCPReqQFullDoCookies",
        "TCPReqQFullDrop",
    ),
    "IpExt": ("InNoRoutes",),
    "Ip": ("InDiscards", "OutDiscards", "OutNoRoutes"),
    "Icmp": ("OutDestUnreachs",),
}
# The ICMP errors that this machine sent, by IP version. Those of a filter are among them if it is one of
# the IP layer: what a filter of a bridge or of a network card makes is counted nowhere.
ERRORS_SENT = {4: "OutDestUnreachs", 6: "Icmp6OutDestUnreachs"}
_OF_IPV6 = ("Ip6InNoRoutes", "Ip6OutNoRoutes", "Ip6InDiscards", "Ip6OutDiscards", ERRORS_SENT[6])
_OF_CONNTRACK = ("drop", "early_drop", "insert_failed")
CONNTRACK_DROP = "ConntrackDrop"
COUNTERS = (
    *(name for names in _TABLES.values() for name in names),
    *_OF_IPV6,
    CONNTRACK_DROP,
    "ConntrackEarlyDrop",
    "ConntrackInsertFailed",
)
CONNTRACK_COUNT, CONNTRACK_MAX = "conntrack_count", "conntrack_max"
TCP_PAGES, TCP_MAX_PAGES = "tcp_pages", "tcp_max_pages"
LEVELS = (CONNTRACK_COUNT, CONNTRACK_MAX, TCP_PAGES, TCP_MAX_PAGES)


def read_counters(proc: str = _PROC) -> Dict[str, int]:
    """Return the counters of this network namespace, as far as its kernel has them."""
    found: Dict[str, int] = {}
    for path in ("net/netstat", "net/snmp"):
        found.update(_of_tables(_lines(proc, path)))
    for line in _lines(proc, "net/snmp6"):
        name, unused, value = line.partition(" ")
        if name in _OF_IPV6 and value.strip().isdigit():
            found[name] = int(value)
    found.update(_of_conntrack(_lines(proc, "net/stat/nf_conntrack")))
    return found


def read_levels(proc: str = _PROC) -> Dict[str, int]:
    """Return how full the kernel's tables are, and where their ends are."""
    found: Dict[str, int] = {}
    for name, path in (
        (CONNTRACK_COUNT, "sys/net/netfilter/nf_conntrack_count"),
        (CONNTRACK_MAX, "sys/net/netfilter/nf_conntrack_max"),
    ):
        words = " ".join(_lines(proc, path)).split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    limits = " ".join(_lines(proc, "sys/net/ipv4/tcp_mem")).split()
    for line in _lines(proc, "net/sockstat"):
        words = line.split()
        if words[:1] == ["TCP:"] and "mem" in words[:-1] and len(limits) == 3 and limits[2].isdigit():
            pages = words[words.index("mem") + 1]
            if pages.isdigit():
                found.update({TCP_PAGES: int(pages), TCP_MAX_PAGES: int(limits[2])})
    return found


def grown(before: Dict[str, int], after: Dict[str, int]) -> Dict[str, int]:
    """Return by how much the counters have grown that have; one that is missing in a reading has not."""
    found: Dict[str, int] = {}
    for name, value in after.items():
        if name in before and value > before[name]:
            found[name] = value - before[name]
    return found


def unchanged(before: Dict[str, int], after: Dict[str, int]) -> List[str]:
    """Return which counters of sent errors have not grown: then this machine sent none."""
    return [name for name in ERRORS_SENT.values() if name in before and before[name] == after.get(name)]


def _of_tables(lines: List[str]) -> Dict[str, int]:
    """Read pairs of lines: the names behind a table's own name, and the values behind it again."""
    found: Dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2]):
        table, unused, rest = names.partition(":")
        wanted = _TABLES.get(table, ())
        for name, value in zip(rest.split(), values.partition(":")[2].split()):
            if name in wanted and value.isdigit():
                found[name] = int(value)
    return found


def _of_conntrack(lines: List[str]) -> Dict[str, int]:
    """Read a line of names, and for each processor a line of hexadecimal values."""
    found: Dict[str, int] = {}
    names = lines[0].split() if lines else []
    for line in lines[1:]:
        for name, value in _numbers(names, line):
            if name in _OF_CONNTRACK:
                key = "Conntrack" + "".join(word.capitalize() for word in name.split("_"))
                found[key] = found.get(key, 0) + value
    return found


def _numbers(names: List[str], line: str) -> Iterator[Tuple[str, int]]:
    for name, digits in zip(names, line.split()):
        try:
            yield name, int(digits, 16)
        except ValueError:
            continue


def _lines(proc: str, path: str) -> List[str]:
    try:
        # The listener has no rights to look for a codec when it reads this, so the text is decoded by hand.
        with open(f"{proc}/{path}", "rb") as file:
            return file.read(1 << 20).decode("ascii", "replace").splitlines()
    except OSError:
        return []
