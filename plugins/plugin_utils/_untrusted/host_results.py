# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What managed hosts may return: the shape of each module's result, field by field.

A host may be in the hands of somebody else, so only what is declared here of its result counts. Everything
else is removed before Ansible acts on it (C(ansible_facts) would set variables, C(add_host) would change the
inventory). A result of another shape is a failure of that host alone. Whether a result fits the plan is
checked by C(claims), where the plan is known.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ...module_utils._firewall.words import CONTINUE, END, GAPS
from ...module_utils._firewall.words import STATUSES as OBSERVATIONS
from ...module_utils._firewall.words import UNKNOWN as UNKNOWN_CHAINS
from ...module_utils._identify._finding import STATUSES
from ...module_utils._kernel.counters import COUNTERS, ERRORS_SENT, LEVELS
from ...module_utils._kernel.ways import PROBLEMS as WAY_PROBLEMS
from ...module_utils._listener.endpoints import PROTOCOLS, WILDCARDS
from ...module_utils._listener.occupants import CONNECTION as HELD_BY_CONNECTION
from ...module_utils._listener.occupants import LISTENER as HELD_BY_LISTENER
from ...module_utils._listener.occupants import SERVICE, UNKNOWN
from ...module_utils._plan.table_rows import ACTIVE, PASSIVE
from ...module_utils._probe.ftp_words import DATA_COMMANDS, LOGINS, TRANSFERS
from ...module_utils._probe.idle_words import MAX_DURATIONS, MAX_SECONDS
from ...module_utils._probe.idle_words import STATES as IDLE_STATES
from ...module_utils._probe.outcome import LOCAL, PROOFS, STATES
from ...module_utils._probe.path_words import PATTERNS, STRAYS, STRAYS_OF_SAMPLES
from ...module_utils._probe.segments import REASONS as SEGMENT_REASONS
from ...module_utils._probe.segments import STATES as SEGMENT_STATES
from ...module_utils._probe.trace_words import ENDS as TRACE_ENDS
from ...module_utils._probe.trace_words import KINDS as TRACE_KINDS
from ...module_utils._probe.trace_words import MAX_HOPS
from ...module_utils._probe.turns import REASONS as TRANSFER_REASONS
from ...module_utils._values.addresses import is_name, parse_address, stands_for
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.packed import APART, unpack
from ...module_utils._values.ports import Ports
from .._text.tables import visible
from .shape import Formats, Shape, ShapeError, compiled

# Characters of a sentence that a module made; words of servers in it are shortened to 200 characters each.
_MAX_TEXT = 2000
_MAX_OUTPUT = 20000  # of what a module printed before it failed
_MAX_NAME = 300
_MAX_ENTRIES = 65536
_MAX_SAMPLES = 16  # of an address: one of our listener, and one of each of four servers
_MAX_PACKED = 1 << 24  # characters
_MAX_OPENED = 1 << 24  # bytes of JSON, of which Python makes some ten times as much
_MAX_PORTS = 6 * 65536
_MAX_SERVICES = 1000  # of one rule
_MAX_CONNECTIONS = 2**32
_MAX_PACKETS = 2**64  # of a counter of the kernel
_YEARS = 366 * 1000
_MAX_CLOCK = 1e12  # seconds


def _is_ports(text: str) -> bool:
    try:
        return bool(Ports.parse(text))
    except NetworkError:
        return False


@lru_cache(maxsize=65536)
def _is_address(text: str) -> bool:
    """Tell whether the text is the address of one host, as the plan writes it."""
    address = parse_address(text)
    return address is not None and str(address) == text and not stands_for(address)


@lru_cache(maxsize=65536)
def _is_any_address(text: str) -> bool:
    return parse_address(text) is not None


def _is_sender(text: str) -> bool:
    return text == LOCAL or _is_any_address(text)


def _is_target(text: str) -> bool:
    return _is_address(text) or is_name(text)


def _is_endpoint(text: str) -> bool:
    return text in WILDCARDS or _is_address(text)


_FORMATS: Formats = {
    "ports, such as 8563,20000-21000": _is_ports,
    "the address of one host": _is_address,
    "an address": _is_any_address,
    "an address, or local": _is_sender,
    "the address of one host, or a DNS name": _is_target,
    "an address of the host": _is_endpoint,
}
_TEXT = {"type": "string", "maxLength": _MAX_TEXT}
_NAME = {"type": "string", "maxLength": _MAX_NAME}
_PORTS = {"type": "string", "maxLength": _MAX_PORTS, "format": "ports, such as 8563,20000-21000"}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 1 << 32}
_ADDRESS = {"type": "string", "maxLength": _MAX_NAME, "format": "the address of one host"}
_SEEN_ADDRESS = {
    "type": "string",
    "maxLength": _MAX_NAME,
    "format": "an address",
}  # of anybody, and of multicast groups too
_TARGET = {"type": "string", "maxLength": _MAX_NAME, "format": "the address of one host, or a DNS name"}
_PROTOCOL = {"enum": PROTOCOLS}
_REASON = {"type": "string", "maxLength": 40, "pattern": "^[A-Za-z0-9_-]+$"}
_TIME = "^([0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z)?$"
_MILLISECONDS = {"type": "number", "minimum": 0, "maximum": 1e9}


def _object(required: str, **properties: t.Any) -> Shape:
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(items: Shape, most: int = _MAX_ENTRIES) -> Shape:
    return {"type": "array", "items": items, "maxItems": most}


_TLS = _object(
    "",
    protocol=_NAME,
    subject=_NAME,
    issuer=_NAME,
    names=_list(_NAME, 1000),
    not_after=_NAME,
    days_left={"type": "integer", "minimum": -_YEARS, "maximum": 10 * _YEARS},
    fingerprint={"type": "string", "pattern": "^[0-9A-F]{64}$"},
)
_ROUND_TRIPS = _object(
    "min median max", min=_MILLISECONDS, median=_MILLISECONDS, p95=_MILLISECONDS, max=_MILLISECONDS
)
_IDENTITY = _object(
    "status",
    status={"enum": STATUSES},
    version=_TEXT,
    looks_like=_TEXT,
    detail=_TEXT,
    tls=_TLS,
    clock_offset_s={"type": "number", "minimum": -(1 << 32), "maximum": 1 << 32},
)
_STATE = _object(
    "ports state reason",
    ports=_PORTS,
    state={"enum": STATES},
    reason=_REASON,
    detail=_TEXT,
    answered_by=_NAME,
    proof={"enum": PROOFS},
    seen_as=_ADDRESS,
    identity=_IDENTITY,
    reason_ip={"type": "string", "maxLength": _MAX_NAME, "format": "an address, or local"},
    rtt_ms=_ROUND_TRIPS,
)


def _strays(hows: Sequence[str]) -> t.Any:
    return _list(
        _object(
            "how ports connections",
            how={"enum": hows},
            ports=_PORTS,
            connections=_NUMBER,
            answered_by=_NAME,
        )
    )


_STRAYS = _strays(STRAYS)
_SAMPLES = _object(
    "ports tried failed_always",
    ports=_PORTS,
    tried=_NUMBER,
    failed_always=_NUMBER,
    refused_at_first={"type": "boolean"},
    pattern={"enum": PATTERNS},
    strays=_strays(STRAYS_OF_SAMPLES),
    said=_list(_TEXT, 4),
)
_OBSERVATION = _object(
    "destination address protocol ports states",
    destination=_NAME,
    address=_TARGET,
    protocol=_PROTOCOL,
    ports=_PORTS,
    states=_list(_STATE),
    completed_name=_TARGET,
    samples=_list(_SAMPLES, _MAX_SAMPLES),
)
_SEEN = _object(
    "address remote protocol",
    address=_SEEN_ADDRESS,
    remote=_SEEN_ADDRESS,
    protocol=_PROTOCOL,
    **{f"{what}_{way}": _PORTS for what in ("asked", "answered") for way in ("in", "out")},
)
CAPTURE = _object("", complete={"type": "boolean"}, problem=_TEXT, seen=_list(_SEEN, 10 * _MAX_ENTRIES))
_DATA = _object(
    "mode command state reason",
    mode={"enum": (PASSIVE, ACTIVE)},
    command={"enum": DATA_COMMANDS},
    address=_ADDRESS,
    port=_PORT,
    state={"enum": STATES},
    reason=_REASON,
    detail=_TEXT,
    transfer={"enum": TRANSFERS},
    announced=_NAME,
)
_SESSION = _object(
    "destination address port service login data",
    destination=_NAME,
    address=_ADDRESS,
    port=_PORT,
    service=_NAME,
    login={"enum": LOGINS},
    detail=_TEXT,
    data=_list(_DATA, 16),
)
_LISTENING = _list(
    _object(
        "address protocol ports",
        protocol=_PROTOCOL,
        ports=_PORTS,
        address={"type": "string", "maxLength": _MAX_NAME, "format": "an address of the host"},
    ),
    1024,
)

_PLACE = {"type": "string", "maxLength": _MAX_NAME, "format": "an address of the host"}
_HOLDER = {"enum": (SERVICE, HELD_BY_LISTENER, HELD_BY_CONNECTION, UNKNOWN)}
_HELD = _object(
    "address protocol ports by",
    address=_PLACE,
    protocol=_PROTOCOL,
    ports=_PORTS,
    by=_HOLDER,
    at=_list(_SEEN_ADDRESS, 1024),
)
_SECONDS = {"type": "integer", "minimum": 0, "maximum": 1 << 40}
_LEFTOVER = _object(
    "pid uid user ended ports",
    pid=_NUMBER,
    uid=_NUMBER,
    user=_NAME,
    host=_NAME,
    age_s=_SECONDS,
    quiet_s=_SECONDS,
    left_s=_SECONDS,
    ended={"type": "boolean"},
    same_run={"type": "boolean"},
    ports=_LISTENING,
)
_SEGMENTS = _object(
    "state",
    state={"enum": SEGMENT_STATES},
    size={"type": "integer", "minimum": 1, "maximum": 65535},
    mss={"type": "integer", "minimum": 1, "maximum": 65535},
    reason={"enum": SEGMENT_REASONS},
)
_RATE = {"type": "number", "minimum": 0, "maximum": 1e6}
_LINK_ADDRESS = {"type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){0,31}$"}
_PATH = _object(
    "destination address tries lost",
    destination=_NAME,
    address=_TARGET,
    tries=_NUMBER,
    lost=_NUMBER,
    rtt_ms=_ROUND_TRIPS,
    clock_offset_s={"type": "number", "minimum": -_MAX_CLOCK, "maximum": _MAX_CLOCK},
    clock_error_s={"type": "number", "minimum": 0, "maximum": _MAX_CLOCK},
    retransmitted=_NUMBER,
    connections=_object("tried failed_always", tried=_NUMBER, failed_always=_NUMBER),
    pattern={"enum": PATTERNS},
    strays=_STRAYS,
    rate_limit=_object("passes drops", passes=_RATE, drops=_RATE),
    segments=_object("out in", **{"out": _SEGMENTS, "in": _SEGMENTS}),
    gateway=_SEEN_ADDRESS,
    link_address=_LINK_ADDRESS,
)
_HOP = {"type": "integer", "minimum": 1, "maximum": MAX_HOPS}
_TRACE = _object(
    "destination address protocol port kind tried hops",
    destination=_NAME,
    address=_TARGET,
    protocol=_PROTOCOL,
    port=_PORT,
    kind={"enum": TRACE_KINDS},
    tried={"type": "integer", "minimum": 0, "maximum": MAX_HOPS},
    hops=_list(_object("hop by", hop=_HOP, by=_list(_SEEN_ADDRESS, 64)), MAX_HOPS),
    end=_object("hop how", hop=_HOP, how={"enum": TRACE_ENDS}, by=_SEEN_ADDRESS),
)
_IDLE_STATE = {"enum": IDLE_STATES}
_IDLE_CHECK = _object(
    "seconds source_first destination_first",
    seconds={"type": "integer", "minimum": 1, "maximum": MAX_SECONDS},
    source_first=_IDLE_STATE,
    destination_first=_IDLE_STATE,
    after_s={"type": "number", "minimum": 0, "maximum": 1e6},
)
_IDLE_PATH = _object(
    "destination address checks",
    destination=_NAME,
    address=_TARGET,
    checks=_list(_IDLE_CHECK, MAX_DURATIONS),
)
_TRANSFER = _object(
    "",
    bytes_per_second={"type": "integer", "minimum": 1, "maximum": 1 << 50},
    bytes={"type": "integer", "minimum": 1, "maximum": 1 << 50},
    seconds={"type": "number", "minimum": 0, "maximum": 1e6},
    reason={"enum": TRANSFER_REASONS},
)
_PATH_TRANSFERS = _object(
    "destination address transfers",
    destination=_NAME,
    address=_TARGET,
    transfers=_object("out in", **{"out": _TRANSFER, "in": _TRANSFER}),
)
# Of which run, and of which machine, a result is.
_WAY = _object(
    "remote problem",
    remote=_ADDRESS,
    problem={"enum": WAY_PROBLEMS},
    at=_ADDRESS,
    by_rule={"type": "boolean"},
    gateway=_SEEN_ADDRESS,
    interface={"type": "string", "pattern": "^[A-Za-z0-9_.@:-]{0,32}$"},
)
_COUNT = {"type": "integer", "minimum": 0, "maximum": 1 << 64}
_KERNEL = _object(
    "",
    grown={"type": "object", "propertyNames": {"enum": COUNTERS}, "additionalProperties": _COUNT},
    unchanged=_list({"enum": tuple(ERRORS_SENT.values())}, len(ERRORS_SENT)),
    levels={"type": "object", "propertyNames": {"enum": LEVELS}, "additionalProperties": _COUNT},
    ways=_list(_WAY, 65536),
    full_queues=_list(
        _object("address protocol ports", address=_SEEN_ADDRESS, protocol=_PROTOCOL, ports=_PORTS), 1024
    ),
    link_addresses=_list(_LINK_ADDRESS, 4096),
    neighbours=_list(
        _object("address link_address", address=_ADDRESS, link_address=_LINK_ADDRESS),
    ),
    sent_from=_list(
        _object("protocol address", protocol=_PROTOCOL, address=_ADDRESS, remotes=_list(_ADDRESS)), 4096
    ),
)
_ORIGIN = {"run": _NAME, "machine": _object("", identity=_NAME, own=_list(_TARGET, 1024))}
_CHANGED = {"type": "boolean"}
_OWN_ADDRESSES = _list(_SEEN_ADDRESS, 4096)
# The shapes of results; fields that a caller does not need may be missing.
PROBE = _object(
    "observations",
    changed=_CHANGED,
    observations=_list(_OBSERVATION),
    ftp_sessions=_list(_SESSION),
    capture=CAPTURE,
    id=_NAME,
    summary={
        "type": "object",
        "propertyNames": {"enum": STATES},
        "additionalProperties": {"type": "integer", "minimum": 0},
    },
    elapsed_s={"type": "number", "minimum": 0, "maximum": 1e9},
    paths=_list(_PATH),
    traces=_list(_TRACE, 1024),
    kernel=_KERNEL,
    idle_left_s={"type": "number", "minimum": 0, "maximum": 2 * MAX_SECONDS},
    **_ORIGIN,
)
# The same result of a large site, as one text. Whoever opens it checks it by the shape above.
PACKED_PROBE = _object(
    "packed",
    packed={"type": "string", "maxLength": _MAX_PACKED, "pattern": "^[A-Za-z0-9+/=]*$"},
    **{name: PROBE["properties"][name] for name in APART},
)
LISTENER = _object(
    "",
    changed=_CHANGED,
    listening=_LISTENING,
    in_use=_LISTENING,
    denied=_LISTENING,
    capture=CAPTURE,
    pid=_NUMBER,
    holders=_list(_HELD, 4096),
    leftovers=_list(_LEFTOVER, 1024),
    addresses=_OWN_ADDRESSES,
    note=_TEXT,
    stepped_aside={"type": "boolean"},
    stalled_s={"type": "number", "minimum": 0, "maximum": 1 << 40},
    kernel=_KERNEL,
    idle_connections=_list(_IDLE_PATH),
    **_ORIGIN,
)
# Whom a change of the firewall would cut off; a host without a firewall says nothing of it.
FIREWALL = _object(
    "",
    cut=_object(
        "remotes connections flows",
        remotes={"type": "integer", "minimum": 0, "maximum": _MAX_CONNECTIONS},
        connections={"type": "integer", "minimum": 0, "maximum": _MAX_CONNECTIONS},
        flows=_list(
            _object(
                "remote direction protocol port services connections certain open_connections",
                remote=_SEEN_ADDRESS,
                direction={"enum": ("in", "out")},
                protocol=_PROTOCOL,
                port=_PORT,
                services=_list(_NAME, _MAX_SERVICES),
                connections={"type": "integer", "minimum": 1, "maximum": _MAX_CONNECTIONS},
                certain={"type": "boolean"},
                open_connections={"enum": (CONTINUE, END, UNKNOWN_CHAINS)},
            )
        ),
    ),
    # Whom a restriction would have refused; only a host with an observation says that.
    observed=_object(
        "status since remotes connections unnamed flows complete gaps text",
        status={"enum": OBSERVATIONS},
        since={"type": "string", "maxLength": 20, "pattern": _TIME},
        remotes={"type": "integer", "minimum": 0, "maximum": _MAX_CONNECTIONS},
        connections={"type": "integer", "minimum": 0, "maximum": _MAX_PACKETS},
        unnamed={"type": "integer", "minimum": 0, "maximum": _MAX_PACKETS},
        flows=_list(
            _object(
                "remote protocol port services connections",
                remote=_SEEN_ADDRESS,
                protocol=_PROTOCOL,
                port=_PORT,
                services=_list(_NAME, _MAX_SERVICES),
                connections={"type": "integer", "minimum": 1, "maximum": _MAX_PACKETS},
            )
        ),
        complete={"type": "boolean"},
        gaps=_list({"enum": GAPS}),
        text=_TEXT,
    ),
)
THROUGHPUT = _object("throughput", changed=_CHANGED, throughput=_list(_PATH_TRANSFERS), **_ORIGIN)
# What is kept of a host whose module failed: the reason may be that an address is not its own.
_WHEREABOUTS = _object("", addresses=_OWN_ADDRESSES, **_ORIGIN)
_FAILURE = {
    "msg": _MAX_TEXT,
    "module_stdout": _MAX_OUTPUT,
    "module_stderr": _MAX_OUTPUT,
    "exception": _MAX_OUTPUT,
}
# What Ansible acts on in the result of any task, see C(_process_pending_results) of its strategies.
_ORDERS = frozenset(
    ("ansible_facts", "add_host", "add_group", "ansible_stats", "unreachable", "skipped", "results")
)
# If no Python is set for a host, Ansible looks for one and keeps its path as a fact.
_INTERPRETER = "discovered_interpreter_python"
_INTERPRETER_PATH = re.compile(r"/[A-Za-z0-9._/+-]{1,200}\Z")
_MAX_DEPTH = 20

_compiled: dict[int, t.Any] = {}


def checked(result: t.Any, shape: Shape, host: str) -> dict[str, t.Any]:
    """Return what counts of a module's result.

    A result of another shape becomes a failure of the host, as a failure itself does.
    """
    if not isinstance(result, Mapping):
        return _failed(f"{host} returned no result that can be read")
    if result.get("failed") or result.get("unreachable"):
        return {**_whereabouts(result), **_said(result)}
    try:
        return dict(_check(shape)(result), failed=False)
    except ShapeError as mismatch:
        return malformed(host, mismatch)


def opened(result: t.Any, host: str) -> t.Any:
    """Return a result with what its module has packed; what cannot be read becomes a failure of the host."""
    if not isinstance(result, Mapping) or not isinstance(result.get("packed"), str):
        return result
    try:
        inside = unpack(result["packed"], _MAX_OPENED)
    except NetworkError as error:
        return malformed(host, ShapeError(str(error)))
    # No word about the task itself, such as "skipped", and no other name of the measurement.
    known = {name: inside[name] for name in PROBE["properties"] if name in inside and name not in APART}
    return {**known, **{name: value for name, value in result.items() if name != "packed"}}


def _check(shape: Shape) -> t.Any:
    check = _compiled.get(id(shape))
    if check is None:
        check = _compiled[id(shape)] = compiled(shape, _FORMATS)
    return check


def _whereabouts(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    known = {name: result[name] for name in _WHEREABOUTS["properties"] if name in result}
    try:
        return dict(_check(_WHEREABOUTS)(known))
    except ShapeError:
        return {}


def malformed(host: str, mismatch: ShapeError) -> dict[str, t.Any]:
    """Return the failure that replaces a result of another shape."""
    return _failed(
        f"{host} returned a result that its module never returns: {mismatch}. Check whether somebody has "
        f"changed this host, its Python or the collection there; nothing that it returned counts."
    )


def _failed(text: str) -> dict[str, t.Any]:
    return {"failed": True, "changed": False, "msg": text}


def _said(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    words = {
        name: visible(result[name][:most], "\n\t")
        for name, most in _FAILURE.items()
        if isinstance(result.get(name), str)
    }
    return {**_failed("the task failed"), **words}


def harmless(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a result whose shape is not declared here, without what Ansible would act on.

    Its control characters are escaped.
    """
    return {
        visible(str(name)): _cleaned(value)
        for name, value in result.items()
        if name not in _ORDERS and not str(name).startswith("_ansible")
    }


def interpreter(result: t.Any) -> dict[str, t.Any]:
    """Return the one fact that Ansible itself adds to a module's result.

    Without it, each task would look for Python again.
    """
    facts = result.get("ansible_facts") if isinstance(result, Mapping) else None
    path = facts.get(_INTERPRETER) if isinstance(facts, Mapping) else None
    return (
        {"ansible_facts": {_INTERPRETER: path}}
        if isinstance(path, str) and _INTERPRETER_PATH.match(path)
        else {}
    )


def _cleaned(value: t.Any, depth: int = 0) -> t.Any:
    if isinstance(value, str):
        return visible(value, "\n\t")
    if depth == _MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {visible(str(name)): _cleaned(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value]
    return value
