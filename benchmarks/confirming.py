# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row about changes that are confirmed by measurement, compared with a plain site and a verify."""

from __future__ import annotations

from pathlib import Path

from plays import ROOT, Ansible
from row import Row
from stopwatch import Contestant, Effort, Lap, interleave, median

from ansible_collections.exasol_community.network.tests.labs.namespaces.firewalled import OPEN, Firewalled

_SITE, _VERIFY = (ROOT / "playbooks" / name for name in ("site.yml", "verify.yml"))


def confirmed(ansible: Ansible, effort: Effort) -> Row:
    """Three hosts, two of which change: the loop, and site with the usual confirmation, and verify."""
    folder = ansible.folder / "confirmed"
    folder.mkdir()
    with Firewalled(folder) as site:
        site.connect_from(site.addresses["client"])
        measured, plain = (_inventory(ansible, site, confirm) for confirm in ("measured", "connection"))

        def play(playbook: Path, inventory: Path) -> Contestant:
            return ansible.play(playbook, inventory, exasol_report_directory=str(folder / "report"))

        def loop() -> Lap:
            return _changing(site, play(_SITE, measured))

        def parts() -> Lap:
            first, second = _changing(site, play(_SITE, plain)), play(_VERIFY, plain)()
            return Lap(first.wall + second.wall, first.cpu + second.cpu)

        laps = interleave({"ours": loop, "parts": parts}, effort.rounds)
    ours, parts_of_it = median(laps["ours"]), median(laps["parts"])
    return Row(
        "site with a change of two of three hosts that is confirmed by measurement",
        ours,
        "at most site and verify",
        ours.wall <= parts_of_it.wall and ours.cpu <= parts_of_it.cpu,
        parts_of_it,
        "site, confirmed over a connection, and verify",
        {"cpu_ratio": ours.cpu / parts_of_it.cpu},
    )


def _inventory(ansible: Ansible, site: Firewalled, confirm: str) -> Path:
    return ansible.write(f"confirmed-{confirm}.yml", site.inventory(exasol_firewall_confirm=confirm))


def _changing(site: Firewalled, playbook: Contestant) -> Lap:
    """Let a playbook change hosts that it finds without our rules."""
    site.filter(OPEN)
    before = site.rulesets()
    lap = playbook()
    unchanged = [name for name, rules in site.rulesets().items() if rules == before[name]]
    if unchanged or any(site.waits(name) for name in site.nodes):
        raise RuntimeError(f"a change was expected that is confirmed; unchanged are {unchanged}")
    return lap
