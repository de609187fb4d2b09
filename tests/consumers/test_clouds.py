# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks for three clouds, asked of the argument specifications of the modules themselves."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
)
from ansible_collections.exasol_community.network.tests.consumers.samples import blocked, plan, request_of

MODULES = {
    "aws": "amazon.aws.ec2_security_group",
    "azure": "azure.azcollection.azure_rm_securitygroup",
    "gcp": "google.cloud.gcp_compute_firewall",
}
REQUESTS = {"plan": plan, "blocked": blocked}
# The module runs until it hands its specification over; the validation is that of ansible-core.
VALIDATE = """
import importlib, json, sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
place, name, asked = sys.argv[1], sys.argv[2], json.load(sys.stdin)
_AnsibleCollectionFinder(paths=[place])._install()
from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

class Found(BaseException):
    pass

def stop(self, argument_spec, **more):
    raise Found(argument_spec, more)

basic.AnsibleModule.__init__ = stop
collection, module_name = name.rsplit(".", 1)
module = importlib.import_module("ansible_collections." + collection + ".plugins.modules." + module_name)
try:
    module.main()
except Found as found:
    spec, more = found.args
kinds = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
validator = ModuleArgumentSpecValidator(spec, **{kind: more[kind] for kind in kinds if more.get(kind)})
print(json.dumps([validator.validate(options).error_messages for options in asked]))
"""


def errors(clouds: Path, cloud: str, asked: list[dict[str, t.Any]]) -> list[str]:
    """Return what the module's specification says against the options of each task."""
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, str(clouds), MODULES[cloud]],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [message for messages in json.loads(done.stdout.splitlines()[-1]) for message in messages]


def tasks(cloud: str, made: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the options of each task, with our variables set."""
    text = re.sub(
        r"\{\{ exasol_[a-z_]+(?: \| default\(''([^)]*)''\))? \}\}",
        lambda found: found[1] or "value",
        render_request(request_of(made), cloud),
    )
    assert "{{" not in text
    (play,) = yaml.safe_load(text)
    return [task[MODULES[cloud]] for task in play["tasks"]]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("cloud", MODULES)
def test_the_module_accepts_every_task(clouds: Path, cloud: str, name: str) -> None:
    asked = tasks(cloud, REQUESTS[name]())
    assert asked
    assert errors(clouds, cloud, asked) == []


@pytest.mark.parametrize(
    ("cloud", "wrong"),
    [
        ("aws", {"rules": [{"proto": "tcp", "ports": ["22"], "from_port": 22, "cidr_ip": ["192.0.2.1/32"]}]}),
        ("azure", {"rules": [{"name": "x", "protocol": "tcp", "priority": 1000}]}),
        ("gcp", {"allowed": [{"ports": ["22"]}]}),
    ],
)
def test_the_module_refuses_what_is_wrong(clouds: Path, cloud: str, wrong: dict[str, t.Any]) -> None:
    # A positive control: the specification that was found does check.
    assert errors(clouds, cloud, [{**tasks(cloud, plan())[0], **wrong}])


def networks(texts: t.Iterable[str]) -> set[tuple[int, int, int]]:
    """Return networks as numbers."""
    return {
        (found.version, int(found.network_address), found.prefixlen)
        for found in map(ipaddress.ip_network, texts)
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_azure_has_each_row_with_both_ends(name: str) -> None:
    made = REQUESTS[name]()
    (options,) = tasks("azure", made)
    found = {
        (
            rule["direction"],
            rule["protocol"].lower(),
            ",".join(rule["destination_port_range"]),
            *(frozenset(networks(rule[f"{end}_address_prefix"])) for end in ("source", "destination")),
        )
        for rule in options["rules"]
    }
    rows = [(row, *pair) for row in request_of(made).rows for _version, *pair in row.by_family()]
    wanted = {
        (row.protocol, row.ports, frozenset(networks(sources)), frozenset(networks(destinations)))
        for row, sources, destinations in rows
    }
    assert {rule[1:] for rule in found} == wanted
    for direction in ("Inbound", "Outbound"):
        priorities = [rule["priority"] for rule in options["rules"] if rule["direction"] == direction]
        assert len(set(priorities)) == len(priorities)
    assert len({rule["name"] for rule in options["rules"]}) == len(options["rules"])


@pytest.mark.parametrize("name", REQUESTS)
def test_gcp_keeps_to_its_limits(name: str) -> None:
    asked = tasks("gcp", REQUESTS[name]())
    assert len({options["name"] for options in asked}) == len(asked)
    for options in asked:
        assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", options["name"])
        assert (
            len(
                {
                    network[0]
                    for network in networks(options.get("source_ranges") or options["destination_ranges"])
                }
            )
            == 1
        )
        assert ("source_ranges" in options) == (options["direction"] == "INGRESS")


@pytest.mark.parametrize("name", REQUESTS)
def test_aws_gives_a_new_group_no_way_out_but_ours(name: str) -> None:
    for options in tasks("aws", REQUESTS[name]()):
        assert "rules_egress" in options
        for rule in (*options["rules"], *options["rules_egress"]):
            assert re.fullmatch(r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", rule["rule_desc"])
            assert rule["proto"] in ("tcp", "udp")
