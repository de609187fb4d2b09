# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line in the host's journal for each change and each confirmation, beside those of the rollback script.

journalctl -t exasol-network-rollback shows all of them. A host without a log has none.
"""

import syslog

IDENTIFIER = "exasol-network-rollback"


def note(text: str) -> None:
    """Write one line."""
    syslog.openlog(IDENTIFIER, 0, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_NOTICE, text)
    syslog.closelog()
