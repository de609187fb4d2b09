# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML of values that came through Ansible, whose strings are not plain ones: up to ansible-core 2.18 they are marked as unsafe, later they carry tags."""

from __future__ import annotations

import typing as t

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes strings of every kind."""


_Dumper.add_multi_representer(str, lambda dumper, text: dumper.represent_str(str.__str__(text)))


def to_yaml(value: t.Any, width: int = 80) -> str:
    """Return a value as YAML in ASCII, with keys in the order that they have."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=width, allow_unicode=False)
