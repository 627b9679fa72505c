# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The disks of a machine on Alibaba Cloud (plugins/module_utils/alicloud/disks.py)."""

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
    description: The system disk.
    type: dict
    suboptions:
      size:
        description: Size in GiB. That of the image when missing.
        type: int
      category:
        description: Category of the disk.
        type: str
        choices: [cloud_essd, cloud_auto, cloud_essd_entry, cloud_ssd, cloud_efficiency, cloud]
        default: cloud_essd
      performance_level:
        description: For V(cloud_essd). V(PL1) when missing.
        type: str
        choices: [PL0, PL1, PL2, PL3]
      name:
        description: The name of the disk. As O(instance_name) in its form.
        type: str
      description:
        description: Its description. As O(instance_description) in its form.
        type: str
  data_disks:
    description: Further disks. All disks end with the machine.
    type: list
    elements: dict
    default: []
    suboptions:
      device_name:
        description: Device name, for example V(/dev/xvdb). The next free one when missing.
        type: str
      size:
        description: Size in GiB.
        type: int
      category:
        description: Category of the disk.
        type: str
        choices: [cloud_essd, cloud_auto, cloud_essd_entry, cloud_ssd, cloud_efficiency, cloud]
        default: cloud_essd
      performance_level:
        description: For V(cloud_essd). V(PL1) when missing.
        type: str
        choices: [PL0, PL1, PL2, PL3]
      name:
        description: The name of the disk. As O(instance_name) in its form.
        type: str
      description:
        description: Its description. As O(instance_description) in its form.
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
"""
