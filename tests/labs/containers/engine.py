# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container engine: which one, how it is configured, and how it is called."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "lab"
WISH = "EXANET_ENGINE"
_ENGINES = ("podman", "docker")

# A container that boots systemd, which its environment tells that it is in one
# (https://systemd.io/CONTAINER_INTERFACE): it would wait for this machine's serial line. A network; an
# internal one could not be reached from here. A removal that waits for no shutdown.
BOOT = {
    "podman": ("--privileged", "--systemd=always"),
    "docker": (
        "--privileged",
        "--env=container=docker",
        "--cgroupns=private",
        "--tmpfs=/run",
        "--tmpfs=/run/lock",
        "--tmpfs=/tmp",
    ),
}
NETWORK = {"podman": ("--disable-dns",), "docker": ()}
REMOVE = {"podman": ("rm", "--force", "--volumes", "--time=0"), "docker": ("rm", "--force", "--volumes")}

# crun refuses a hybrid hierarchy of cgroups, and raising limits is not permitted everywhere.
_LIMITS = 'default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]'


class EngineError(RuntimeError):
    """A call of the engine that failed, in the engine's own words."""


class Engine:
    """One container engine, called with a configuration of our own."""

    def __init__(self, name: str):
        self.name = name
        self._environment = dict(os.environ)
        if name == "podman":
            self._environment["CONTAINERS_CONF"] = str(_configuration())

    def start(self, *arguments: str, **options: t.Any) -> subprocess.Popen[t.Any]:
        """Start a call of the engine."""
        return subprocess.Popen([self.name, *arguments], env=self._environment, **options)

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Call the engine and return what it prints."""
        call = self.start(
            *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        output: str
        output, complaint = call.communicate(stdin)
        if check and call.returncode:
            raise EngineError(
                f"{self.name} {' '.join(arguments)[:200]} failed with code {call.returncode}: "
                f"{complaint.strip()}"
            )
        return output

    def knows(self, kind: str, name: str) -> bool:
        """Tell whether there is an image, a network or a container of this name."""
        return not self.start(
            kind, "inspect", name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).wait()


def find() -> Engine:
    """Return the engine that is asked for, or the first that answers."""
    wish = os.environ.get(WISH)
    for name in (wish,) if wish else _ENGINES:
        if (
            shutil.which(name)
            and not Engine(name).start("info", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()
        ):
            return Engine(name)
    raise EngineError(f"no container engine answers, neither of: {wish or ', '.join(_ENGINES)}")


@contextlib.contextmanager
def alone(work: str) -> t.Iterator[None]:
    """Do this work while no other process does: several labs of a checkout may start at the same time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{work}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(name: str, make: t.Callable[[Path], object]) -> Path:
    """Return the path of a file in CACHE, which is there as a whole or not at all.

    Whoever comes first makes it, in a folder of its own: other processes may read the path at any time, and a
    run that is killed leaves no part of the file there.
    """
    path = CACHE / name
    with alone(name):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                make(Path(folder) / name)
                # The file itself comes last: where it is, whatever was made beside it is there too.
                for made in sorted(Path(folder).iterdir(), key=lambda made: made.name == name):
                    made.replace(CACHE / made.name)
    return path


def _configuration() -> Path:
    runtime = '[engine]\nruntime = "runc"\n' if shutil.which("runc") else ""
    content = f"{runtime}[containers]\n{_LIMITS}\n"
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return made_once(f"containers-{digest}.conf", lambda path: path.write_text(content))
