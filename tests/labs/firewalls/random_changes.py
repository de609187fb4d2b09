# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random changes of random rule sets in containers, for the firewalls that have a service.

cutting.py of the unit tests plays them, with the container's own Python. It gets a network and an /etc of its
own, and firewalld a bus and a daemon, so nothing of the container changes.
"""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

from ansible_collections.exasol_community.network.tests.labs.containers.engine import ROOT

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab

_PLACE = "/var/tmp/exanet-cutting"
_PACKAGE = "ansible_collections/exasol_community/network"
_TESTS = "tests/unit/plugins/module_utils/_firewall"
_PRISTINE = "/var/tmp/exanet-pristine"
_OWN = """
set -e
mount -t tmpfs none /run
mkdir -p /run/dbus /run/exanet
cp -a /etc /run/exanet
mount --bind /run/exanet/etc /etc
ip link set lo up
"""
_START = {
    "ufw": f"""
rm -rf {_PRISTINE}
mkdir -p {_PRISTINE}
cp -a /etc/ufw {_PRISTINE}/ufw
cp -a /etc/default/ufw {_PRISTINE}/default-ufw
""",
    "firewalld": """
dbus-daemon --system --fork
firewalld --nofork --nopid >/run/exanet/firewalld.log 2>&1 </dev/null &
ended="kill $! $(cat /run/dbus/pid)"
trap "$ended" EXIT
until firewall-cmd --quiet --state; do sleep 0.2; done
""",
}


def play(lab: Lab, host: str, seed: str, numbers: str) -> list[dict[str, t.Any]]:
    """Return what was seen of each change; C(numbers) is how many, or "first-behind the last"."""
    place = f"{_PLACE}-{seed}-{numbers}"
    _copy(Path(f"/proc/{lab.process(host)}/root{place}"))
    script = (
        f"{_OWN}{_START[host]}mkdir -p /run/exanet/state\n"
        f"PYTHONPATH={place} PYTHONDONTWRITEBYTECODE=1 python3 {place}/{_PACKAGE}/{_TESTS}/cutting.py "
        f"{seed} {numbers} /run/exanet/state {host}\n"
    )
    printed = lab.execute(
        host, f"exec unshare --net --mount /bin/sh -eu <<'END-OF-TURNS'\n{script}END-OF-TURNS\n"
    )
    return [json.loads(line) for line in printed.splitlines()]


def _copy(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("plugins/module_utils", _TESTS):
        shutil.copytree(ROOT / folder, place / _PACKAGE / folder, ignore=ignored)
