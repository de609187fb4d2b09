# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's rule sets as its own tools list them, each read once a run.

With large sets, one reading takes seconds.
"""

from typing import Dict, FrozenSet, List, Optional, Tuple

from . import nftables, xtables
from .steps import Done, FirewallError, run, which


class Listing:
    """What nft and both variants of iptables list at the beginning of a run."""

    def __init__(self):
        self._ruleset: "Optional[nftables.Ruleset]" = None
        self._saved: Dict[str, Done] = {}

    def ruleset(self) -> "nftables.Ruleset":
        """Return nft's rule set; an nft that cannot list it as JSON is an error."""
        if self._ruleset is None:
            document = nftables.document()
            self._ruleset = nftables.Ruleset(document, self._readable(document))
        return self._ruleset

    def saved(self, command: str) -> str:
        """Return what an iptables-save command prints of all tables; its failure is an error."""
        done = self._run(command)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise FirewallError(f"{command} failed with code {done.returncode}: {said}")
        return done.stdout

    def saved_if_any(self, command: str) -> str:
        """Return what an iptables-save command prints, nothing where it is not installed or fails."""
        return self._run(command).stdout if which(command) else ""

    def _run(self, command: str) -> Done:
        if command not in self._saved:
            # To ask for one table by its name would load it where it is not (legacy variant).
            self._saved[command] = run((command,))
        return self._saved[command]

    def texts(self) -> List[Tuple[str, int, str]]:
        """Return what both variants of iptables list.

        The variant (C(iptables) for the host's command), the IP version, the text.
        """
        other = xtables.other_variant()
        found = [
            ("iptables", version, self.saved_if_any(command)) for version, command in xtables.SAVE.items()
        ]
        commands = xtables.save_commands(other) if other else {}
        found += [(other, version, self.saved_if_any(command)) for version, command in commands.items()]
        return [(variant, version, text) for variant, version, text in found if text]

    def iptables_reads(self, version: int, table: str) -> bool:
        """Tell whether the command iptables manages a table.

        It lists it, and nft knows of nobody else who made it.
        """
        try:
            found = self.ruleset() if which("nft") else None
        except FirewallError:
            found = None  # an old nft without JSON: then the text alone says it
        return found is None or not found.is_handmade(nftables.FAMILIES[version], table)

    def _readable(self, document: Dict) -> Optional[FrozenSet[Tuple[str, str]]]:
        """Return the tables of nft that iptables can read, None where its nft variant is not installed."""
        if not nftables.has_names_of_iptables(document):
            return frozenset()
        commands = xtables.nft_save_commands()
        if not commands:
            return None
        listed = {
            version: xtables.tables(self.saved_if_any(command)) for version, command in commands.items()
        }
        return frozenset(
            (nftables.FAMILIES[version], table) for version, found in listed.items() for table in found
        )
