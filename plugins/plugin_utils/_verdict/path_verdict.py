# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the path as a whole adds to the verdict of a flow, beyond what its ports showed.

A port that accepts connections proves little if the path loses what follows. This is the one
place where measurements of a path (C(Case.path)) change a verdict.
"""

from __future__ import annotations

from .case import Case
from .verdict import Judgement


def judge_path(case: Case, judged: Judgement) -> Judgement:
    """Return the verdict of a flow that must work, from that of its ports and from its path.

    Lost first tries are a note of the run (C(losses.py)) and leave the verdict as it is.
    """
    del case  # until something is measured that turns an accepted connection into a failure
    return judged
