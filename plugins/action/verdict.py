# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdicts, made once on the controller from what all hosts observed."""

from __future__ import annotations

import datetime
import shutil
import textwrap
import typing as t
from collections.abc import Mapping, Sequence

from ansible.utils.display import Display

from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._ansible.screen import show
from ..plugin_utils._ansible.variables import Registered, dictionary_in
from ..plugin_utils._payload.packed_plan import whole_plan
from ..plugin_utils._report.report import for_variable
from ..plugin_utils._report.spoken import sentences
from ..plugin_utils._report.summary import counts, host_order
from ..plugin_utils._report.terminal import MIN_COLUMNS, opening, table
from ..plugin_utils._text.tables import visible
from ..plugin_utils._untrusted.claims import believable
from ..plugin_utils._untrusted.origin import Origins
from ..plugin_utils._verdict import mixed_networks
from ..plugin_utils._verdict.causes import causes_of
from ..plugin_utils._verdict.certificates import certificate_notes, certificates
from ..plugin_utils._verdict.connection_strings import ConnectionStrings
from ..plugin_utils._verdict.counts import not_ok, summarize
from ..plugin_utils._verdict.ftp_results import ftp_results, still_untestable
from ..plugin_utils._verdict.idle_connections import idle_notes, with_idle
from ..plugin_utils._verdict.joining import Joining
from ..plugin_utils._verdict.later import without_others
from ..plugin_utils._verdict.limits import read_limits
from ..plugin_utils._verdict.links import link_notes
from ..plugin_utils._verdict.login_addresses import login_notes
from ..plugin_utils._verdict.measured_paths import measured_paths, measured_traces
from ..plugin_utils._verdict.name_notes import name_notes
from ..plugin_utils._verdict.not_covered import coverage_sentences, not_covered
from ..plugin_utils._verdict.path_notes import path_notes
from ..plugin_utils._verdict.peers import hosts_by_peer, private_addresses
from ..plugin_utils._verdict.rate_notes import rate_notes
from ..plugin_utils._verdict.silent_sources import silent_source_notes
from ..plugin_utils._verdict.throughput import throughput_notes, with_throughput
from ..plugin_utils._verdict.trace_notes import trace_notes
from ..plugin_utils._verdict.unverified import unverified

if t.TYPE_CHECKING:
    from ..module_utils._shapes import Plan, PlannedRun, Verification

display = Display()

# What results_in may name: the field that counts, and whether a result of another run is none. The others say
# of which run they are, and Origins reports it.
_RESULTS: dict[str, tuple[str | None, bool]] = {
    "observations": (None, False),
    "listeners": (None, False),
    "queries": (None, False),
    "captures": ("capture", True),
    "stopped": (None, True),
    "transfers": (None, True),
}
_MAX_PROSE_WIDTH = 120  # columns
_MAX_TABLE_WIDTH = 200


class ActionModule(ControllerAction):
    """Judge every flow of a plan and print the matrix."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "plan": {"type": "dict"},
        "plan_in": {"type": "str"},
        "hosts": {"type": "list", "elements": "str"},
        "results_in": {"type": "dict"},
        "observations": {"type": "dict"},
        "listeners": {"type": "dict", "default": {}},
        "captures": {"type": "dict", "default": {}},
        "stopped": {"type": "dict", "default": {}},
        "queries": {"type": "dict", "default": {}},
        "limits": {"type": "dict", "default": {}},
        "idle": {"type": "list", "elements": "int", "default": []},
        "throughput": {"type": "raw", "default": False},
        "transfers": {"type": "dict", "default": {}},
        "display": {"type": "bool", "default": True},
    }
    ONE_OF = (("plan", "plan_in"), ("observations", "results_in"))

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the verification."""
        planned: PlannedRun = whole_plan(
            options["plan"] or dictionary_in(variables, options["plan_in"], self._templar, "plan_in", "hosts")
        )
        options = {**options, **_registered(options, planned, variables)}
        plan: Plan = planned
        limits = read_limits(options["limits"], options["idle"], options["throughput"])
        claims = believable(
            plan,
            observations=options["observations"],
            listeners=options["listeners"],
            captures=options["captures"],
            stopped=options["stopped"],
            queries=options["queries"],
            transfers=options["transfers"],
        )
        origins = Origins(planned)
        listeners, queries = origins.listeners(claims.listeners), origins.listeners(claims.queries)
        observations = origins.observations(claims.observations, listeners or queries)
        observations = without_others(observations, plan["hosts"])
        observations = with_idle(observations, claims.stopped, plan["hosts"])
        observations = with_throughput(observations, claims.transfers, plan["hosts"])
        strings = ConnectionStrings(plan, observations)
        plan, observations = strings.plan, strings.observed
        joining = Joining(
            plan=plan,
            observed=observations,
            listeners=listeners,
            captures=claims.captures,
            stopped=claims.stopped,
            queries=queries,
            limits=limits,
        )
        judged = joining.judge()
        sessions = ftp_results(observations)
        settled = mixed_networks.settle(strings.judge(judged.results), plan["hosts"])
        results = settled.results + sessions
        presented = certificates(results, private_addresses(plan["hosts"]))
        paths = measured_paths(observations, plan["hosts"])
        notes = [
            *settled.notes,
            *plan.get("notes", ()),
            *certificate_notes(presented),
            *strings.notes(),
            *unverified(judged.results),
            *joining.captures.notes(),
            *joining.listening.notes(),
            *joining.kernels.notes(),
            *joining.source_addresses.notes(),
            *joining.one_family.notes(),
            *login_notes(plan["hosts"], listeners or queries),
            *origins.notes(),
            *idle_notes(paths, limits),
            *throughput_notes(paths, limits, claims.transfers),
            *path_notes(paths, plan["hosts"], limits, judged.results),
            *rate_notes(paths),
            *silent_source_notes(results),
            *trace_notes(judged.results),
            *name_notes(observations, plan["hosts"]),
            *link_notes(observations, plan["hosts"]),
        ]
        verification: Verification = {
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "run": planned.get("run", ""),
            "release": plan["release"],
            "peers": hosts_by_peer(plan["hosts"]),
            "addresses": {name: host["addresses"] for name, host in plan["hosts"].items()},
            "external": {
                name: host["external"] for name, host in plan["hosts"].items() if host.get("external")
            },
            "clusters": {
                name: host["cluster"] for name, host in plan["hosts"].items() if host.get("cluster")
            },
            "hosts": list(plan["hosts"]),
            "results": results,
            "untestable": still_untestable(plan["untestable"], sessions) + judged.unmeasured,
            "not_covered": not_covered(plan, results),
            "summary": summarize(results),
            "certificates": presented,
            "paths": paths,
            "traces": measured_traces(observations, plan["hosts"]),
            "notes": [str(note) for note in notes],
            "note_causes": causes_of(notes),
        }
        verification["not_ok"] = not_ok(verification["summary"])
        said = sentences(verification)  # once: of a large site, they take as long as a third of the verdicts
        verification["message"] = _message(verification, said)
        if options["display"]:
            self._print(verification, said)
        return for_variable(verification)

    @staticmethod
    def _print(verification: Verification, said: Sequence[str]) -> None:
        columns = min(max(shutil.get_terminal_size().columns, MIN_COLUMNS), _MAX_TABLE_WIDTH)
        for shown in opening(verification):
            # What follows an item of a block stands under it.
            indent = " " * (len(shown.text) - len(shown.text.lstrip()) + 2)
            show(_filled(shown.text, columns, indent), shown.verdict)
        order = host_order(verification)
        for shown in table(verification["results"], verification["peers"], columns, order):
            show(*shown)
        display.display("")
        for sentence in coverage_sentences(verification):
            display.display(_filled(sentence, columns))
            display.display("")
        display.display(_filled(counts(verification), columns))
        for sentence in said:
            display.display("")
            display.display(_filled(sentence, columns))
        for note in verification["notes"]:
            display.warning(visible(note))


def _registered(
    options: Mapping[str, t.Any], plan: PlannedRun, variables: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return the options whose values hosts have registered; a name may be empty."""
    names = options["results_in"] or {}
    unknown = sorted(set(names) - set(_RESULTS))
    if unknown:
        raise NetworkError(f"results_in has {unknown[0]!r}: expected {', '.join(_RESULTS)}")
    hosts = variables.get("ansible_play_hosts_all", ()) if options["hosts"] is None else options["hosts"]
    registered = Registered(hosts if names else (), variables.get("hostvars", {}))
    found = {}
    for option, name in names.items():
        field, of_this_run = _RESULTS[option]
        if name and not options[option]:
            found[option] = registered.under(name, field, plan.get("run") if of_this_run else None)
    if options["observations"] is None and "observations" not in found:
        raise NetworkError(
            "results_in names no variable for 'observations': expected what the probes registered"
        )
    return found


def _filled(text: str, columns: int, indent: str = "") -> str:
    # No word is broken: somebody may want to copy it.
    return textwrap.fill(
        visible(text, "\n\t"),
        width=min(columns, _MAX_PROSE_WIDTH),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _message(verification: Verification, said: Sequence[str]) -> str:
    return "\n".join(
        [
            counts(verification),
            *said,
            *coverage_sentences(verification),
            *verification["notes"],
        ]
    )
