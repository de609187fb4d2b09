#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: judged
short_description: Fail unless a verification was planned and judged in this run
version_added: 0.1.0
description:
  - This is the last task of the role P(exasol_community.network.verify#role). A condition (C(when)), tags or
    C(--start-at-task) can skip single tasks of a role, and a run without a plan or verdicts must not look
    like one in which everything is well.
  - Give the task the tag C(always), so that no choice of tags skips it.
  - If the chosen tags skip everything around the task, nothing was asked for, and the task does not fail.
  - With C(ansible.builtin.include_role), the role is asked for, and its tasks need the tags (C(apply)).
  - It runs on the controller, for each host.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.read_only
  - exasol_community.network._attributes.controller
attributes:
  platform:
    support: full
    platforms: all
options:
  plan_in:
    description:
      - The name of the variable that the plan is registered in, the result of
        M(exasol_community.network.plan).
      - If the variable is not defined, or if the task was skipped, nothing was planned. The same is true if
        the variable holds a result of this module, because that run is over.
    type: str
    required: true
  verification_in:
    description:
      - The name of the variable that the verdicts are registered in, the result of
        M(exasol_community.network.verdict). If the variable is not defined, nothing was judged.
      - Ignored in check mode, in which nothing is measured.
    type: str
    required: true
seealso:
  - module: exasol_community.network.plan
  - module: exasol_community.network.verdict
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Fail unless this run was planned and judged
  exasol_community.network.judged:
    plan_in: plan
    verification_in: verification
  register: plan
  tags: always
"""

RETURN = r"""
run:
  description: The run that is over. Empty if the chosen tags skipped it.
  returned: success
  type: str
  sample: 5b0e6f3c9d21
ended:
  description: Whether the run is over, which is always so.
  returned: success
  type: bool
  sample: true
"""
