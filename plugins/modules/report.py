#!/usr/bin/python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: report
short_description: Write reports and change requests on the controller
version_added: 0.1.0
description:
  - Writes the reports and change requests of a verification, new or saved, or the change requests of a plan
    before anything is measured.
  - A file is written only if its content changes, and is replaced as a whole.
  - Symbolic links are replaced, not followed.
  - Files have mode 0644 and directories 0755, less the umask of the user.
  - It runs once, on the controller, as the user who runs Ansible.
  - It prints the counts, the worst sentence, and the path of the report.
  - It sets the numbers of a verification as statistics (as M(ansible.builtin.set_stats) does) under the name
    C(exasol_network), and AWX keeps them with the job.
extends_documentation_fragment:
  - exasol_community.network._attributes
  - exasol_community.network._attributes.controller
attributes:
  delegation:
    details:
      - The files are written on the controller. C(delegate_to) another host is an error.
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
      - The directory to write to. It is created if it does not exist.
      - A relative path starts at the directory in which Ansible was started.
      - A directory inside a collection is an error.
    type: path
    required: true
  verification:
    description:
      - The result of M(exasol_community.network.verdict).
      - Exactly one of O(verification), O(saved) and O(plan) is required.
    type: dict
  saved:
    description:
      - The path of a C(report.json) of an earlier run, to render it again.
      - A file that does not match C(docs/report.schema.json) is an error, and nothing is written.
    type: path
  plan:
    description:
      - The result of M(exasol_community.network.plan), for O(change_request) before anything is measured.
    type: dict
  formats:
    description:
      - The formats of the report, as P(exasol_community.network.to_report#filter) describes them.
      - Each is a file named C(report) with the suffix of the format.
      - Two formats that are the same file, V(prometheus) and V(prometheus_peers), are an error.
    type: list
    elements: str
    choices: [csv, html, json, junit, markdown, prometheus, prometheus_peers]
    default: [json, markdown, html]
  compare_with:
    description:
      - The path of an earlier C(report.json). What broke and what was fixed since then is printed, and
        written to C(changes.md) and C(changes.json).
      - It may be the C(report.json) that this task replaces.
      - If it does not exist yet, nothing is compared.
    type: path
  change_request:
    description:
      - The formats of the change request, as P(exasol_community.network.to_change_request#filter) describes
        them.
      - V(csv) and V(markdown) are written to C(change_request.csv) and C(change_request.md).
      - After a measurement, C(change_request.md) is always written, also if nothing is blocked.
      - Every other format is written to a file with its name, such as C(change_request_aws.yml).
    type: list
    elements: str
    choices: [aerleon_definitions, aerleon_policy, aws, azure, csv, gcp, markdown]
    default: []
  include_unlocated:
    description:
      - Also ask for blocked flows whose location is unknown.
    type: bool
    default: false
  site:
    description:
      - The name of the site, for change requests, for C(report.json), and as a label of Prometheus'
        gauges.
    type: str
    default: ''
  date:
    description:
      - The date of the change request. By default the day of the measurement.
    type: str
    default: ''
  requester:
    description:
      - Who asks for the changes, for the change request.
    type: str
    default: ''
  ticket:
    description:
      - The number of the ticket, for the change request.
    type: str
    default: ''
  template:
    description:
      - The path of a template of Jinja2 that makes C(report.html) in place of the page of this collection.
      - It runs in a sandbox, all that it writes is escaped, and it gets what C(docs/guide.md) lists.
      - C(report.html) is written also if O(formats) does not have V(html).
      - A template that cannot be used is an error, which names the file and the line.
    type: path
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
- name: Write the reports
  exasol_community.network.report:
    verification: "{{ exasol_verification }}"
    directory: report
  run_once: true

- name: Write a report for a CI server, and what changed since the last run
  exasol_community.network.report:
    verification: "{{ exasol_verification }}"
    directory: report
    formats: [json, junit]
    compare_with: report/report.json
  run_once: true

- name: Write a change request for a whole plan before anything is measured
  exasol_community.network.report:
    plan: "{{ plan }}"
    directory: report
    change_request: [markdown, csv]
  run_once: true
"""

RETURN = r"""
files:
  description: The files of the report, including those that did not change.
  returned: success
  type: list
  elements: str
  sample: [report/report.json, report/report.md, report/report.html]
"""
