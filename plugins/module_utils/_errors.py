# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of exceptions that pure code raises; modules and plugins turn it into C(fail_json)."""


class NetworkError(ValueError):
    """A value that cannot be used; the text names the value and what was expected."""


class ListenerError(NetworkError):
    """A listener that could not be started, reached or extended; nothing is left behind."""
