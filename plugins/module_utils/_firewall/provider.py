# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of a firewall: one abstract class, and for each firewall a subclass in a file of its own.

A new firewall is a new file with a subclass, and an entry in PROVIDERS (providers.py). This is how a run uses
it:

1. C(is_installed()) and C(is_running()) decide whether the host runs this firewall.
2. The constructor reads what the host holds now. From then on nothing is read twice, and nothing is changed.
3. C(rules()) is what our part of the firewall holds, C(wanted()) what it has to hold.
4. C(change_to()) compares both and returns what to do. It performs none of that: in check mode nobody does.
"""

import abc
import os
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Type

from .chains import BaseChain, Chain
from .drift import ForeignChange
from .listing import Listing
from .rule import Rules
from .steps import FirewallError, RemoveFolder, Run, Step, Write, as_it_is, which


class Change(NamedTuple):
    """How to bring a host to the wanted rules, and back."""

    steps: List[Step]  # to the wanted rules, in their order; empty if the host holds them already
    undo: List[Step]  # back to what the host holds now; each works however far the change has come by then
    notes: List[str]  # what the user should know of this change


def change_files(
    change: Change, writes: Iterable[Write], folders: Sequence[str], stays: bool, has_systemd: bool
) -> None:
    """Add to a change the files that load rules at boot, and the way back.

    Unless something C(stays), their folders go too, if nothing else is in them.
    """
    changed = False
    for write in writes:
        before = as_it_is(write.path)
        if before.content != write.content:
            changed = True
            change.steps.append(write)
            change.undo.append(before)
    if not changed:
        return
    change.undo.extend(RemoveFolder(folder) for folder in folders if not os.path.isdir(folder))
    if not stays:
        change.steps.extend(RemoveFolder(folder) for folder in folders)
    if has_systemd:
        reload = Run(("systemctl", "daemon-reload"), what="reloading the files of systemd")
        change.steps.append(reload)
        change.undo.append(reload)


class Provider(abc.ABC):
    """A firewall of a host, as it is at the beginning of a run."""

    name: str  # as the option C(provider) has it
    command: str  # the program without which this firewall is not installed
    owns_tables: str  # whose base chains it opens, as Ruleset.owner() and Listing.texts() name the owner
    has_service: bool  # whether it can be switched off; rules of one without a service can always be changed
    our_chains: str  # a pattern for the names of the chains that hold rules of ours alone
    flushes_others = False  # whether a reload of its unit removes the tables of all others

    def __init__(self, listing: Optional[Listing] = None) -> None:
        self._listing = listing or Listing()

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether the host has the command of this firewall."""
        return bool(which(cls.command))

    @classmethod
    def unit(cls) -> str:
        """Return systemd's unit that loads the rules of this firewall at boot."""
        return f"{cls.name}.service"

    @classmethod
    @abc.abstractmethod
    def is_running(cls, listing: Listing, beside: Sequence[Type["Provider"]] = ()) -> bool:
        """Tell whether this firewall filters on the host.

        C(beside) are the firewalls before it in PROVIDERS that run. What one of them made, or what is but a
        guest beside it (fail2ban's table, for example), must not count. Called only if the firewall is
        installed. Must raise FirewallError if nobody can tell.
        """

    @classmethod
    def without_its_rules(cls, saved: str, version: int) -> str:
        """Return a filter table of iptables without what this firewall put there.

        What is left decides whether iptables runs beside this firewall. By default that is the whole table:
        most firewalls are recognized by the names of their chains.
        """
        del version
        return saved

    @abc.abstractmethod
    def rules(self) -> Rules:
        """Return the rules that our part of the firewall holds, in the form of C(wanted()).

        Must leave out every rule of others, and whatever does not take effect.
        """

    @abc.abstractmethod
    def wanted(self, rules: Rules) -> Rules:
        """Return the rules as this firewall has to hold them, without those that it cannot or need not hold.

        After a change to the result, C(rules()) must return the same, or every run would change the host.
        Must raise FirewallError if a rejection cannot be held: the user would believe somebody refused who is
        not.
        """

    @abc.abstractmethod
    def change_to(self, rules: Rules, persist: bool) -> Change:
        """Return the change to exactly these rules in our part of the firewall; C(wanted()) gave them.

        Must change no rule of others and no default policy. Without rules nothing of ours may be left on the
        host. With C(persist) the rules must survive a restart of the host and of the firewall, or the notes
        say why not.
        """

    @abc.abstractmethod
    def filters_outgoing(self) -> bool:
        """Tell whether this firewall drops anything that the host sends, other than by rules of ours."""

    def check(self) -> None:  # noqa: B027  # not abstract: most firewalls have nothing to check
        """Raise FirewallError if our rules would not take effect, although the host runs this firewall.

        Called before rules are made, not when they are only removed. By default there is nothing to check: a
        firewall that evaluates our rules before all others cannot pass them over.
        """

    def without_ours(self, chains: Dict[str, Chain], version: int) -> Dict[str, Chain]:
        """Return the chains of one table without our rules: what is left when a change removes all of them.

        By default every rule of ours stands in a chain of ours. C(version) is that of a table of one IP
        version, and of no meaning for others.
        """
        del version
        return {
            name: chain._replace(links=()) if re.match(self.our_chains, name) else chain
            for name, chain in chains.items()
        }

    def refusing(
        self, chains: Dict[str, Chain], version: int, rejections: Rules
    ) -> Optional[Dict[str, Chain]]:
        """Return the chains of one table with these rejections and nothing else of ours.

        None where no rule of others can spare anybody from our rejections, by default everywhere.
        """
        del chains, version, rejections
        return None

    def answers(self, chain: str, family: str, rules: Rules) -> bool:
        """Tell whether a chain of ours accepts replies once it has to hold these rules.

        Its first rule does that. By default no chain of ours does, because a firewall with a service has such
        rules of its own.
        """
        del chain, family, rules
        return False

    def foreign_changes(self) -> List[ForeignChange]:
        """Return what others did to our rules since we made them, as far as it shows."""
        return []

    def own_files(self) -> List[str]:
        """Return the files that hold nothing but our rules: when they were written, our rules were made."""
        return []

    def left_out(self, plan: Rules) -> List[str]:
        """Return warnings about planned rules that this firewall cannot hold; by default none."""
        del plan
        return []

    def nothing_to_open(self) -> str:
        """Return why no planned rule is needed; by default nothing, because all are held."""
        return ""

    @classmethod
    def accepts_replies_by(cls, chain: BaseChain) -> str:
        """Return the command that lets a base chain accept the packets of established connections.

        By default nothing: a firewall with a service has such a rule of its own.
        """
        del chain
        return ""


def several_run(names: Sequence[str]) -> FirewallError:
    """Return the error for a host on which several firewalls filter."""
    return FirewallError(
        f"{' and '.join(names)} run at the same time on this host: stop all but one, or choose one with "
        "provider"
    )
