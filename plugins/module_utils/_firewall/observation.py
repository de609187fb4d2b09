# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is anything to observe on a host, or something left of that.

On most hosts there is not. Ansible sends a module without compiled code, so what is imported costs time in
each run: observe.py is imported only where it is needed.
"""

import glob
import os
from typing import List, Optional, Type

from .drift import ForeignChange
from .listing import Listing
from .nftables import FOLDER
from .provider import Change, Provider
from .rule import Rules
from .ruleset import OBSERVED
from .steps import FirewallError, run, which

SCRIPT = f"{FOLDER}/observe.sh"
UNITS = "/etc/systemd/system"
DROP_IN = "exasol_community.network-observe.conf"
LIST = ("nft", "-n", "list", "table", "inet", OBSERVED)


class NoObservation:
    """A host that observes nothing and is not asked to."""

    counted = None

    def rules(self) -> Rules:
        """Return the rules that are held: none."""
        return ()

    def change_to(self, wanted: Rules, firewall: Optional[Type[Provider]], persist: bool) -> Change:
        """Return the change to no rules."""
        del wanted, firewall, persist
        return Change(steps=[], undo=[], notes=[])

    def begins(self, wanted: Rules) -> Optional[str]:
        """Return when counting begins: never."""
        del wanted
        return None

    def foreign_changes(self) -> List[ForeignChange]:
        """Return what others did to what is not there."""
        return []


def is_needed(is_there: bool, is_wanted: bool) -> bool:
    """Tell whether a run has to look after an observation; a file alone may be one that others removed."""
    return is_there or is_wanted or os.path.exists(SCRIPT) or bool(glob.glob(f"{UNITS}/*.d/{DROP_IN}"))


def is_there(listing: Listing) -> bool:
    """Tell whether the kernel holds a table of ours; the listing that each run needs anyway knows."""
    try:
        return bool(which("nft")) and listing.ruleset().has_observation
    except FirewallError:
        return not run(LIST).returncode  # an nft without JSON
