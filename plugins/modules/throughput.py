#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: throughput
short_description: Measure how much data the paths from a host carry, in both directions
version_added: 0.1.0
description:
  - Transfers data to and from listeners of M(exasol_community.network.listener), over TCP, one transfer at a
    time.
  - No machine takes part in two transfers at the same time, in whichever order hosts begin. A destination
    that is busy is asked again, and meanwhile another one is measured.
  - Only listeners of this run, which prove that they know O(token), send or take data, within limits of their
    own - at most 10 seconds and 10 GB in each transfer.
  - If the run is interrupted, no further transfer begins, and the one that runs ends within its bounds.
  - It needs no root. Nothing is written to a disk.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
attributes:
  delegation:
    support: full
  platform:
    support: full
options:
  observations:
    description:
      - What M(exasol_community.network.probe) has found from this host,
        RV(exasol_community.network.probe#module:observations).
      - The paths to all addresses at which a listener of this run has proven itself over TCP are measured.
    type: list
    elements: dict
    required: true
  bounds:
    description:
      - What the measurement may take, as O(bounds=true) or a dictionary.
      - C(seconds) for one transfer in one direction, from 1 to 10; default V(2). Its first quarter does not
        count.
      - C(megabytes) for one transfer in one direction, from 10 to 10000; default V(1000). A megabyte has 10^6
        bytes.
      - C(megabytes_per_second), at most so fast; default V(0), which means no limit.
      - C(total_seconds) for all transfers that this host begins, from 10 to 3600; default V(600). What is not
        measured by then is returned as such.
    type: raw
    default: true
  token:
    description: The token of the run, with which the listeners were started.
    type: str
    required: true
  source_address:
    description: Addresses to connect from, at most one of each family; by default, the kernel selects them.
    type: list
    elements: str
    default: []
  run:
    description:
      - The run that the result belongs to, RV(exasol_community.network.plan#module:run).
      - M(exasol_community.network.verdict) ignores results of other runs.
    type: str
    default: ''
seealso:
  - module: exasol_community.network.listener
  - module: exasol_community.network.probe
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Measure the throughput to all listeners that have proven themselves
  exasol_community.network.throughput:
    observations: "{{ probed.observations }}"
    token: "{{ run_token }}"

- name: Use at most 100 MB/s
  exasol_community.network.throughput:
    observations: "{{ probed.observations }}"
    bounds:
      seconds: 5
      megabytes_per_second: 100
    token: "{{ run_token }}"
"""

RETURN = r"""
throughput:
  description: One entry for each destination and address at which a listener has proven itself.
  returned: success
  type: list
  elements: dict
  contains:
    destination:
      description: The destination's name.
      type: str
      returned: success
      sample: n12
    address:
      description: The destination's address.
      type: str
      returned: success
      sample: 192.0.2.12
    transfers:
      description:
        - C(out) is the transfer from this host, C(in) the one to it.
        - C(bytes_per_second) is what the receiver counted, C(bytes) in so many C(seconds).
        - Otherwise there is a C(reason) - V(busy) if the destination took part in other transfers until the
          time was over, V(busy_here) if this host did, V(out_of_time) if its turn did not come, V(no_answer)
          if the listener did not answer or did not prove itself, or V(cut) if the transfer ended or stopped
          in the middle.
      type: dict
      returned: success
      sample:
        out: {bytes_per_second: 1170000000, bytes: 750000000, seconds: 0.641}
        in: {reason: busy}
run:
  description: The run that was given.
  returned: with O(run)
  type: str
  sample: 5b0e6f3c9d21
"""

from ansible.module_utils.basic import AnsibleModule

# First, and unused: what is imported after it is compiled once.
from ..module_utils._ansible import archive  # noqa: F401  # pylint: disable=unused-import
from ..module_utils._ansible.failures import failures_of
from ..module_utils._kernel import machine
from ..module_utils._kernel.sockets import Sources
from ..module_utils._listener.proof import check_token
from ..module_utils._probe.bounds import read_bounds
from ..module_utils._probe.throughput import measure, proven_places, reported


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "observations": {"type": "list", "elements": "dict", "required": True},
            "bounds": {"type": "raw", "default": True},
            "token": {"type": "str", "required": True, "no_log": True},
            "source_address": {"type": "list", "elements": "str", "default": []},
            "run": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    with failures_of(module):
        bounds, key = read_bounds(params["bounds"]), check_token(params["token"])
        is_on = bounds is not None and not module.check_mode
        paths = proven_places(params["observations"]) if is_on else {}
        sources = Sources(params["source_address"])
        found = measure(list(paths.values()), bounds, sources, key) if bounds is not None else {}
        module.exit_json(
            changed=False, throughput=reported(paths, found), **machine.origin(params["run"], [])
        )


if __name__ == "__main__":
    main()
