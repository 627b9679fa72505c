#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: definition_check
short_description: Check a definition as its build takes it
version_added: 0.1.0
description:
  - The inventory plugin P(hallmark.images.definitions#inventory) checks what a definition's file says. This checks the
    sections when they are rendered, so that it also sees what templates, C(group_vars) and the command line give.
  - It also reads what else would be found only when a machine runs already - the file of tasks, the test files, and
    whether waivers name controls that exist and have not expired.
  - Nothing is changed, and only the controller is needed.
author: Contributors to the hallmark.images project (@hallmark)
options:
  definition:
    description: The definition, as the inventory plugin describes it (C(build_definition)).
    type: dict
    required: true
  sections:
    description: The sections of the definition by name. One that is an empty dictionary counts as left out.
    type: dict
    required: true
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: Can run in C(check_mode) and return what it would change, without changing it.
    support: full
  diff_mode:
    description: Returns what changed, or would change, in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Check a definition
  hallmark.images.definition_check:
    definition: "{{ build_definition }}"
    sections:
      source: "{{ build_source }}"
      builder: "{{ build_builder }}"
"""

RETURN = r"""
msg:
  description: All that is wrong, one line for each mistake, with file, line, key, value and what would be right.
  returned: always
  type: str
"""
