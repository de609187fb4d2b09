# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin C(c4), asked by ansible-inventory and planned by the playbook verify."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    executable,
    inherited_environment,
    play,
    warnings_in,
)

C4 = """# two networks
CCC_HOST_ADDRS="192.0.2.11 192.0.2.12"
CCC_HOST_EXTERNAL_ADDRS="198.51.100.11 198.51.100.12"
CCC_HOST_IMAGE_USER=exasol
CCC_HOST_IMAGE_PASSWORD=hidden
CCC_HOST_KEY_PAIR_FILE=id_rsa
CCC_PLAY_WORKING_COPY=@exasol-2025.1.11
CCC_PLAY_DB_PORT=9563
CCC_PLAY_DB_PASSWORD='hidden'
"""
JSON = json.dumps(
    {
        "nodes": {
            "n11": {
                "publicIp": "198.51.100.21",
                "privateIp": "192.0.2.21",
                "dnsName": "db.example.com",
                "ssh": {
                    "username": "ubuntu",
                    "keyFile": "node_access.pem",
                    "port": "2222",
                    "command": "hidden",
                },
                "tlsCert": "hidden",
                "database": {"dbPort": "9563", "uiPort": "9443"},
            }
        }
    }
)
EXACONF = """[Global]
    AuthenticationToken = hidden
    DBVersion = 8.29.13
[Node : 11]
    PrivateNet = 192.0.2.31/24
    PublicNet =
[DB : DB1]
    Port = 9563
[BucketFS : bfsdefault]
    HttpPort = 0
    HttpsPort = 2581
    [[Bucket : default]]
        ReadPasswd = hidden
"""
Files = dict[str, t.Any]
Inventory = dict[str, t.Any]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Files], Path]:
    """Return a function that writes files, text as it is and data as YAML, and returns their directory."""

    def write(files: Files) -> Path:
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8"
            )
        return tmp_path

    return write


def source(**options: t.Any) -> dict[str, t.Any]:
    """Return the plugin's own file."""
    return {"plugin": "exasol_community.network.c4", **options}


def asked(directory: Path, *arguments: str, code: int = 0) -> str:
    """Return what ansible-inventory prints; a source that cannot be parsed is an error."""
    done = subprocess.run(
        [executable("ansible-inventory"), *arguments],
        cwd=directory,
        env=inherited_environment()
        | {
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_NOCOLOR": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    if code == 0:
        assert warnings_in(done.stderr) == []
    return " ".join((done.stdout + done.stderr).split()) if code else done.stdout


def hosts(directory: Path, *sources: str) -> dict[str, Inventory]:
    """Return the variables of every host."""
    arguments = [part for one in sources for part in ("-i", one)]
    found = json.loads(asked(directory, *arguments, "--list"))
    return {name: _plain(variables) for name, variables in found["_meta"]["hostvars"].items()}


def _plain(value: t.Any) -> t.Any:
    """Return a value without the mark that ansible-core 2.19 prints with every text from a plugin."""
    if isinstance(value, dict):
        return (
            value["__ansible_unsafe"]
            if list(value) == ["__ansible_unsafe"]
            else {k: _plain(v) for k, v in value.items()}
        )
    return [_plain(part) for part in value] if isinstance(value, list) else value


FORMATS: dict[str, tuple[str, str, dict[str, Inventory]]] = {
    "c4": (
        "east/config",
        C4,
        {
            f"n{number}": {
                "ansible_host": f"198.51.100.{number}",
                "ansible_user": "exasol",
                "ansible_ssh_private_key_file": "~/.ssh/id_rsa",
                "exasol_address": f"192.0.2.{number}",
                "exasol_external_address": f"198.51.100.{number}",
                "exasol_cluster": "east",
                "exasol_release": "2025.1.11",
                "exasol_overrides": {"sql_client": 9563},
            }
            for number in (11, 12)
        },
    ),
    "exasol-personal": (
        "deployment.json",
        JSON,
        {
            "n11": {
                "ansible_host": "198.51.100.21",
                "ansible_port": 2222,
                "ansible_user": "ubuntu",
                "ansible_ssh_private_key_file": "{here}/node_access.pem",
                "exasol_address": "192.0.2.21",
                "exasol_external_address": "198.51.100.21",
                "exasol_cluster": "{name}",
                "exasol_overrides": {"sql_client": 9563, "exasol_admin": 9443},
            }
        },
    ),
    "docker-db": (
        "west/EXAConf",
        EXACONF,
        {
            "n11": {
                "ansible_host": "192.0.2.31",
                "exasol_address": "192.0.2.31",
                "exasol_cluster": "west",
                "exasol_release": "8.29.13",
                "exasol_overrides": {"sql_client": 9563},
                "exasol_include": ["bucketfs_https"],
                "exasol_exclude": ["bucketfs"],
            }
        },
    ),
}


@pytest.mark.parametrize("name, text, expected", FORMATS.values(), ids=FORMATS)
def test_a_file_of_each_format(
    written: Callable[[Files], Path], name: str, text: str, expected: dict[str, Inventory]
) -> None:
    directory = written({name: text, "one.c4.yml": source(files=[name])})
    filled = json.dumps(expected).replace("{here}", str(directory)).replace("{name}", directory.name)
    assert hosts(directory, "one.c4.yml") == json.loads(filled)
    assert "hidden" not in asked(directory, "-i", "one.c4.yml", "--list", "-vvvvv")


def test_graph(written: Callable[[Files], Path]) -> None:
    other = C4.replace("192.0.2", "203.0.113").replace("198.51", "198.18")
    files = {"east/config": C4, "far.west/config": other}
    directory = written({**files, "c4.yaml": source(files=["*/config"], prefix="{cluster}-")})
    lines = [
        line.strip(" |-")
        for line in asked(directory, "-i", "c4.yaml", "--graph", "exasol_nodes").splitlines()
    ]
    assert lines == [
        "@exasol_nodes:",
        *("@exasol_cluster_east:", "east-n11", "east-n12"),
        *("@exasol_cluster_far_west:", "far.west-n11", "far.west-n12"),
    ]


def test_what_clusters_share_is_of_all_hosts_and_what_differs_of_each_cluster(
    written: Callable[[Files], Path],
) -> None:
    other = C4.replace("192.0.2", "203.0.113").replace("198.51", "198.18").replace("2025.1.11", "8.29.13")
    directory = written(
        {
            "east/config": C4,
            "west/config": other,
            "one.c4.yml": source(clusters={"a": "east/config", "b": "west/config"}, prefix="{cluster}-"),
            "hosts.yml": {"exasol_clients": {"hosts": {"client": {}}}},
        }
    )
    found = hosts(directory, "one.c4.yml", "hosts.yml")
    assert {name: host.get("exasol_release") for name, host in found.items()} == {
        "a-n11": "2025.1.11",
        "a-n12": "2025.1.11",
        "b-n11": "8.29.13",
        "b-n12": "8.29.13",
        "client": None,
    }
    assert {json.dumps(host["exasol_overrides"]) for host in found.values()} == {'{"sql_client": 9563}'}


def test_group_vars_of_the_site_count_more(written: Callable[[Files], Path]) -> None:
    files = {"config": C4, "one.c4.yml": source(files=["config"])}
    directory = written({**files, "group_vars/all.yml": {"exasol_release": "8", "exasol_overrides": {}}})
    found = hosts(directory, "one.c4.yml")
    assert {(host["exasol_release"], str(host["exasol_overrides"])) for host in found.values()} == {
        ("8", "{}")
    }


def test_constructed(written: Callable[[Files], Path]) -> None:
    options = source(
        files=["east/config"],
        connect_to="private",
        compose={
            "ansible_ssh_private_key_file": "'/keys/' ~ exasol_cluster",
            "database_port": "exasol_overrides.sql_client",
        },
        groups={"modern": "exasol_release is version('8.32', '>=')"},
        keyed_groups=[{"key": "exasol_release", "prefix": "release"}],
    )
    directory = written({"east/config": C4, "one.c4.yml": options})
    found = hosts(directory, "one.c4.yml")
    assert {
        (host["ansible_host"], host["ansible_ssh_private_key_file"], host["database_port"])
        for host in found.values()
    } == {("192.0.2.11", "/keys/east", 9563), ("192.0.2.12", "/keys/east", 9563)}
    graph = asked(directory, "-i", "one.c4.yml", "--graph")
    assert "@modern:" in graph and "@release_2025_1_11:" in graph


def test_a_file_in_a_vault(written: Callable[[Files], Path]) -> None:
    directory = written({"config": C4, "password": "vault", "one.c4.yml": source(files=["config"])})
    command = [executable("ansible-vault"), "encrypt", "--vault-password-file", "password", "config"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=60)
    listed = asked(directory, "-i", "one.c4.yml", "--vault-password-file", "password", "--list")
    assert "192.0.2.12" in listed and "hidden" not in listed


REFUSED: dict[str, tuple[Files, str]] = {
    "no file": ({"c4.yml": source()}, "no file is named: expected the option files, clusters, or both"),
    "missing": ({"c4.yml": source(files=["config"])}, "/config does not exist, or is no file"),
    "pattern": ({"c4.yml": source(files=["*/config"])}, "'*/config' matches no file"),
    "option": (
        {"c4.yml": source(file=["config"])},
        "'file' is no option of this plugin",
    ),
    "malformed": (
        {"c4.yml": source(files=["config"]), "config": 'CCC_HOST_ADDRS="10.0.0.11"\nCCC_PLAY_DB_PORT=x\n'},
        "/config: line 2, CCC_PLAY_DB_PORT: 'x' is no port",
    ),
    "one name for two": (
        {"c4.yml": source(files=["a/config", "b/config"]), "a/config": C4, "b/config": C4},
        "the host 'n11' is in the clusters 'a' and 'b': set the option prefix",
    ),
    "one cluster twice": (
        {"c4.yml": source(files=["a/config", "a/config"]), "a/config": C4},
        "two files are those of the cluster 'a'",
    ),
    "no text": (
        {"c4.yml": source(files=["config"]), "config": "\x00"},
        "/config: line 1: this is no assignment",
    ),
}


@pytest.mark.parametrize("files, message", REFUSED.values(), ids=REFUSED)
def test_refused(written: Callable[[Files], Path], files: Files, message: str) -> None:
    assert message in asked(written(files), "-i", "c4.yml", "--list", code=1)


def test_files_of_others_are_left_alone(written: Callable[[Files], Path]) -> None:
    """Only a file whose name ends as this plugin's does is tried."""
    directory = written({"config": C4, "hosts.yml": source(files=["config"])})
    assert "could not be verified by inventory plugin" in asked(
        directory, "-i", "hosts.yml", "--list", code=1
    )


BUCKETS_AND_SQL = ("sql_client", "bucketfs", "bucketfs_https")
# What a client needs of the nodes of each file.
PLANNED = {
    "c4": ({"n11", "n12"}, {"sql_client": "9563", "bucketfs": "2580"}),
    "exasol-personal": ({"n11"}, {"sql_client": "9563", "bucketfs": "2580"}),
    "docker-db": ({"n11"}, {"sql_client": "9563", "bucketfs_https": "2581"}),
}


@pytest.mark.parametrize("made_with", FORMATS)
def test_verify_plans_what_the_file_says(
    written: Callable[[Files], Path], machine: Machine, made_with: str
) -> None:
    """In check mode nothing listens and nothing is probed, so the addresses of the examples do no harm."""
    name, text, _unused = FORMATS[made_with]
    inventory = {
        "inventory/site.c4.yml": source(files=[f"../{name}"]),
        "inventory/hosts.yml": {
            "all": {"vars": {"ansible_connection": "local"}},
            "exasol_clients": {"hosts": {"client": {"exasol_address": "192.0.2.99"}}},
        },
    }
    directory = written({name: text, **inventory})
    done = play(
        machine,
        directory,
        "--check",
        "-v",
        inventory=directory / "inventory",
        playbook="exasol_community.network.verify",
    )
    assert done.code == 0, done.output
    plan = re.search(r'^ok: \[client\] => ({.*"hosts": .*})$', done.output, re.MULTILINE)
    assert plan, done.output
    probes = json.loads(plan[1])["hosts"]["client"]["probes"]
    nodes, services = PLANNED[made_with]
    assert {
        probe["service"]: probe["ports"] for probe in probes if probe["service"] in BUCKETS_AND_SQL
    } == services
    assert {node for probe in probes for node in probe["destinations"]} == nodes
