# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The disks of a machine on AWS (plugins/module_utils/aws/disks.py)."""

    DOCUMENTATION = r"""
options:
  encrypted:
    description:
      - Encrypt all disks from the start, so that the image needs no second copy to be encrypted.
      - When missing, snapshots and the account's default decide.
    type: bool
  kms_key_id:
    description: The KMS key to encrypt with. Implies O(encrypted=true).
    type: str
  root_disk:
    description: The system disk, where it is to differ from the source's.
    type: dict
    suboptions:
      size:
        description: Size in GiB.
        type: int
      type:
        description: Volume type.
        type: str
        choices: [gp3, gp2, io1, io2, st1, sc1, standard]
      iops:
        description: Operations per second; for V(gp3), V(io1) and V(io2).
        type: int
      throughput:
        description: MiB per second; for V(gp3).
        type: int
  data_disks:
    description: Further disks. All disks end with the machine.
    type: list
    elements: dict
    default: []
    suboptions:
      device_name:
        description: Device name of EC2, for example V(/dev/sdf).
        type: str
        required: true
      size:
        description: Size in GiB.
        type: int
      type:
        description: Volume type.
        type: str
        choices: [gp3, gp2, io1, io2, st1, sc1, standard]
      iops:
        description: Operations per second; for V(gp3), V(io1) and V(io2).
        type: int
      throughput:
        description: MiB per second; for V(gp3).
        type: int
      virtual_name:
        description:
          - An instance store volume instead of an EBS disk, V(ephemeral0) and up, for types that have such. Its content
            never gets into an image.
        type: str
      snapshot_id:
        description: A snapshot to start from.
        type: str
      encrypted:
        description: Whether this disk is encrypted. As O(encrypted) when missing.
        type: bool
      kms_key_id:
        description: The KMS key for this disk. As O(kms_key_id) when missing.
        type: str
  no_devices:
    description: Devices of the source image that the machine does not get.
    type: list
    elements: str
    default: []
"""
