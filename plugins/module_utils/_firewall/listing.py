# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's rule sets as its own tools list them.

Each is read once in a run, because with large sets that takes seconds.
"""

from typing import TYPE_CHECKING, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from . import ruleset as _ruleset
from . import xtables
from .steps import Done, FirewallError, run, which

if TYPE_CHECKING:
    from .._shapes import NftDocument


class Saved(NamedTuple):
    """What a variant of iptables lists for one IP version."""

    variant: str  # C(iptables) for the host's command, otherwise the name of the other variant
    version: int
    text: str


class Listing:
    """What nft and both variants of iptables list at the beginning of a run."""

    def __init__(self) -> None:
        self._ruleset: Optional[_ruleset.Ruleset] = None
        self._saved: Dict[str, Done] = {}
        self._version: Optional[str] = None  # of the command iptables

    def ruleset(self) -> _ruleset.Ruleset:
        """Return nft's rule set; an nft that cannot list it as JSON is an error."""
        if self._ruleset is None:
            document = _ruleset.document()
            self._ruleset = _ruleset.Ruleset(document, self._readable(document))
        return self._ruleset

    def saved(self, command: str) -> str:
        """Return what an iptables-save command prints of all tables; its failure is an error."""
        done = self._run(command)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise FirewallError(f"{command} failed with code {done.returncode}: {said}")
        return done.stdout

    def saved_if_any(self, command: str) -> str:
        """Return what an iptables-save command prints, nothing if it is not installed or fails."""
        return self._run(command).stdout if which(command) else ""

    def _run(self, command: str) -> Done:
        if command not in self._saved:
            # Without -t: naming the table would load its module (legacy variant).
            self._saved[command] = run((command,))
        return self._saved[command]

    def _iptables_version(self) -> str:
        if self._version is None:
            self._version = xtables.version_of_command()
        return self._version

    def other_variant(self) -> str:
        """Return the variant of iptables that its command is not, nothing if that has no filter table."""
        return xtables.other_variant(self._iptables_version())

    def texts(self) -> List[Saved]:
        """Return what both variants of iptables list."""
        commands = [("iptables", xtables.SAVE)]
        other = self.other_variant()
        if other:
            commands.append((other, xtables.save_commands(other)))
        found = []
        for variant, by_version in commands:
            for version, command in by_version.items():
                text = self.saved_if_any(command)
                if text:
                    found.append(Saved(variant, version, text))
        return found

    def iptables_reads(self, version: int, table: str) -> bool:
        """Tell whether a table that iptables lists is its own, and was not made with nft."""
        try:
            found = self.ruleset() if which("nft") else None
        except FirewallError:
            found = None  # an old nft without JSON: then only the text of iptables counts
        return found is None or not found.is_handmade(_ruleset.FAMILIES[version], table)

    def _readable(self, document: "NftDocument") -> Optional[FrozenSet[Tuple[str, str]]]:
        """Return the tables of nft that iptables can read, None if its nft variant is not installed."""
        if not _ruleset.has_names_of_iptables(document):
            return frozenset()
        commands = xtables.nft_save_commands(self._iptables_version())
        if not commands:
            return None
        readable = set()
        for version, command in commands.items():
            for table in xtables.tables(self.saved_if_any(command)):
                readable.add((_ruleset.FAMILIES[version], table))
        return frozenset(readable)
