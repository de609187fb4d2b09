# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of idle connections, and for how long they may be asked for.

They stand apart, because who reads results needs them without the code that measures.
"""

from typing import List, Sequence

from .._values.errors import NetworkError

LIVED = "lived"
SILENCE = "silence"  # what the first speaker sent never arrived
NO_REPLY = "no_reply"  # it arrived, but the reply did not
RESET = "reset"  # not by the other end
CUTS = (SILENCE, NO_REPLY, RESET)
WAITING = "waiting"  # its time is not over
NO_ANSWER = "no_answer"  # no connection for it came about
LISTENER_ENDED = "listener_ended"
NO_CONTROL = "no_control"  # the connection in use failed as well
UNMEASURED = (WAITING, NO_ANSWER, LISTENER_ENDED, NO_CONTROL)
STATES = (LIVED, *CUTS, *UNMEASURED)
OUT, IN = "source", "destination"  # who speaks first

MAX_SECONDS = 12600  # leaves the listener, whose time is 4 hours at most, time for everything else
MAX_DURATIONS = 16


def check_seconds(seconds: Sequence[int]) -> List[int]:
    """Return the durations, each once and in order; raises for one that cannot be used."""
    for one in seconds:
        if not 1 <= one <= MAX_SECONDS:
            raise NetworkError(
                f"an idle time of {one} seconds is out of range: expected 1 to {MAX_SECONDS} seconds "
                f"(exasol_verify_idle)"
            )
    found = sorted(set(seconds))
    if len(found) > MAX_DURATIONS:
        raise NetworkError(
            f"{len(found)} idle times are too many: expected at most {MAX_DURATIONS} (exasol_verify_idle)"
        )
    return found
