# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file for the textfile collector of Prometheus' node exporter: one gauge for each flow.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterable, Mapping

from ..._text.tables import printable
from ..._verdict.counts import flow_verdicts
from ..._verdict.verdict import OK, VERDICTS

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Verification

NAME, SUFFIX = "prometheus", "prom"
_LABELS = ("source", "destination", "service", "expected")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})
_Sample = tuple[Mapping[str, str], t.Any]


def render(verification: Verification) -> str:
    """Return the gauges of all flows, of each verdict, of what is not covered, and of the time."""
    flows = flow_verdicts(verification["results"])
    summary = verification["summary"]
    created = datetime.datetime.fromisoformat(verification["created"]).timestamp()
    texts = [
        *_gauge(
            "exasol_network_flow_ok",
            "Whether the flow is as expected (1) or somebody must act (0).",
            ((dict(zip(_LABELS, flow)), int(verdict == OK)) for flow, verdict in flows.items()),
        ),
        *_gauge(
            "exasol_network_flows",
            "Flows of each verdict.",
            (({"verdict": verdict}, summary.get(verdict, 0)) for verdict in VERDICTS),
        ),
        *_gauge(
            "exasol_network_not_covered",
            "Rows of the port table without a flow in this run.",
            (
                ({"service": entry["service"], "need": entry["need"], "cause": entry["cause"]}, 1)
                for entry in verification.get("not_covered", ())
            ),
        ),
        *_gauge(
            "exasol_network_verification_timestamp_seconds",
            "When the flows were measured, in seconds since 1970.",
            [({}, f"{created:.0f}")],
        ),
    ]
    return "\n".join(texts) + "\n"


def _gauge(name: str, text: str, samples: Iterable[_Sample]) -> list[str]:
    return [
        f"# HELP {name} {text}",
        f"# TYPE {name} gauge",
        *(f"{name}{_labels(labels)} {value}" for labels, value in samples),
    ]


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{printable(value).translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
