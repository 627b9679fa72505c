#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action plugin: plugins/action/baseline.py does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: baseline
short_description: Check a machine against the hardening baseline
version_added: 0.1.0
author:
  - The hallmark.images developers (@hallmark)
description:
  - Runs the checks of the collection's roles, and further testinfra files, on the machine of the task, and reports
    every control as passed, failed, waived or not applicable.
  - The checks run on the controller, in a process of their own. Their commands go over the task's own connection and
    become plugin. With the connections V(ssh) and V(local) one shell stays open for all of them, so that a check costs
    round trips, not logins. Any other connection plugin runs one command at a time.
  - Nothing is changed on the machine. It needs a POSIX shell, not Python.
requirements:
  - pytest on the controller
  - pytest-testinfra on the controller
options:
  profile:
    description:
      - Which controls to check. V(baseline) are the controls of dev-sec's linux-baseline, V(default) adds those of the
        tiers parity and extra that are on by default, V(strict) are all.
      - Checks of files in O(tests) belong to every profile.
    type: str
    choices: [baseline, default, strict]
    default: default
  areas:
    description: Roles whose checks to run. By default all roles of the collection that have checks.
    type: list
    elements: str
  waivers:
    description:
      - Controls that may fail. A waived control is checked all the same, and reported as waived, or as passed with the
        remark that the waiver is not needed. A control that fails under an expired waiver has failed.
    type: list
    elements: dict
    default: []
    suboptions:
      control:
        description: Id of the control.
        type: str
        required: true
      reason:
        description: Why it may fail.
        type: str
        required: true
      owner:
        description: Who answers for it.
        type: str
        required: true
      expires:
        description: The last day of the waiver (UTC), as YYYY-MM-DD.
        type: str
        required: true
  tests:
    description:
      - Further files of testinfra checks on the controller, relative to the playbook.
      - A check without a C(control) mark is reported under its file and name, with severity medium.
    type: list
    elements: str
    default: []
  report_dir:
    description: Folder on the controller for the reports, relative to the playbook. No reports are written without it.
    type: str
  report_name:
    description:
      - Base name of the reports C(NAME.json) and C(NAME.html). The JUnit report is called C(junit.xml) with the default
        name, else C(NAME-junit.xml).
    type: str
    default: baseline
  gate:
    description: Whether a failed control fails the task. An audit that could not be completed always does.
    type: bool
    default: true
  timeout:
    description: Seconds that one command of a check may take. It is then killed and its check fails.
    type: float
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and return what it would return otherwise.
    support: full
  diff_mode:
    description: Shows what would be changed.
    support: none
    details: Nothing is ever changed.
"""

EXAMPLES = r"""
- name: Fail unless the machine satisfies the default profile
  hallmark.images.baseline:
  become: true

- name: Audit two areas and one's own checks, and only write the reports
  hallmark.images.baseline:
    profile: strict
    areas: [sysctl, limits]
    tests: [tests/test_app.py]
    waivers:
      - control: sysctl-07
        reason: This machine is a router
        owner: net@example.com
        expires: "2027-01-31"
    report_dir: build/audit
    gate: false
  become: true
"""

RETURN = r"""
counts:
  description: Controls in all and by status.
  returned: when the checks ran
  type: dict
  sample: {total: 61, passed: 58, failed: 1, waived: 1, not_applicable: 1}
results:
  description: What became of each control.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    control:
      description: Id of the control.
      type: str
      sample: sysctl-05
    title:
      description: The requirement in words.
      type: str
    severity:
      description: One of critical, high, medium and low.
      type: str
    status:
      description: One of passed, failed, waived and not_applicable.
      type: str
    expected:
      description: What the standard asks for, if the check compares.
      type: str
    found:
      description: What the machine has.
      type: str
    message:
      description: What is wrong, or why the control does not apply.
      type: str
      sample: "net.ipv4.icmp_ratelimit: expected 100, found 1000"
    seconds:
      description: Time the control's checks took.
      type: float
    area:
      description: Role the check belongs to; none for files of O(tests).
      type: str
    tier:
      description: One of baseline, parity and extra.
      type: str
    variable:
      description: Role variable that switches the setting.
      type: str
    refs:
      description: What the control maps to in other standards.
      type: list
      elements: str
    waiver:
      description: The waiver of the control, with reason, owner and expires.
      type: dict
round_trips:
  description: Commands run on the machine.
  returned: when the checks ran
  type: int
  sample: 74
seconds:
  description: Time the whole run took.
  returned: when the checks ran
  type: float
report:
  description: Paths of the reports, by kind.
  returned: when the checks ran
  type: dict
  sample: {json: build/audit/baseline.json, junit: build/audit/junit.xml, html: build/audit/baseline.html}
msg:
  description: The counts in words; when the gate fails, also the failed controls, one per line.
  returned: always
  type: str
"""
