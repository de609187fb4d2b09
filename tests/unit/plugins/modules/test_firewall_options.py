# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewalls that module and role offer are those of the one list."""

import pathlib

import yaml

from ansible_collections.exasol_community.network.plugins.module_utils._firewall.detect import AUTO
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.providers import PROVIDERS
from ansible_collections.exasol_community.network.plugins.modules import firewall

ROLE = pathlib.Path(__file__).parents[4] / "roles" / "firewall" / "meta" / "argument_specs.yml"
CHOICES = [AUTO, *(provider.name for provider in PROVIDERS)]


def test_module_accepts_and_documents_every_firewall():
    documented = yaml.safe_load(firewall.DOCUMENTATION)["options"]["provider"]["choices"]
    assert firewall.options()["provider"]["choices"] == documented == CHOICES


def test_role_accepts_every_firewall():
    spec = yaml.safe_load(ROLE.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert spec["exasol_firewall_provider"]["choices"] == CHOICES
