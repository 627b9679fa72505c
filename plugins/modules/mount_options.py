#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of mount points, at boot and now, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mount_options
short_description: Have mount points forbid programs, set-id bits and devices, at boot and now
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Gives lines of C(/etc/fstab) and mount units of systemd the flags C(nodev), C(nosuid), C(noexec), and adds lines for
    the file systems that systemd mounts by itself (C(/dev), C(/dev/shm)). Other options stay as they are.
  - Makes C(/tmp) a file system in memory if told to.
  - Gives what is mounted the same flags at once. Nothing is unmounted, and nothing mounted over files someone may use.
options:
  paths:
    description:
      - Mount points and the flags they are to have. Those that are none, neither now nor in fstab nor by a unit, are
        left alone. An empty list leaves a mount point alone.
    type: dict
    required: true
  tmp:
    description:
      - Have C(/tmp) be a tmpfs, mounted by C(tmp.mount). When false, C(/tmp) stays what it is.
      - Without effect where fstab has a line for C(/tmp).
    type: bool
    default: false
  tmp_size:
    description: Most it may hold, such as V(512m) or V(25%) of the memory. Empty leaves it to the vendor's unit.
    type: str
    default: ""
  var_tmp:
    description: Mount C(/var/tmp) onto itself with all three flags. Files in it survive.
    type: bool
    default: false
  live:
    description:
      - Whether to change what is mounted. V(auto) does, except in an image tree, a chroot, a container, and from a
        service with mounts of its own.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: No programs from memory file systems
  hallmark.images.mount_options:
    paths:
      /dev/shm: [nodev, nosuid, noexec]
      /tmp: [nodev, nosuid, noexec]
    tmp: true
    tmp_size: 25%
"""

RETURN = r"""
changes:
  description: What changed, one item per mount point and place.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/fstab, key: /dev/shm, before: null, after: "noauto,nosuid,nodev,noexec,x-hallmark"}]
live:
  description: Whether the running system was looked at.
  returned: always
  type: bool
next_boot:
  description: Mount points that become one only with the next boot, because files are in the way.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import mount_options
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(mount_options)


if __name__ == "__main__":
    main()
