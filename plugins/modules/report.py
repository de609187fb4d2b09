#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: report
short_description: Write reports and change requests on the controller
version_added: 0.1.0
description:
  - Writes all files that tell of a verification, fresh or saved, or the change request of a plan before
    anything is measured.
  - A file is written only where its content changes, and replaced as a whole; symbolic links are replaced,
    not followed.
  - Files and directories have the modes that the umask of the user leaves of 0644 and 0755.
  - It runs once, on the controller, as the user who runs Ansible.
  - It leaves the numbers of a verification as M(ansible.builtin.set_stats) does, under the name
    C(exasol_network), which AWX keeps with the job.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.controller
attributes:
  delegation:
    details:
      - The files are written on the controller; C(delegate_to) with another host is refused.
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: all
options:
  directory:
    description:
      - The directory to write to; it is made if it is missing.
      - A relative one is below the directory in which Ansible was started. A directory inside a collection is
        refused.
    type: path
    required: true
  verification:
    description:
      - What M(exasol_community.network.verdict) returned.
      - Exactly one of O(verification), O(saved) and O(plan) is needed.
    type: dict
  saved:
    description:
      - A report in JSON that an earlier run wrote, to be rendered again.
      - What has not the shape of C(docs/report.schema.json) is refused before anything is written.
    type: path
  plan:
    description:
      - What M(exasol_community.network.plan) returned, for O(change_request) before anything is measured.
    type: dict
  formats:
    description:
      - The formats of the verification, each a file C(report) with the format's suffix, as
        P(exasol_community.network.to_report#filter) describes them.
    type: list
    elements: str
    choices: [csv, html, json, junit, markdown, prometheus]
    default: [json, markdown, html]
  compare_with:
    description:
      - An earlier report in JSON; what broke and what was mended since then is printed, and written to
        C(changes.md) and C(changes.json).
      - It may be the C(report.json) that this task replaces.
      - If it is not there yet, nothing is compared.
    type: path
  change_request:
    description:
      - The formats of the change request, as P(exasol_community.network.to_change_request#filter) describes
        them.
      - V(csv) and V(markdown) are written to C(change_request.csv) and C(change_request.md), each other one
        to a file with its name, such as
        C(change_request_aws.yml).
    type: list
    elements: str
    choices: [aerleon_definitions, aerleon_policy, aws, azure, csv, gcp, markdown]
    default: []
  include_unlocated:
    description:
      - Also ask for flows that are blocked at a place that was not found.
    type: bool
    default: false
seealso:
  - module: exasol_community.network.verdict
  - plugin: exasol_community.network.to_report
    plugin_type: filter
  - plugin: exasol_community.network.to_change_request
    plugin_type: filter
  - plugin: exasol_community.network.report_changes
    plugin_type: filter
author:
  - exasol_community.network contributors (@exasol-community)
"""

EXAMPLES = r"""
- name: Write what was measured
  exasol_community.network.report:
    verification: "{{ exasol_verification }}"
    directory: report
  run_once: true

- name: Show a CI server what was measured, and say what changed since the last run
  exasol_community.network.report:
    verification: "{{ exasol_verification }}"
    directory: report
    formats: [json, junit]
    compare_with: report/report.json
  run_once: true

- name: Ask the network team for a whole plan before anything is measured
  exasol_community.network.report:
    plan: "{{ plan }}"
    directory: report
    change_request: [markdown, csv]
  run_once: true
"""

RETURN = r"""
files:
  description: The files, whether they had to be written or not.
  returned: success
  type: list
  elements: str
  sample: [report/report.json, report/report.md, report/report.html]
"""
