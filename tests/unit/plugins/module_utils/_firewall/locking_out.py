# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes changes that would lock the controller out, and tries whether they do.

Run by test_locking_out.py within C(unshare --net); reads cases as JSON, prints what it saw as JSON. The world is that
of cutting.py.
"""

import json
import re
import sys

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import apply
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.refusals import Refusals
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import FirewallError
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cutting

SHORT_SECONDS = 0.5  # for what does not come


class Case:
    """A host, what it holds of ours, and a change of that."""

    def __init__(self, world, case):
        self._world, self._provider, self._controller = world, case["provider"], case["controller"]
        cutting.shell(cutting.RESET)
        cutting.shell("ip link set side " + ("up" if case["several"] else "down"))
        cutting.forget_tracked()
        cutting.shell(case["host"])
        cutting.connect_by(self._controller)
        self._earlier = self._options(case["earlier"])
        self._later = self._options(case["later"] or [], present=case["later"] is not None)

    def _options(self, rules, **more):
        return apply.Options(
            rules, provider=self._provider, persist=False, rollback_after=0, cut=True, **more
        )

    def _reaches(self, seconds=cutting.LONG_SECONDS):
        flow = cutting.Flow("in", self._controller, "tcp", cutting.SSH)
        opened = self._world.open([flow], seconds)
        try:
            return flow in cutting.passing(opened, seconds)
        finally:
            cutting.close(opened)

    def _refusal(self, identity, dry):
        try:
            apply.change(self._later, identity, dry)
        except FirewallError as error:
            return str(error)
        return ""

    def play(self):
        """Return what was seen."""
        apply.change(self._earlier, "earlier", False)
        seen, before = {"reached": self._reaches()}, cutting.shell(cutting.DUMPS[self._provider])
        seen["dry"] = self._refusal("dry", True)
        seen["refusal"] = self._refusal("refused", False)
        if not seen["refusal"]:
            seen["reached after"] = self._reaches()
            return seen
        counters = re.compile(r"\[\d+:\d+\]|^#.*$|packets \d+ bytes \d+", re.MULTILINE)
        after = cutting.shell(cutting.DUMPS[self._provider])
        seen["unchanged"] = counters.sub("", before) == counters.sub("", after)
        # The control: if it is made all the same, nobody reaches the host.
        check, Refusals.check_own_connection = Refusals.check_own_connection, lambda unused: None
        seen["forced"] = self._refusal("forced", False)
        Refusals.check_own_connection = check
        seen["reached when forced"] = self._reaches(SHORT_SECONDS)
        apply.change(self._earlier, "earlier", False)
        for advice in re.findall("run '([^']*)'", seen["refusal"]):
            cutting.shell(advice)
            seen["advised"] = self._refusal("advised", False)
            seen["reached as advised"] = self._reaches()
        return seen


def main(folder):
    """Play all cases."""
    cutting.keep_state_in(folder)
    world = cutting.World()
    json.dump([Case(world, case).play() for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
