# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook against running servers: who answers is in the verdict, the report and the matrix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from netlab import servers
from netlab.namespaces import Namespace
from netlab.playbooks import Done, cluster, play
from netlab.servers import Hall

FILES, WRONG = "127.0.0.31", "127.0.0.32"
PEERS = {"ftp_server": [FILES], "sftp_server": [FILES, WRONG], "https_server": [FILES], "postgresql": [FILES]}
# At WRONG a web server has the port of SSH.
WISHES = {
    "exasol_verify_listeners": False,
    "exasol_verify_identify": True,
    "exasol_release": "kb",
    "exasol_exclude": ["subconnection_in", "subconnection_out"],
    "exasol_ftp_mode": "both",
    "exasol_ftp_user": "anonymous",
}


@pytest.fixture(scope="module")
def done(need_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A run against servers of every kind."""
    if servers.missing("sshd", "vsftpd", "nginx", "openssl"):
        pytest.skip(servers.missing("sshd", "vsftpd", "nginx", "openssl"))
    with Namespace("identify") as machine, Hall(machine, FILES) as hall:
        hall.ssh(FILES)
        hall.ftp(listen_address=FILES)
        hall.web(address=FILES)
        hall.web(port=22, tls_port=444, address=WRONG)
        inventory = cluster({"n11": "127.0.0.11"}, exasol_peers=PEERS)
        yield play(machine, tmp_path_factory.mktemp("identify"), inventory=inventory, variables=WISHES)


def test_servers_are_named_with_their_versions(done: Done) -> None:
    ssh = done.the_result(service="sftp", destination=FILES)
    assert (ssh["verdict"], ssh["identity"]["status"]) == ("ok", "identified")
    assert ssh["identity"]["version"].startswith("OpenSSH_")
    assert ssh["identity"]["version"] in ssh["sentence"]


def test_another_service_on_the_port_is_wrong(done: Done) -> None:
    assert done.code == 2, done.output
    wrong = done.the_result(service="sftp", destination=WRONG)
    assert (wrong["verdict"], wrong["state"]) == ("wrong_service", "open")
    assert f"wrong_service: n11 reaches tcp 22 of {WRONG}, but sftp does not answer there (HTTP" in done.said


def test_certificates_are_collected(done: Done) -> None:
    (presented,) = [entry for entry in done.report["certificates"] if entry["service"] == "https"]
    assert presented["destinations"] == [FILES]
    assert presented["subject"] == "O=Example, CN=db.example.com"
    assert len(presented["fingerprint"]) == 64


def test_ftp_is_shown_in_both_modes(done: Done) -> None:
    assert done.verdicts(service="ftp_passive") == {"ok"}
    assert done.verdicts(service="ftp_active") == {"ok"}
    assert not [entry for entry in done.report["untestable"] if entry["service"].startswith("ftp_")], (
        "what a session showed is not untestable"
    )
