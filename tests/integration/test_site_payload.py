# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run sends to a host: its own part of the plan, packed if it is large, and the run stays the same.

The oracle are the files that Ansible left on the host.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
import zlib
from pathlib import Path

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    cluster,
    idle,
    inherited_environment,
    play,
)

_SERVERS = [f"127.0.1.{number}" for number in range(1, 241)]  # nobody listens there
_SITE = cluster(
    {"n11": "127.0.0.11", "n12": "127.0.0.12"},
    {"client": "127.0.0.21"},
    exasol_peers={"ftp_server": _SERVERS},
    exasol_verify_trace=False,
)


def _sent(folder: Path, module: str) -> list[str]:
    """Return the arguments of a module for each host, as they stand in the files that Ansible sent."""
    found = []
    for path in folder.rglob(f"AnsiballZ_{module}.py"):
        texts = re.findall(
            r"""(?:'(\{.*ANSIBLE_MODULE_ARGS.*\})'|"(\{.*ANSIBLE_MODULE_ARGS.*\})")""", path.read_text()
        )
        found += [one or other for one, other in texts]
    return found


def _unpacked(text: str) -> dict[str, t.Any]:
    """Return what is packed in the arguments of a module, read without the collection."""
    (packed,) = re.findall(r'"packed": "([^"]+)"', text)
    found: dict[str, t.Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def test_each_host_gets_its_own_part(machine: Machine, tmp_path: Path) -> None:
    environment = {
        **inherited_environment(),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_REMOTE_TMP": str(tmp_path / "remote"),
    }
    done = play(machine, tmp_path, inventory=_SITE, environment=environment)
    assert (done.code, done.verdicts(service="ftp")) == (2, {"no_listener"}), done.output
    assert done.verdicts(service="sql_client") == {"ok"}, "proven, although the listeners came packed"
    probes = _sent(tmp_path / "remote", "probe")
    assert len(probes) == 3
    (of_client,) = [text for text in probes if "packed" not in text]
    of_nodes = [text for text in probes if "packed" in text]
    # A client learns nothing of whom nodes reach, nor of ports that it does not probe.
    assert "127.0.0.11" in of_client and "127.0.1." not in of_client and "20000" not in of_client
    for text in of_nodes:
        own = _unpacked(text)
        assert len(text) < 6000 < len(json.dumps(own))
        (ftp,) = [flow for flow in own["flows"] if flow["service"] == "ftp"]
        assert len(ftp["destinations"]) == len(_SERVERS)
        (entry,) = [one for entries in own["listening"].values() for one in entries]
        assert entry["ports"] == "20000-21000", (
            "not the database port, which nodes do not probe of each other"
        )
    assert idle(machine)
