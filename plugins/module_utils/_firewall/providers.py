# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All firewalls, in the one list that there is of them."""

from typing import Tuple, Type

from .firewalld import Firewalld
from .iptables import Iptables
from .nftables import Nftables
from .provider import Provider
from .ufw import Ufw

# The order in which a host is asked for them: firewalld and ufw write rules of iptables or nftables, and a
# table of nftables may be a guest beside any other.
PROVIDERS: Tuple[Type[Provider], ...] = (Firewalld, Ufw, Iptables, Nftables)


def provider_class(name: str) -> Type[Provider]:
    """Return the firewall of this name."""
    return next(firewall for firewall in PROVIDERS if firewall.name == name)
