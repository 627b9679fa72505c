#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: data_disks
short_description: Have disks formatted if they are empty, and mounted at boot
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Has a system mount data disks at their paths at every boot, by names that do not depend on the order in which the
    kernel finds them. A disk that is empty is formatted before; a file system grows with its disk.
  - A disk counts as empty when it has no file system, partition table or other signature that C(blkid) knows, and its
    first and last MiB are zero. Anything else is left as it is, and not mounted unless it is a file system of the type
    in O(disks[].filesystem).
  - A boot waits O(timeout) seconds for a disk and goes on without it, with an error in the journal and on the console
    that names the disk and its path.
  - Each disk has a unit C(hallmark-data-disk-NAME.service), a line in C(/etc/fstab) and a link
    C(/dev/disk/by-hallmark/NAME); C(hallmark-data-disks.service) mounts all of them at boot. What is not in O(disks)
    any more loses these, and nothing else.
options:
  disks:
    description: The disks.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name, at most 20 of a-z, 0-9 and -.
        type: str
        required: true
      path:
        description: Where the disk is mounted. The folder is made when there is none.
        type: path
        required: true
      filesystem:
        description: Type of its file system. C(mkfs) of this type must be installed.
        type: str
        choices: [ext4, xfs]
        default: ext4
      serial:
        description:
          - The disk is the one with this serial number, of virtio, NVMe or SCSI.
          - When O(disks[].ebs) and O(disks[].position) are missing too, the name.
        type: str
      ebs:
        description:
          - The disk is the EBS volume with this device name in EC2's block device mapping, such as V(/dev/sdf).
            On Nitro the volume's NVMe controller tells the name.
        type: str
      position:
        description:
          - The disk is at this place among the disks that can be written and are not the system's, in the order of
            their places on the buses; V(1) is the first.
          - The place holds until the disk is formatted. From then on the disk is the one with the label
            O(disks[].label), wherever it is.
        type: int
      options:
        description: Mount options, one per item.
        type: list
        elements: str
        default: [nodev, nosuid]
      label:
        description: Label that the file system gets; the name when missing, shortened to what the file system takes.
        type: str
      owner:
        description: Owner of the file system's top folder, a name or a number. Given when the disk is formatted.
        type: str
        default: root
      group:
        description: Its group, as O(disks[].owner).
        type: str
        default: root
      mode:
        description: Its permissions, octal digits in quotes, as O(disks[].owner).
        type: str
        default: "0755"
  timeout:
    description: Seconds that a boot waits for a disk.
    type: int
    default: 20
  live:
    description:
      - Mount now those that are there. V(auto) does unless in an image tree, a chroot or a container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: A disk by its serial number, data, and one by its place
  hallmark.images.data_disks:
    disks:
      - {name: data, path: /data}
      - {name: logs, path: /srv/logs, position: 2, filesystem: xfs, options: [nodev, nosuid, noexec]}
  become: true

- name: An EBS volume
  hallmark.images.data_disks:
    disks:
      - {name: data, path: /data, ebs: /dev/sdf}
  become: true
"""

RETURN = r"""
missing:
  description: Names of the disks that could not be mounted now, because they are not there.
  returned: always
  type: list
  elements: str
changes:
  description: What changed, one item per file, line of fstab or mount.
  returned: always
  type: list
  elements: dict
  sample: [{path: /data, key: mount, before: not mounted, after: /dev/vdb}]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import data_disks
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(data_disks)


if __name__ == "__main__":
    main()
