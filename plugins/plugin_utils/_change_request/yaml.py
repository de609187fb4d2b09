# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML of values that came through Ansible, whose strings are of classes of its own.

Up to ansible-core 2.18 they are marked as unsafe, later they carry tags.
"""

from __future__ import annotations

import typing as t

import yaml

# What begins an expression, a statement or a comment of Jinja.
_TEMPLATES = ("{{", "{%", "{#")


class Template(str):
    """A template of ours, which Ansible fills in when the file is used. No other text is ever a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):  # type: ignore[misc, unused-ignore]  # PyYAML ships no types
    """Writes strings of every kind."""


def _represented(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    text = str.__str__(value)
    if not isinstance(value, Template) and any(mark in text for mark in _TEMPLATES):
        # Ansible leaves it as it is:
        # https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_advanced_syntax.html#unsafe-or-raw-strings
        return dumper.represent_scalar("!unsafe", text)
    return dumper.represent_str(text)


_Dumper.add_multi_representer(str, _represented)
_Dumper.add_representer(str, _represented)


def to_yaml(value: t.Any, width: int = 80) -> str:
    """Return a value as YAML in ASCII, with keys in the order that they have."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=width, allow_unicode=False)
    return text
