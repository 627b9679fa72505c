#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the kernel's own file systems and those in memory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: api_mounts
short_description: Mount options of /dev, /dev/shm, /run and /proc, at every boot and now
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets lines of C(/etc/fstab) by mount point, which systemd-remount-fs applies at every boot. Lines that exist keep
    their source, type and other options.
  - Mounted file systems that lack an option are mounted again in place, on the running system only.
  - Can have C(/proc) hide the processes of other users, except from a group that systemd-logind and others join.
options:
  mounts:
    description: The lines.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Mount point.
        type: path
        required: true
      source:
        description: Source of a line that does not exist yet.
        type: str
        required: true
      fstype:
        description: Type of a line that does not exist yet.
        type: str
        required: true
      options:
        description: Options that the line has in any case.
        type: list
        elements: str
        required: true
      families:
        description: Families of systems that this line is for, such as V(debian); all when empty.
        type: list
        elements: str
        default: []
  hidepid:
    description:
      - What C(/proc) shows of other users' processes. At V(1) their folders are closed, at V(2) they are not seen,
        at V(4) only what a debugger could be attached to. V(0) shows all, and takes back what this module did.
    type: int
    choices: [0, 1, 2, 4]
    default: 0
  hidepid_group:
    description: Group that sees all processes, made when it does not exist.
    type: str
    default: proc
  hidepid_services:
    description: Services of systemd that get this group by a drop-in, where they exist.
    type: list
    elements: str
    default: [systemd-logind.service]
  hidepid_users:
    description: Users that become members of the group, where they exist.
    type: list
    elements: str
    default: []
  hidepid_families:
    description: Families of systems where O(hidepid) counts; all when empty.
    type: list
    elements: str
    default: []
  live:
    description: Whether the running system is mounted again. V(auto) finds out that it is no image tree or container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: No programs in shared memory, and processes are private
  hallmark.images.api_mounts:
    mounts:
      - {path: /dev/shm, source: tmpfs, fstype: tmpfs, options: [rw, nosuid, nodev, noexec]}
    hidepid: 2
"""

RETURN = r"""
changes:
  description: What changed, one item per line, file or mount.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/fstab, key: /dev/shm, before: no line, after: "rw,nosuid,nodev,noexec"}]
failures:
  description: What could not be mounted or started again; the next boot will have it.
  returned: always
  type: list
  elements: dict
live:
  description: Whether the running system was looked at.
  returned: always
  type: bool
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import api_mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(api_mounts)


if __name__ == "__main__":
    main()
