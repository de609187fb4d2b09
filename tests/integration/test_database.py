# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook of docs/database.md, with stand-ins for the database and for the collection exasol.exasol."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import standins
from ansible_collections.exasol_community.network.tests.labs.namespaces.documents import blocks
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    Done,
    cluster,
    inherited_environment,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate, StandIn

NODE, CLIENT, PORT = "127.0.0.11", "127.0.0.21", 9563
# It takes the options that the playbook gives, and connects to where the vendor's module would log in.
MODULE = """
import socket

from ansible.module_utils.basic import AnsibleModule


def main():
    options = {name: {"type": "str", "required": True} for name in ("login_host", "login_user", "query")}
    module = AnsibleModule(
        dict(options, login_port={"type": "int"}, login_password={"type": "str", "no_log": True}),
        supports_check_mode=True,
    )
    remote = (module.params["login_host"], module.params["login_port"])
    socket.create_connection(remote, timeout=5).close()
    module.exit_json(changed=False, query_result=[{"PARAM_VALUE": "asked %s:%d" % remote}])


if __name__ == "__main__":
    main()
"""
VARIABLES = {
    "exasol_exclude": ["bucketfs"],
    "exasol_overrides": {"sql_client": PORT},
    "vault_exasol_user": "sys",
    "vault_exasol_password": "s3cret-pass",
}


@pytest.fixture
def collections(tmp_path: Path) -> str:
    """Return the path of collections on which the stand-in for exasol.exasol is, too."""
    module = (
        tmp_path / "ansible_collections" / "exasol" / "exasol" / "plugins" / "modules" / "exasol_query.py"
    )
    module.parent.mkdir(parents=True)
    module.write_text(MODULE, encoding="utf-8")
    return f"{tmp_path}:{CHECKOUT / '.collections'}"


def asked(machine: Machine, directory: Path, collections: str) -> Done:
    """Run the playbook of the document as it stands."""
    (playbook,) = (block for block in blocks(CHECKOUT / "docs" / "database.md") if block.language == "yaml")
    file = directory / "ask.yml"
    file.write_text(playbook.text, encoding="utf-8")
    return play(
        machine,
        directory,
        "-v",
        inventory=cluster({"n11": NODE}, {"client": CLIENT}, **VARIABLES),
        playbook=str(file),
        environment=inherited_environment()
        | {
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
        },
    )


def test_the_database_is_asked_once_its_network_is_proven(
    machine: Machine, tmp_path: Path, collections: str, certificate: Certificate
) -> None:
    with StandIn(machine, NODE, PORT, standins.exasol(certificate)):
        done = asked(machine, tmp_path, collections)
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    assert f"asked {NODE}:{PORT}" in done.output
    assert "s3cret-pass" not in done.output


def test_nobody_logs_in_through_a_network_that_is_not_proven(
    machine: Machine, tmp_path: Path, collections: str
) -> None:
    done = asked(machine, tmp_path, collections)
    assert done.code == 2, done.output
    assert done.verdicts() == {"no_listener"}
    assert "Ask the database" not in done.output
