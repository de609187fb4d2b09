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
_FOREIGN = {
    "amazon/aws": ("ec2_security_group",),
    "azure/azcollection": ("azure_rm_securitygroup",),
    "google/cloud": ("gcp_compute_firewall",),
    "awx/awx": ("job_template", "notification_template", "project", "schedule"),
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


def _download(package: str, version: str = "") -> Path:
    """Return the wheel of a package, which is not installed; a version is for example "<14"."""
    wheels = _CACHE / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, f"{package}{version}")
    return max(wheels.glob(f"{package.replace('-', '_')}-*.whl"))


@pytest.fixture(scope="session")
def foreign() -> Path:
    """Return a directory with the parts of other collections that the modules need which our files name."""
    place = _CACHE / "foreign"
    named = json.dumps(_FOREIGN)
    complete = place / "complete"
    if not complete.exists() or complete.read_text() != named:
        wheel = _download("ansible", "<14")  # the last with awx.awx
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place, [name for name in archive.namelist() if _needed(name)])
        wheel.unlink()
        complete.write_text(named)
    return place


@pytest.fixture(scope="session")
def rulebook_schema() -> dict[str, t.Any]:
    """Return the schema against which ansible-rulebook checks a rulebook."""
    with zipfile.ZipFile(_download("ansible-rulebook")) as archive:
        schema: dict[str, t.Any] = json.loads(
            archive.read("ansible_rulebook/schema/ruleset_schema.json").decode("utf-8")
        )
        return schema


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
        or name in [f"ansible_collections/{collection}/plugins/modules/{module}.py" for module in modules]
        for collection, modules in _FOREIGN.items()
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    """Return a browser, or skip."""
    # Only here: most of the readers need no Selenium.
    from ansible_collections.exasol_community.network.tests.consumers.browser import Browser, missing

    if missing():
        pytest.skip(f"needs {missing()} (Debian: chromium, chromium-driver)")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
