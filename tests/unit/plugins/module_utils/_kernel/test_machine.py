# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are the machine's own, and what tells machines apart."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import machine as _machine
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.machine import (
    identity,
    machine,
    origin,
)


def test_names_are_looked_up_where_the_module_runs(monkeypatch):
    answers = {
        "here.example.com": ["192.0.2.1", "127.0.0.5"],
        "there.example.com": ["192.0.2.1"],
        "gone.example.com": [],
    }
    monkeypatch.setattr(
        _machine,
        "resolve",
        lambda names, seconds: {
            name: type("Answer", (), {"addresses": answers.get(name, [])}) for name in names
        },
    )
    monkeypatch.setattr(_machine.socket, "gethostname", lambda: "node7.example.com")
    found = machine(
        [
            "here.example.com",
            "there.example.com",
            "gone.example.com",
            "Node7.example.com.",
            "127.0.0.9",
            "192.0.2.9",
        ]
    )
    assert found["own"] == ["here.example.com", "Node7.example.com.", "127.0.0.9"]


def test_the_identity_is_the_same_again_and_known_here():
    assert identity() == identity()
    assert len(identity()) == 16


@pytest.mark.parametrize("missing", ["_first_line", "_namespace"])
def test_without_proc_nothing_is_said_of_the_machine(monkeypatch, missing):
    monkeypatch.setattr(_machine, missing, lambda *unused: "")
    assert identity() == ""


def test_another_network_namespace_is_another_machine(monkeypatch):
    here = identity()
    monkeypatch.setattr(_machine, "_namespace", lambda: "net:[1]")
    assert identity() not in ("", here)


def test_a_result_says_its_run_and_where_it_was_made():
    assert origin("", []) == {}
    assert origin("one", []) == {"run": "one"}
    assert origin("", ["127.0.0.1"])["machine"]["own"] == ["127.0.0.1"]
