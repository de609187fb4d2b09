# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One flow from its plan to its verdict, without Ansible, compared with the table of faults."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.machine import machine
from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.claims import believable
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.causes import CAUSES
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining

from ..faults import FAULTS
from .lines import CLIENT, SERVER
from .namespaces import Namespace
from .probing import TOKEN, elsewhere, lease

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.plugins.module_utils._shapes import Result


class Judged(t.NamedTuple):
    """What a run says of the one flow."""

    verdict: str
    cause: str
    sentence: str
    evidence: str
    notes: tuple[str, ...]
    actor: tuple[str, ...]


def results_of(
    source: Namespace,
    destination: Namespace,
    servers: tuple[str, ...] = (SERVER[4],),
    clients: tuple[str, ...] = (CLIENT[4],),
    capture: bool = False,
    before_end: t.Callable[[], object] = lambda: None,
    has_listener: bool = True,
    timeout: float = 1.5,
    is_traced: bool = False,
    own_service: Mapping[str, t.Any] | None = None,
) -> tuple[list[Result], Joining]:
    """Measure one flow at every address of its destination; returns its results, and who judged them.

    C(own_service) is a service of the site's own in place of the vendor's, which is asked who it is.
    """
    name = own_service["name"] if own_service else "sql_client"
    plan = make_plan(
        Wishes(release="kb", services=[own_service] if own_service else ()),
        {
            "database_node": [Party("n11", servers, managed=True)],
            "client": [Party("client", clients, managed=True)],
        },
        [],
    )
    hosts = plan["hosts"]
    leased = {}
    if has_listener:
        leased["n11"] = lease(destination, "n11", *hosts["n11"]["endpoints"], capture=capture)
    with source.inside():
        flows = [entry for entry in hosts["client"]["probes"] if entry["service"] == name]
        targets = collect(flows, [], {name: one["listening"] for name, one in leased.items()})
        settings = Settings(
            Pace(timeout=timeout), token=TOKEN, identify=bool(own_service), capture=capture, trace=is_traced
        )
        probed = {**run_probe(targets, settings), "machine": machine(clients)}
    before_end()
    stopped = {name: _stopped(destination, hosts[name], servers, clients) for name in leased}
    claims = believable(
        plan,
        observations={"client": probed},
        listeners=leased,
        captures={name: one["capture"] for name, one in stopped.items() if capture},
        stopped=stopped,
    )
    joining = Joining(
        plan=plan,
        observed=claims.observations,
        listeners=claims.listeners,
        captures=claims.captures,
        stopped=claims.stopped,
    )
    results = [one for one in joining.judge().results if one["service"] == name]
    for result in results:
        cause = result.get("cause", "")
        assert not cause or result["verdict"] in CAUSES[cause].verdicts
        assert not cause or result["evidence"]
    return results, joining


def run_of(
    source: Namespace,
    destination: Namespace,
    server: str = SERVER[4],
    client: str = CLIENT[4],
    capture: bool = False,
    before_end: t.Callable[[], object] = lambda: None,
    has_listener: bool = True,
    timeout: float = 1.5,
    is_traced: bool = False,
    own_service: Mapping[str, t.Any] | None = None,
) -> Judged:
    """Measure one flow from its plan to its verdict.

    Without a listener the service of the flow is what others run; it is not asked who it is.
    """
    results, joining = results_of(
        source,
        destination,
        servers=(server,),
        clients=(client,),
        capture=capture,
        before_end=before_end,
        has_listener=has_listener,
        timeout=timeout,
        is_traced=is_traced,
        own_service=own_service,
    )
    (result,) = results
    return Judged(
        verdict=result["verdict"],
        cause=result.get("cause", ""),
        sentence=result["sentence"],
        evidence="; ".join(result.get("evidence", ())),
        notes=(*joining.kernels.notes(), *joining.source_addresses.notes()),
        actor=tuple(result.get("actor", ())),
    )


def _stopped(
    destination: Namespace, planned: t.Any, servers: tuple[str, ...], clients: tuple[str, ...]
) -> dict[str, t.Any]:
    """Stop the listener as the role does; returns what it reports."""
    rules = [rule for rule in planned["rules"] if rule["direction"] == "in"]
    remotes = [address for rule in rules for address in rule["addresses"]]
    assert set(clients) <= set(remotes)
    stopped: dict[str, t.Any] = elsewhere(
        destination, "absent", host="n11", token=TOKEN, remotes=remotes, addresses=list(servers)
    )
    assert stopped["changed"]
    return stopped


def shown(judged: Judged, what: str, captured: bool = False) -> None:
    """Check that a fault which was made for real has the verdict and the cause of the table."""
    (row,) = [fault for fault in FAULTS if (fault.what, fault.captured) == (what, captured)]
    assert (judged.verdict, judged.cause) == (row.verdict, row.cause), judged
