# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of nodes, built from Debian's packages, or from any base image if a registry is available.

An image's tag holds a hash of everything that it is made from, so that an unchanged image is never made
twice.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from .engine import CACHE, Engine, EngineError, alone

BASE = "EXANET_BASE_IMAGE"
REPOSITORY = "localhost/exanet-node"
RELEASES = ("bookworm", "bullseye", "trixie")  # of Debian, the first by default

_DEBIAN = (
    "dbus",
    "iproute2",
    "iptables",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
)
_REDHAT = (
    "dbus-daemon",
    "iproute",
    "iptables-nft",
    "nftables",
    "openssh-server",
    "procps-ng",
    "python3",
    "socat",
    "sudo",
    "systemd",
)
# ufw and iptables-persistent exclude each other.
PLAIN = "plain"
FLAVOURS = {
    PLAIN: (("firewalld", "iptables-persistent", "netfilter-persistent"), ("firewalld", "iptables-services")),
    "ufw": (("ufw",), ("ufw",)),
    "partner": (
        (
            "chrony",
            "dnsmasq",
            "ldap-utils",
            "mariadb-server",
            "nginx",
            "openssl",
            "postgresql",
            "slapd",
            "vsftpd",
        ),
        (
            "chrony",
            "dnsmasq",
            "mariadb-server",
            "nginx",
            "openldap-clients",
            "openldap-servers",
            "openssl",
            "postgresql-server",
            "vsftpd",
        ),
    ),
}
# A partner's services start when they are configured; chrony must never set the clock of the machine below.
_SERVICES = "chrony dnsmasq mariadb nginx postgresql slapd vsftpd"
_LATER = {"partner": f"for unit in {_SERVICES}; do systemctl disable $unit || true; done"}
# No firewall runs on a fresh node, nothing there calls out by itself or takes a console of this machine, and
# there is a user who is not root.
_SETUP = "; ".join(
    (
        (
            "for unit in firewalld nftables netfilter-persistent iptables ip6tables; do systemctl disable "
            "$unit.service || true; done"
        ),
        (
            "for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer "
            "fstrim.timer getty.target systemd-modules-load.service"
        ),
        "do ln -sf /dev/null /etc/systemd/system/$unit; done",
        "id ordinary || useradd --create-home --shell /bin/bash ordinary",
    )
)
_INIT = 'CMD ["/sbin/init"]'


class ImageError(EngineError):
    """An image that could not be made.

    There is neither a registry nor mmdebstrap, or no mirror of packages.
    """


def ensure(engine: Engine, release: str, flavours: set[str]) -> dict[str, str]:
    """Return the image of each flavour; the missing ones are made, at the same time."""
    recipes = {flavour: recipe(release, flavour) for flavour in sorted(flavours)}
    tags = {flavour: f"{REPOSITORY}:{release}-{flavour}-{_digest(text)}" for flavour, text in recipes.items()}
    with alone(release):
        missing = [flavour for flavour, tag in tags.items() if not engine.knows("image", tag)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda flavour: _make(engine, release, flavour, tags[flavour]), missing))
    return tags


def ensure_all(engine: Engine, needed: dict[str, set[str]]) -> None:
    """Make images of several releases, most work first.

    Two at a time use two processors better than each lab that makes its own.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(
            pool.map(
                lambda release: ensure(engine, release, needed[release]),
                sorted(needed, key=lambda release: -len(needed[release])),
            )
        )


def base(release: str) -> str:
    """Return the base image, empty where the base is made from packages."""
    return os.environ.get(BASE) or (
        "" if shutil.which("mmdebstrap") else f"docker.io/library/debian:{release}"
    )


def recipe(release: str, flavour: str) -> str:
    """Return everything that an image is made from, as one text."""
    return (
        _containerfile(base(release), flavour)
        if base(release)
        else " ".join([*_bootstrap(release, flavour), "-"]) + _INIT
    )


def _setup(flavour: str) -> str:
    return "; ".join((_SETUP, *filter(None, [_LATER.get(flavour)])))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _make(engine: Engine, release: str, flavour: str, tag: str) -> None:
    if base(release):
        _build(engine, tag, _containerfile(base(release), flavour))
        return
    _import(engine, _bootstrap(release, flavour), tag, "--change", _INIT)


def _build(engine: Engine, tag: str, containerfile: str) -> None:
    try:
        engine.run("build", "--tag", tag, "-", stdin=containerfile)
    except EngineError as error:
        raise ImageError(str(error)) from error


def _import(engine: Engine, bootstrap: list[str], tag: str, *options: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        archive = f"{folder}/root.tar"
        made = subprocess.run([*bootstrap, archive], capture_output=True, text=True, check=False)
        if made.returncode:
            raise ImageError(f"mmdebstrap could not make {tag}: {made.stderr.strip()[-1500:]}")
        engine.run("import", *options, archive, tag)


def _bootstrap(release: str, flavour: str) -> list[str]:
    packages = ",".join(sorted(_DEBIAN + FLAVOURS[flavour][0]))
    hook = f'chroot "$1" sh -eu -c {shlex.quote(_setup(flavour))} >&2'
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={packages}",
        f"--customize-hook={hook}",
        release,
    ]


def _containerfile(image: str, flavour: str) -> str:
    debian, redhat = (
        " ".join(common + special)
        for common, special in zip((_DEBIAN, _REDHAT), FLAVOURS[flavour], strict=True)
    )
    debian_way = (
        "apt-get update && DEBIAN_FRONTEND=noninteractive"
        f" apt-get install -y --no-install-recommends {debian} && apt-get clean"
    )
    # Red Hat's family has ufw and slapd in EPEL, Fedora in its own packages.
    redhat_way = f"dnf install -y epel-release || true; dnf install -y {redhat}"
    install = f"if command -v apt-get; then {debian_way}; else {redhat_way}; fi"
    return f"FROM {image}\nRUN {install}\nRUN sh -eu -c {shlex.quote(_setup(flavour))}\n{_INIT}\n"


# A machine without anything installed.

FRESH = ("ca-certificates", "git", "make", "python3")  # what README asks for, and what fetches packages


def ensure_fresh(engine: Engine, release: str) -> str:
    """Return an image of Debian with Python, git and make alone; it is made if it is missing."""
    image = "" if shutil.which("mmdebstrap") else f"docker.io/library/debian:{release}"
    install = (
        f"apt-get update && apt-get install -y --no-install-recommends {' '.join(FRESH)}"
        " && rm -rf /var/lib/apt/lists/*"
    )
    recipe_of_image = f"FROM {image}\nRUN {install}\n"
    bootstrap = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(FRESH)}", release]
    tag = f"{REPOSITORY}:{release}-fresh-{_digest(recipe_of_image if image else ' '.join(bootstrap))}"
    with alone(f"{release}-fresh"):
        if not engine.knows("image", tag):
            if image:
                _build(engine, tag, recipe_of_image)
            else:
                _import(engine, bootstrap, tag)
    return tag
