# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's commands, answered from a table; what is not in the table is not installed."""

import errno

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import steps


class Commands:
    """Stands in for every command that the code under test runs or looks for.

    C(answers) maps a command to its output, or to its code and output; a command that is known by its first
    word only fails.
    """

    def __init__(self, monkeypatch, answers):
        self.answers, self.called = answers, []
        monkeypatch.setattr(steps.subprocess, "run", self.run)
        monkeypatch.setattr(
            steps.os,
            "access",
            lambda path, mode: path.startswith("/usr/sbin/") and path.split("/")[-1] in self.installed,
        )

    @property
    def installed(self):
        """The programs that are there."""
        return {command.split()[0] for command in self.answers}

    def run(self, command, **options):
        """Answer as subprocess.run does."""
        self.called.append(" ".join(command))
        if command[0] not in self.installed:
            raise OSError(errno.ENOENT, "No such file or directory")
        answer = self.answers.get(" ".join(command), (1, ""))
        code, text = answer if isinstance(answer, tuple) else (0, answer)
        return steps.Done(code, text, "")
