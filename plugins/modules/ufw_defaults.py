#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of ufw in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ufw_defaults
short_description: Set the defaults of ufw in place
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets keys of C(/etc/default/ufw) where ufw is installed, and has a firewall that runs read them again.
  - Refuses to deny all incoming connections while ufw is enabled and none of its rules lets one in.
options:
  settings:
    description: Keys and values. A null value makes the key a comment.
    type: dict
    required: true
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows the changed file.
"""

EXAMPLES = r"""
- name: Deny what no rule allows
  hallmark.images.ufw_defaults:
    settings:
      DEFAULT_INPUT_POLICY: DROP
      IPT_SYSCTL: null
"""

RETURN = r"""
changes:
  description: What changed, one item per key.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/default/ufw, key: DEFAULT_INPUT_POLICY, before: '"ACCEPT"', after: '"DROP"'}]
installed:
  description: Whether ufw is installed.
  returned: always
  type: bool
enabled:
  description: Whether ufw is switched on.
  returned: always
  type: bool
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import ufw_defaults
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(ufw_defaults)


if __name__ == "__main__":
    main()
