#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: idle_wait
short_description: Wait until connections have been idle for long enough
version_added: 0.1.0
description:
  - Waits on the controller while hosts hold idle connections (O(exasol_community.network.probe#module:idle)),
    and says each minute how long it will take.
  - If the run is interrupted here, nothing of it is measured, and a later run begins anew.
  - Run it once for all hosts, not once for each.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._attributes.controller
attributes:
  platform:
    support: full
    platforms: all
options:
  seconds:
    description:
      - How long to wait, the greatest RV(exasol_community.network.probe#module:idle_left_s) of all hosts.
    type: float
    required: true
  durations:
    description: The durations for which connections are idle, in seconds; they are shown.
    type: list
    elements: int
    required: true
seealso:
  - module: exasol_community.network.probe
  - module: exasol_community.network.listener
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Wait until connections have been idle for long enough
  exasol_community.network.idle_wait:
    seconds: "{{ probed.idle_left_s }}"
    durations: [60, 350]
  run_once: true
"""

RETURN = r"""
begun:
  description: When it began to wait, in seconds since 1970 by the controller's clock.
  returned: success
  type: float
  sample: 1796000000.5
waited:
  description: How long it waited, in seconds.
  returned: success
  type: float
  sample: 352.1
"""
