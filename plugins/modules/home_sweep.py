#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host-trust and password files out of every home, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: home_sweep
short_description: Remove or report files such as .rhosts and .netrc in the homes of all accounts
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Looks into the home of every account in the target's own C(/etc/passwd) once, and removes or reports files by name.
  - Looks for some of the names anywhere near the top of the file tree too, and for single files such as
    C(/etc/hosts.equiv).
  - Does not go deeper into a home, opens no file, follows no link (a link is removed itself), and leaves directories
    and homes on network file systems alone. Contents are never shown, not even with C(--diff).
options:
  names:
    description: Names of the files in homes. They are hidden files, so each begins with a dot.
    type: list
    elements: str
    default: [.rhosts, .shosts, .rlogin, .netrc, .forward]
  netrc_allow_users:
    description: Users who keep C(.netrc) in their home.
    type: list
    elements: str
    default: []
  top_names:
    description: Names, in upper or lower case, that nothing near the top of the file tree may have.
    type: list
    elements: str
    default: [.rhosts, .netrc]
  max_depth:
    description: How many levels below the top that is; V(0) does not look there at all.
    type: int
    default: 3
  files:
    description: Absolute paths of single files.
    type: list
    elements: path
    default: [/etc/hosts.equiv, /etc/shosts.equiv, /etc/ssh/shosts.equiv]
  action:
    description: Whether to V(remove) what is found or only V(report) it.
    type: str
    choices: [remove, report]
    default: remove
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Names the removed files, without their content.
"""

EXAMPLES = r"""
- name: No account trusts hosts or stores passwords, but the one that deploys
  hallmark.images.home_sweep:
    netrc_allow_users: [deploy]

- name: What is there?
  hallmark.images.home_sweep:
    action: report
  register: sweep
"""

RETURN = r"""
changes:
  description: What was removed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /root/.rhosts, key: file, before: file, after: absent}]
found:
  description: Every file that should not be there, with the users whose home it is in.
  returned: always
  type: list
  elements: dict
  sample: [{path: /root/.rhosts, users: [root]}]
left_alone:
  description: What was not looked at or not removed, with the reason.
  returned: always
  type: list
  elements: dict
  sample: [{path: /home/remote, reason: on a file system that other machines share}]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import home_sweep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(home_sweep)


if __name__ == "__main__":
    main()
