#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No current directory in the search paths that the system's files set, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: search_path
short_description: Take the current directory out of search paths
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Takes empty and relative elements, and C($PWD), out of every C(PATH) that the files of O(scope) set, and leaves the
    rest of each line as it is. An empty element (a colon at the end) is the current directory.
  - Modes and owners of the files stay. A path that is quoted in parts, or of which nothing would be left, is reported.
options:
  scope:
    description:
      - V(environment) is C(/etc/environment) and C(/etc/environment.d), V(login_defs) the paths in C(/etc/login.defs).
      - V(profile) is the scripts that shells read at their start, C(/etc/profile.d) and those in root's home too.
      - V(sudoers) is sudo's C(secure_path), V(cron) the system's tables of cron.
    type: list
    elements: str
    choices: [environment, login_defs, profile, sudoers, cron]
    default: [environment, login_defs, profile, sudoers, cron]
  extra_files:
    description: More shell scripts.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Root runs no program of the folder it is in
  hallmark.images.search_path:
    extra_files: [/opt/site/env.sh]
"""

RETURN = r"""
changes:
  description: What changed, one item per path.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/environment, key: PATH, before: "/usr/bin:.", after: /usr/bin}]
findings:
  description: Paths that hold the current directory and were left alone.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/profile, key: PATH, problem: ". holds the current directory"}]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import search_path
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(search_path)


if __name__ == "__main__":
    main()
