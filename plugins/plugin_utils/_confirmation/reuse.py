# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the measurement after a change of firewalls takes the place of a verification that follows it.

It does only in playbook C(site), where nothing stands between the two, and only if the verification would
measure exactly the same: the same hosts, plan and options, with no change of a firewall since. What it
measured must still be so, and nobody watches the network meanwhile, so it counts for a short time only. Its
own date says how old it is: a user may wait between two tasks (C(ansible-playbook --step)), or leave some
out. The clock of the controller may be set back meanwhile, so one that nobody can set is asked too, and the
older age counts. Everything that is in doubt means to measure again, which costs only time.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import typing as t
from collections.abc import Callable, Mapping, Sequence

from .._inventory.site_variables import BY_HOST, NOTHING, SITE
from .._text.sets import some_names

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Plan

# From the verdicts to the verification that they replace: to confirm the change takes two tasks of each host.
MAX_AGE_SECONDS = 900
_PASSWORD, _LOGIN = "exasol_ftp_password", "exasol_ftp_user"
# What a measurement and its verdicts depend on beside the plan. A digest of a password could be guessed.
_DECIDING = [
    name
    for name in (*SITE, *BY_HOST)
    if name.startswith(("exasol_verify_", "exasol_ftp_")) and name not in (_PASSWORD, "exasol_verify_fail")
]


def digest_of(plan: Plan, hosts: Sequence[str], value_of: Callable[[str, str], t.Any]) -> str:
    """Return a text that is the same for plans and variables with which the same is measured.

    It is empty if somebody logs in: the password then decides too, and no digest tells about it.
    """
    values = {host: {name: value_of(host, name) for name in _DECIDING} for host in hosts}
    if any(of_host[_LOGIN] not in (NOTHING, None, "") for of_host in values.values()):
        return ""
    given = {
        host: {name: value for name, value in of_host.items() if value is not NOTHING}
        for host, of_host in values.items()
    }
    planned = {name: value for name, value in plan.items() if name != "notes"}
    text = json.dumps([sorted(hosts), planned, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def why_measure_again(
    kept: Mapping[str, Mapping[str, t.Any]],
    plans: Mapping[str, str],
    hosts: Sequence[str],
    active: Sequence[str],
    digest: str,
    age: float,
) -> str:
    """Return why a verification of these hosts must measure itself, nothing if it need not.

    C(kept) has what each host has of the measurement after its change (run, when it was created, plan, hosts,
    digest), and C(plans) the run of the plan with which the role firewall changed it last. C(active) are the
    hosts of the play that have not failed, C(age) is that of the measurement in seconds.
    """
    last = _last(kept, hosts)
    if last is None:
        return "no change was measured"
    if not last["run"]:
        return (
            "meanwhile, another run changed a firewall, or its change was rolled back, or the clock of the "
            "controller jumped"
        )
    missing = [host for host in hosts if kept.get(host, {}).get("run") != last["run"]]
    if missing:
        return f"{some_names(missing)} had no part in the measurement of {some_names(last['hosts'])}"
    others = [host for host in last["hosts"] if host not in hosts]
    if others:
        return f"that measurement has {some_names(others)} too, and this play does not"
    if not last["plan"]:
        return "after the rules were removed (exasol_firewall_state), each verification measures itself"
    changed = [host for host in hosts if plans.get(host) != last["plan"]]
    if changed:
        return f"the role firewall ran on {some_names(changed)} after that measurement"
    failed = [host for host in hosts if host not in active]
    if failed:
        return f"{some_names(failed)} failed before this verification; fix that and run again"
    if not digest:
        return f"with {_LOGIN}, each verification measures itself"
    if digest != last["digest"]:
        return "the plan or the variables of the role verify differ from those of that measurement"
    return _too_old(age)


def _last(kept: Mapping[str, Mapping[str, t.Any]], hosts: Sequence[str]) -> Mapping[str, t.Any] | None:
    return next((kept[host] for host in hosts if kept.get(host)), None)


def age_of(
    kept: Mapping[str, Mapping[str, t.Any]], hosts: Sequence[str], now: float, monotonic: float
) -> float:
    """Return the age of what is kept in seconds, infinite if that is not known.

    It is negative if it was created in the future. C(now) is in seconds since 1970, and C(monotonic) is the
    same moment by the clock that also said when the change ended, C(monotonic) of what is kept.
    """
    last = _last(kept, hosts) or {}
    try:
        by_date = now - datetime.datetime.fromisoformat(str(last.get("created"))).timestamp()
        since_end = monotonic - float(str(last.get("monotonic")))
    except ValueError:
        return math.inf
    return by_date if by_date < 0 else max(by_date, since_end)


def _too_old(age: float) -> str:
    if 0 <= age <= MAX_AGE_SECONDS:
        return ""
    said = f"that was {age:.0f} s ago" if age >= 0 else "the clock of the controller was set back since"
    if math.isinf(age):
        said = "it is not known when that was"
    return f"{said}, and it counts for {MAX_AGE_SECONDS} s"
