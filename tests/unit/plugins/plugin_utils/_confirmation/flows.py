# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A result of a flow."""

from __future__ import annotations


def result(verdict="ok", ports="8563", address="192.0.2.11", **more):
    """Return one result."""
    return {
        "source": "client",
        "destination": "n11",
        "address": address,
        "service": "sql_client",
        "protocol": "tcp",
        "ports": ports,
        "expected": "reachable",
        "verdict": verdict,
        "state": "",
        "reason": "",
        "sentence": f"{verdict}.",
        **more,
    }
