#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of cron for root's eyes only, and lists of who may use cron and at, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cron_access
short_description: Make the tables of cron private and say who may use cron and at
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Gives files and folders with tables to root and takes all rights from group and others. What does not exist is left
    out; contents never change.
  - Writes the lists of those who may use cron and at. They can be read by the group that the system's C(crontab) and
    C(at) run with.
options:
  tables:
    description: Files and folders that are root's alone.
    type: list
    elements: path
    default: []
  cron_allow:
    description: Names of users who may have tables of their own. Null leaves the lists of cron alone.
    type: list
    elements: str
  at_allow:
    description: Names of users who may use at, where it is installed. Null leaves the lists of at alone.
    type: list
    elements: str
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows the changed lists.
"""

EXAMPLES = r"""
- name: Keep cron to root
  hallmark.images.cron_access:
    tables: [/etc/crontab, /etc/cron.d, /etc/cron.daily]
    cron_allow: [root]
    at_allow: [root]
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/cron.d, key: directory, before: "0:0 0755", after: "0:0 0700"}]
absent:
  description: Tables that do not exist here.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import cron_access
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(cron_access)


if __name__ == "__main__":
    main()
