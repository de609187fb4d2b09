# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables belong to the site and which to each host; on those of the site all hosts must agree.

A task with C(run_once) reads the variables of one host, the first of the play. What it reads counts for all
hosts, so a variable that it reads must have one value: otherwise the order of the hosts would decide what is
planned.
"""

from __future__ import annotations

import difflib
import json
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...module_utils._values.errors import NetworkError

TEXT, FLAG, LIST, DATA = "text", "flag", "list", "data"
TEMPLATE = "exasol_report_template"
# What one task reads once for all hosts, and how its values are compared.
SITE = {
    "exasol_overrides": DATA,
    "exasol_services": DATA,
    "exasol_include": LIST,
    "exasol_exclude": LIST,
    "exasol_peers": DATA,
    "exasol_absent_peers": LIST,
    "exasol_allow_any": FLAG,
    "exasol_check_denied": FLAG,
    "exasol_ftp_mode": TEXT,
    "exasol_ftp_passive_ports": TEXT,
    "exasol_ftp_active_ports": TEXT,
    "exasol_firewall_state": TEXT,
    "exasol_firewall_confirm": TEXT,
    "exasol_verify_listeners": FLAG,
    "exasol_verify_limits": DATA,
    "exasol_verify_idle": LIST,
    "exasol_verify_throughput": DATA,
    "exasol_verify_fail": FLAG,
    "exasol_report_directory": TEXT,
    "exasol_report_formats": LIST,
    "exasol_report_from": TEXT,
    "exasol_report_compare_with": TEXT,
    "exasol_report_change_request": LIST,
    "exasol_report_include_unlocated": FLAG,
    "exasol_report_site": TEXT,
    "exasol_report_date": TEXT,
    "exasol_report_requester": TEXT,
    "exasol_report_ticket": TEXT,
    TEMPLATE: TEXT,
}
REPORT = tuple(name for name in SITE if name.startswith("exasol_report_"))
# Each node's own too, but the same for all nodes of a cluster; _plan/plan.py checks that.
RELEASE = "exasol_release"
# Each client's own. It may hold a password, so its value appears in no error.
CONNECTION = "exasol_connection_string"
# Each host's own; a text of it is checked before anything is measured or changed.
RESTRICT = "exasol_firewall_restrict"
# What each host reads for itself.
BY_HOST = (
    "exasol_address",
    "exasol_external_address",
    "exasol_cluster",
    RELEASE,
    CONNECTION,
    "exasol_ftp_user",
    "exasol_ftp_password",
    "exasol_ftp_tls",
    "exasol_ftp_validate_certs",
    "exasol_ftp_ca_path",
    "exasol_firewall_enabled",
    "exasol_firewall_provider",
    "exasol_firewall_outgoing",
    RESTRICT,
    "exasol_firewall_cut",
    "exasol_firewall_persist",
    "exasol_firewall_rollback_after",
    "exasol_verify_listeners_ttl",
    "exasol_verify_timeout",
    "exasol_verify_rate",
    "exasol_verify_concurrency",
    "exasol_verify_source_address",
    "exasol_verify_identify",
    "exasol_verify_trace",
    "exasol_verify_capture",
)
# What else begins like a variable of ours, and is read or set by playbooks, roles and change requests.
_OTHERS = (
    "exasol_hosts",
    "exasol_verification",
    "exasol_aws_vpc_id",
    "exasol_azure_resource_group",
    "exasol_azure_security_group",
    "exasol_gcp_auth_kind",
    "exasol_gcp_network",
    "exasol_gcp_project",
)
PREFIX = "exasol_"
# Names that begin so would be ours; others, such as exasol_user, are anybody's.
_OURS = ("exasol_check_", "exasol_firewall_", "exasol_verify_")
_ALIKE = 0.93  # exasol_excludes and exasol_exclude are, exasol_password and exasol_ftp_password are not
NOTHING = object()  # a host that has no such variable
_MAX_VALUE = 120
_TRUE, _FALSE = (
    ("true", "yes", "on", "1", "y", "t", "1.0"),
    ("false", "no", "off", "0", "n", "f", "0.0"),
)  # as Ansible reads them


def misspelt_variables(names: Iterable[str]) -> list[str]:
    """Return a sentence for each name of a variable that is probably meant to be one of ours.

    A check that nobody turns on, because its name is misspelt, is silent and green.
    """
    known = {*SITE, *BY_HOST, *_OTHERS}
    notes = []
    for name in sorted(set(names) - known):
        meant = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
        if meant:
            notes.append(f"the variable {name!r} has no effect: rename it if {meant[0]!r} is meant.")
        elif name.startswith(_OURS):
            notes.append(f"the variable {name!r} has no effect: no role of this collection has it.")
    return notes


def check_agreement(
    hosts: Iterable[str], value_of: Callable[[str, str], t.Any], names: Iterable[str] = tuple(SITE)
) -> None:
    """Refuse a variable of the site that has different values on two of these hosts."""
    everybody = list(dict.fromkeys(hosts))
    for name in names:
        _check(name, {host: value_of(host, name) for host in everybody})


def _check(name: str, values: Mapping[str, t.Any]) -> None:
    seen: dict[str, str] = {}
    for host, value in values.items():
        seen.setdefault(_canonical(value, SITE[name]), host)
    if len(seen) < 2:
        return
    one, other = list(seen.values())[:2]
    raise NetworkError(
        f"{name} differs between hosts: {one} has {_shown(values[one])}, "
        f"{other} has {_shown(values[other])}. It belongs to the whole site, so all hosts of the play and of "
        "the plan need the same value: set it in group_vars/all, in the play or with -e; leave hosts that do "
        "not belong to the site out of the play with exasol_hosts"
    )


def _canonical(value: t.Any, kind: str) -> str:
    """Return a text that is the same for values that mean the same.

    8 and "8", yes and true, a, b and [a, b].
    """
    if value is NOTHING:
        return ""
    if kind == FLAG:
        return _flag(value)
    if kind == LIST and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return json.dumps(_plain(value), sort_keys=True)


def _flag(value: t.Any) -> str:
    text = str(value).strip().lower()
    if text in _TRUE:
        return "true"
    # What is neither, the argument specification of the role refuses.
    return "false" if text in _FALSE else text


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    return str(value)


def _shown(value: t.Any) -> str:
    if value is NOTHING:
        return "none"
    text = json.dumps(value, default=str, ensure_ascii=True)
    return text if len(text) <= _MAX_VALUE else text[:_MAX_VALUE] + "..."
