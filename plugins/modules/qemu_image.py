#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_image
short_description: Capture the disks of a QEMU machine as image files
version_added: 0.1.0
description:
  - Shuts the machine down through ACPI, and never cuts its power, then converts its disks to image files.
  - An image is written under a hidden temporary name and gets its own name when it is complete.
  - Published images stand in C(SHA256SUMS) beside them.
  - With O(state=absent), images and their lines in C(SHA256SUMS) are removed. Where the ledger of the build has been
    reaped, the names of data disks are not known any more, so only the image of the disk with the system is removed.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - qemu-img
  - the Python package qemu.qmp
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.image
options:
  dest:
    description: The folder for the images. It is made when it is missing.
    type: path
    required: true
  format:
    description: The format of the images. V(vmdk) is stream-optimised, V(vpc) is dynamic.
    type: str
    choices: [qcow2, raw, vmdk, vpc]
    default: qcow2
  compression:
    description: Compress with zstd. Only for O(format=qcow2), and then the default.
    type: bool
  shutdown_timeout:
    description: Seconds that the guest may take to power off.
    type: int
    default: 180
  console_log:
    description: The serial console's log, quoted when the guest does not power off.
    type: path
"""

EXAMPLES = r"""
- name: Capture a machine
  hallmark.images.qemu_image:
    build_id: "{{ machine.build_id }}"
    name: debian-12
    dest: /srv/images
"""

RETURN = r"""
build_id:
  description: The build that the image belongs to.
  returned: always
  type: str
  sample: 20261123t171452-k3f9q2
images:
  description: The images, one for each disk.
  returned: when O(state=present) and not in check mode
  type: list
  elements: dict
  contains:
    disk: {description: V(system) or the data disk's name., type: str, returned: always}
    path: {description: The file; its name is hidden until it is published., type: str, returned: always}
    format: {description: Its format., type: str, returned: always}
    size: {description: Its size in bytes., type: int, returned: always}
    virtual_size: {description: The size of the disk in bytes., type: int, returned: always}
    sha256: {description: Its SHA-256., type: str, returned: always}
data_disks:
  description: The images of data disks in the form that O(hallmark.images.qemu_builder#module:data_disks) takes.
  returned: with RV(images)
  type: list
  elements: dict
published:
  description: Whether the images have their final names.
  returned: when O(state=present) and not in check mode
  type: bool
seconds:
  description: How long it took.
  returned: when O(state=present) and not in check mode
  type: float
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.hallmark.images.plugins.module_utils.build.run_image import ARGUMENT_SPEC, run_image
from ansible_collections.hallmark.images.plugins.module_utils.qemu.image import QemuImage
from ansible_collections.hallmark.images.plugins.module_utils.qemu.qmp import QMP_ERROR
from ansible_collections.hallmark.images.plugins.module_utils.qemu.restore import restore


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ARGUMENT_SPEC,
            "dest": {"type": "path", "required": True},
            "format": {"type": "str", "choices": ["qcow2", "raw", "vmdk", "vpc"], "default": "qcow2"},
            "compression": {"type": "bool"},
            "shutdown_timeout": {"type": "int", "default": 180},
            "console_log": {"type": "path"},
        },
        supports_check_mode=True,
    )
    if QMP_ERROR:
        module.fail_json(msg=missing_required_lib("qemu.qmp"), exception=QMP_ERROR)
    run_image(module, lambda ledger: QemuImage(module.params, ledger), restore)


if __name__ == "__main__":
    main()
