#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode and policy of SELinux, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: selinux_config
short_description: Have SELinux enforce a policy, at boot and now
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets C(SELINUX) and C(SELINUXTYPE) in C(/etc/selinux/config) in place, and the mode of the running kernel.
  - Does nothing on systems where SELinux is not at home (Debian, Ubuntu), and where no policy is installed.
options:
  state:
    description: Whether the policy is enforced or only its violations recorded.
    type: str
    choices: [enforcing, permissive]
    default: enforcing
  policy:
    description: Name of the policy, which must be installed.
    type: str
    default: targeted
  from_disabled:
    description:
      - Also where SELinux is disabled. The next boot then labels all files and boots once more.
    type: bool
    default: false
  live:
    description: Whether to change the running mode. V(auto) does, except in an image tree, a chroot and a container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Enforce the targeted policy
  hallmark.images.selinux_config:
    state: enforcing
    policy: targeted
"""

RETURN = r"""
changes:
  description: What changed, one item per key and place.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/selinux/config, key: SELINUX, before: permissive, after: enforcing}]
left_alone:
  description: Why nothing was done; empty when something was.
  returned: always
  type: str
next_boot:
  description: Whether the running kernel has no SELinux, so that all waits for the next boot.
  returned: always
  type: bool
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import selinux_config
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(selinux_config)


if __name__ == "__main__":
    main()
