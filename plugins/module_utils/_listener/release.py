# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a run's lease at the listener of a host, from a module; server.py says what ends with it.

Half of the tasks do only this, so it loads nothing of what a listener is.
"""

from typing import TYPE_CHECKING, Any, Dict, Iterable, cast

from .._kernel import watch
from .dialogue import ask_listener
from .proof import check_token

if TYPE_CHECKING:
    from .._shapes import ListenerResult


def absent(
    host: str,
    token: str,
    dry: bool = False,
    remotes: Iterable[str] = (),
    addresses: Iterable[str] = (),
    waited: float = 0.0,
) -> "ListenerResult":
    """End a run's lease; returns whether there was one, what it captured, and what the kernel counted.

    The ways from the C(addresses) of this host to those of others, C(remotes), are looked at too.
    That the run had no use for its ports in the last C(waited) seconds is said to the listener, so that it
    does not report that it has closed them in that time.
    """
    check_token(token)
    wish: Dict[str, Any] = {"operation": "show"} if dry else {"operation": "release", "waited": waited}
    answer = ask_listener(host, token, **wish) or {"changed": False}
    if "capture" in answer:
        from .._kernel.capture import without_encrypted

        answer["capture"] = without_encrypted(answer["capture"])
    fields = ("changed", "capture", "stepped_aside", "stalled_s")
    known = cast("ListenerResult", {name: value for name, value in answer.items() if name in fields})
    if "before" in answer:
        known["kernel"] = watch.report(answer["before"], remotes, addresses)
    return known
