#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of sudo in a file of their own, checked before they count."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sudo_defaults
short_description: Write settings of sudo to a drop-in file that cannot break sudo
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Writes C(Defaults) lines to a file below C(/etc/sudoers.d), in one step and with the permissions sudo wants.
  - Each setting is checked first, and on a live system visudo is asked before anything is put in place, because a file
    with errors locks everybody out of root.
  - Rules that say who may run what are not touched. Does nothing where sudo is not installed.
options:
  defaults:
    description:
      - The settings, one each, as sudoers(5) writes them after C(Defaults). They hold for everybody.
      - Without any, the file is taken away.
    type: list
    elements: str
    required: true
  path:
    description:
      - The file. Of settings with one name the one that is read last counts, and files are read by name.
      - A setting to which a file of a later name gives another value is warned of; that file is left alone.
    type: path
    default: /etc/sudoers.d/zz-hallmark
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows the changed file.
"""

EXAMPLES = r"""
- name: Log what is done with sudo
  hallmark.images.sudo_defaults:
    defaults:
      - use_pty
      - logfile="/var/log/sudo.log"
"""

RETURN = r"""
changes:
  description: What changed.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/sudoers.d/zz-hallmark, key: content, before: absent, after: written}]
left_alone:
  description: The configuration file, when there is none because sudo is not installed.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import sudo_defaults
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(sudo_defaults)


if __name__ == "__main__":
    main()
