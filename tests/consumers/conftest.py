# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of our files make of them.

Browsers, CI servers, generators of firewall rules, modules of clouds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[1]
_CACHE = _CHECKOUT / ".cache" / "consumers"
_CLOUDS = {
    "amazon/aws": "ec2_security_group",
    "azure/azcollection": "azure_rm_securitygroup",
    "google/cloud": "gcp_compute_firewall",
}
Reader = Callable[..., t.Any]


def _run(*command: t.Any, **options: t.Any) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        pytest.skip(
            f"{' '.join(str(part) for part in command[:6])} failed: "
            f"{(done.stderr or done.stdout).strip()[-300:]}"
        )


@pytest.fixture(scope="session")
def reader() -> Reader:
    """Return a function that runs a script in the readers' own environment and returns its output."""
    wanted, python = _HERE / "requirements.txt", _CACHE / "venv" / "bin" / "python"
    installed = _CACHE / "installed"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        _CACHE.mkdir(parents=True, exist_ok=True)
        _run(_CHECKOUT / "tools" / "venv.sh", sys.executable, _CACHE / "venv")
        _run(python, "-m", "pip", "install", "-q", "-r", wanted)
        installed.write_text(wanted.read_text())

    def read(script: str, given: t.Any) -> t.Any:
        done = subprocess.run(
            [str(python), "-c", script],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return read


@pytest.fixture(scope="session")
def clouds() -> Path:
    """Return a directory with the parts of three cloud collections that their firewall modules need."""
    place = _CACHE / "clouds"
    if not (place / "complete").exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", _CACHE / "wheels", "ansible")
        (wheel,) = (_CACHE / "wheels").glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place, [name for name in archive.namelist() if _needed(name)])
        wheel.unlink()
        (place / "complete").touch()
    return place


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the script of axe-core, which looks for what keeps people from using a page."""
    place = _CACHE / "axe.min.js"
    if not place.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        package = "axe-playwright-python == 0.1.8"
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", _CACHE / "wheels", package)
        (wheel,) = (_CACHE / "wheels").glob("axe_playwright_python-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            place.write_bytes(archive.read("axe_playwright_python/axe.min.js"))
        wheel.unlink()
    return place.read_text(encoding="utf-8")


def _needed(name: str) -> bool:
    return any(
        name.startswith(f"ansible_collections/{collection}/plugins/module_utils/")
        or name == f"ansible_collections/{collection}/meta/runtime.yml"
        or name == f"ansible_collections/{collection}/plugins/modules/{module}.py"
        for collection, module in _CLOUDS.items()
    )
