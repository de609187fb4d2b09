# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page made by a template of the user's own, in place of ours.

The template is Jinja2. It runs in a sandbox, gets copies of plain data, and whatever it writes is escaped. It
is tried with an example before anything is measured, so a mistake in it costs no measurement.
"""

from __future__ import annotations

import json
import os
import traceback
import typing as t
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...module_utils._values.errors import NetworkError
from .._text.template_output import of_pages
from .blocks import blocks, ticket
from .formats._json import flat
from .spoken import sentences
from .summary import counts, host_order, lines, named_service, with_records

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

OPTION = "exasol_report_template"


class TemplateError(NetworkError):
    """A template that cannot be read, or that fails."""


class OwnTemplate:
    """A template of the user's own that was tried with an example."""

    def __init__(self, path: str):
        """Read and try a template; raise TemplateError with its file and line if it cannot be used."""
        self._file = Path(os.path.abspath(os.path.expanduser(path)))
        environment = of_pages(ImmutableSandboxedEnvironment, self._file.parent)
        try:
            # Not by the loader: it reports neither why a file cannot be read, nor that it is no text.
            text = self._file.read_text(encoding="utf-8")
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise self._error(f"is not UTF-8: {error}") from error
        try:
            code = environment.compile(text, name=self._file.name, filename=str(self._file))
        except jinja2.TemplateSyntaxError as error:
            place = error.filename or str(self._file)
            raise self._error(f"cannot be used: {place}, line {error.lineno}: {error.message}") from error
        self._template = jinja2.Template.from_code(environment, code, environment.make_globals(None))
        self.render(EXAMPLE)

    def render(self, verification: Verification) -> str:
        """Return the page of a verification."""
        try:
            return self._template.render(data_of(verification))
        except Exception as error:  # a template may do anything
            raise self._error(f"cannot be used: {self._place(error)}: {str(error).rstrip('.')}") from error

    def _place(self, error: Exception) -> str:
        """Return the file and line of a template in which an error arose."""
        if isinstance(error, jinja2.TemplateSyntaxError):
            return f"{error.filename or error.name}, line {error.lineno}"
        folder = str(self._file.parent)
        # Jinja puts the lines of templates into the traceback.
        places = [
            f"{frame.filename}, line {frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.dirname(frame.filename) == folder
        ]
        return places[-1] if places else str(self._file)

    def _error(self, text: str) -> TemplateError:
        return TemplateError(
            f"{OPTION} {str(self._file)!r} {text}; expected a template of Jinja2 that uses what "
            'the guide lists under "A page of your own"'
        )


def data_of(verification: Verification) -> dict[str, t.Any]:
    """Return what a template of the user's own gets, as copies that are plain data."""
    found = {
        "counts": counts(verification),
        "sentences": sentences(verification)[::-1],
        "blocks": [
            {
                "who": block.who,
                "verdict": block.verdict,
                "flows": block.flows,
                "todo": block.todo,
                "seen": block.seen,
                "facts": block.facts,
                "commands": block.commands,
                "ticket": ticket(block, verification).splitlines(),
            }
            for block in blocks(verification)
        ],
        "lines": [
            {
                "sources": line.sources,
                "destinations": line.destinations,
                "service": named_service(line.first),
                "protocol": line.first["protocol"],
                "ports": line.first["ports"],
                "verdict": line.first["verdict"],
                "milliseconds": line.milliseconds(),
            }
            for line in lines(verification["results"], host_order(verification))[::-1]
        ],
    }
    copies: dict[str, t.Any] = json.loads(json.dumps({**found, "report": flat(with_records(verification))}))
    return copies


def _example(destination: str, **more: t.Any) -> Result:
    result = {
        "source": "n11",
        "destination": destination,
        "address": destination,
        "service": "sql_client",
        "protocol": "tcp",
        "ports": "8563",
        "expected": "reachable",
        "verdict": "ok",
        "state": "open",
        "reason": "syn-ack",
        "sentence": f"n11 reaches {destination}.",
        **more,
    }
    return t.cast("Result", result)


EXAMPLE: Verification = {
    "created": "2026-01-01T00:00:00+00:00",
    "release": "8",
    "peers": {"database_node": ["n11", "n12", "n13"]},
    "addresses": {"n11": ["192.0.2.11"], "n12": ["192.0.2.12"], "n13": ["192.0.2.13"]},
    "hosts": ["n11", "n12", "n13"],
    "results": [
        _example("n12", rtt_ms={"min": 0.1, "median": 0.2, "max": 0.3}),
        _example(
            "n13",
            verdict="blocked",
            state="filtered",
            reason="no-response",
            sentence="n11 gets no reply from n13.",
            cause="silence",
            evidence=["no reply"],
            next_command="nc -vz n13 8563  # on n11",
            actor=["network"],
        ),
    ],
    "untestable": [],
    "not_covered": [],
    "notes": [],
    "summary": {"ok": 1, "blocked": 1},
}
