# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(exasol_firewall_confirm=measured): hosts whose changes stand or fall together, by what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.firewalled import (
    ADDRESSES,
    CLOSED,
    OPEN,
    STRANGER,
    Firewalled,
)


@pytest.fixture
def site(need_namespaces: None, tmp_path: Path) -> Iterator[Firewalled]:
    """Two nodes and a client."""
    with Firewalled(tmp_path) as made:
        yield made


def test_a_change_that_breaks_nothing_is_confirmed_on_all(site: Firewalled, tmp_path: Path) -> None:
    site.filter(CLOSED)
    site.connect_from(ADDRESSES["client"])
    before = site.rulesets()
    done = site.play(tmp_path)
    (tmp_path / "out.txt").write_text(done.output)
    print(tmp_path)
    assert done.code == 0, done.output


def test_a_change_that_cuts_off_a_client_is_rolled_back_on_all(site: Firewalled, tmp_path: Path) -> None:
    site.filter(OPEN)
    site.connect_from(STRANGER)
    before = site.rulesets()
    done = site.play(tmp_path)
    (tmp_path / "out.txt").write_text(done.output)
    print(tmp_path)
    assert done.code == 2, done.output
    assert site.rulesets() == before
