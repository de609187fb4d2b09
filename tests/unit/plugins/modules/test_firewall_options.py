# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewalls that module and role offer are those of the one list."""

import pathlib

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.exasol_community.network.plugins.module_utils._firewall.detect import AUTO
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.providers import PROVIDERS
from ansible_collections.exasol_community.network.plugins.module_utils._values.flags import flag
from ansible_collections.exasol_community.network.plugins.modules import firewall

ROLE = pathlib.Path(__file__).parents[4] / "roles" / "firewall" / "meta" / "argument_specs.yml"
CHOICES = [AUTO, *(provider.name for provider in PROVIDERS)]


def test_module_accepts_and_documents_every_firewall():
    documented = yaml.safe_load(firewall.DOCUMENTATION)["options"]["provider"]["choices"]
    assert firewall.options()["provider"]["choices"] == documented == CHOICES


@pytest.mark.parametrize(
    "given, expected",
    [
        (None, (False, False)),
        ("yes", (True, False)),
        ("true", (True, False)),
        (True, (True, False)),
        ("no", (False, False)),
        ("observe", (False, True)),
    ],
)
def test_restrict_takes_booleans_as_text_and_observe(given, expected, monkeypatch):
    seen = []
    monkeypatch.setattr(firewall, "change", lambda options, **unused: seen.append(options) or {})
    spec = ArgumentSpecValidator(firewall.options())
    checked = spec.validate({} if given is None else {"restrict": given})
    assert checked.error_messages == []
    firewall.act(checked.validated_parameters, True)
    assert [(one.restrict, one.observe) for one in seen] == [expected]


@pytest.mark.parametrize(
    "word", ["true", "yes", "on", "1", "false", "no", "off", "0", "YES", "False", True, 0]
)
def test_a_boolean_is_read_as_ansible_reads_it(word):
    assert flag(word) is boolean(word)


def test_role_and_module_take_the_same_for_restrict():
    spec = yaml.safe_load(ROLE.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    of_role, of_module = spec["exasol_firewall_restrict"], firewall.options()["restrict"]
    assert [of_role[key] for key in ("type", "default")] == [of_module[key] for key in ("type", "default")]
    assert "choices" not in {**of_role, **of_module}  # Ansible would compare text with booleans


def test_role_accepts_every_firewall():
    spec = yaml.safe_load(ROLE.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert spec["exasol_firewall_provider"]["choices"] == CHOICES
