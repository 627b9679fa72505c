#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor's profiles made to enforce their rules, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apparmor_profiles
short_description: Have all profiles of AppArmor enforce their rules
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Takes the mode C(complain) out of the files in C(/etc/apparmor.d), removes links from C(force-complain) and enables
    AppArmor's service.
  - On a running system changed profiles are loaded, and all of them when the kernel has others that only complain.
  - Profiles that are switched off (C(disable)) stay so. Systems other than Debian and Ubuntu are left alone.
options:
  exempt:
    description: Names of files in C(/etc/apparmor.d) whose profiles are left as they are.
    type: list
    elements: str
    default: []
  packages:
    description: Packages to look for; those that are missing are named in the result, and not installed.
    type: list
    elements: str
    default: [apparmor, apparmor-utils]
  live:
    description: Load profiles into the running kernel; V(auto) does, except in a tree, a chroot, a container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Have every profile enforce its rules
  hallmark.images.apparmor_profiles:
    exempt: [usr.sbin.mysqld]
"""

RETURN = r"""
changes:
  description: What changed, one item per file, and one for the kernel.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/apparmor.d/usr.sbin.ntpd, key: mode, before: complain, after: enforce}]
missing_packages:
  description: Packages that are not installed.
  returned: always
  type: list
  elements: str
left_alone:
  description: Why nothing was done; empty when it was.
  returned: always
  type: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import apparmor_profiles
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(apparmor_profiles)


if __name__ == "__main__":
    main()
