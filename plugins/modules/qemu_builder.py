#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_builder
short_description: Launch and remove a temporary QEMU machine
version_added: 0.1.0
description:
  - Starts a machine over a copy-on-write overlay of a base image, with a NoCloud seed, a key made for this machine
    alone, a port on 127.0.0.1 that leads to its SSH server, and waits until SSH answers and cloud-init is done.
  - The guest's host keys are learned from its serial console before the first connection.
  - Everything that is created stands in the ledger of the build first, so that it can be removed whatever happens.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - qemu-system-x86_64, qemu-img, ssh, ssh-keygen, timeout
  - the Python packages qemu.qmp and pycdlib
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.builder
options:
  source:
    description:
      - Path of the image to start from. It is never written to. Required with O(state=present).
      - In check mode it may be missing, as one that is not made yet; the rest is checked.
    type: path
  source_format:
    description: Its format, for example V(qcow2) or V(raw). Found out when missing.
    type: str
  hostname:
    description: The guest's host name. The machine's name when missing.
    type: str
  user:
    description: The image's default user, who gets the key and may use sudo without a password.
    type: str
    default: debian
  cpus:
    description: Number of processors.
    type: int
    default: 2
  machines_at_once:
    description:
      - How many machines are being started at the same time, this one included.
      - Where QEMU emulates, each processor of a machine keeps one of this computer busy. So a machine then gets no more
        of them than its share of this computer's, and at least one.
    type: int
    default: 1
  memory:
    description: Memory in MiB.
    type: int
    default: 1024
  disk_size:
    description: Size of the system disk, for example V(8G) (binary units). The source's own when missing.
    type: str
  data_disks:
    description: Further disks.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The disk's serial number, which gives it a stable name in the guest
            (C(/dev/disk/by-id/virtio-NAME)). C(data1), C(data2) and so on when missing.
        type: str
      size:
        description: For example V(10G). Required unless O(data_disks[].source) is given.
        type: str
      source:
        description: Path of an image to start from; the disk is an overlay over it.
        type: path
  firmware:
    description: What the machine boots by.
    type: str
    choices: [bios, uefi]
    default: bios
  machine_type:
    description: QEMU's machine type.
    type: str
    default: q35
  accel:
    description:
      - V(auto) takes KVM where the processor's flags and the device say that it can be used, else TCG.
    type: str
    choices: [auto, kvm, tcg]
    default: auto
  user_data:
    description: User data for cloud-init in any format it knows. Never logged.
    type: str
  user_data_file:
    description: The same from a file on the controller.
    type: path
  ssh_port:
    description: Port on 127.0.0.1 that leads to the guest's port 22. V(0) takes a free one.
    type: int
    default: 0
  console_log:
    description: File for the serial console. In the build's state folder when missing.
    type: path
"""

EXAMPLES = r"""
- name: Launch a machine that ends with this playbook
  hallmark.images.qemu_builder:
    source: /srv/images/debian-12.qcow2
    disk_size: 8G
  register: machine

- name: Remove everything of that build
  hallmark.images.qemu_builder:
    build_id: "{{ machine.build_id }}"
    state: absent
"""

RETURN = r"""
build_id:
  description: The build that the machine belongs to.
  returned: always
  type: str
  sample: 20261123t171452-k3f9q2
guest:
  description: How to reach the guest.
  returned: when O(state=present), O(wait=true), and not in check mode
  type: dict
  contains:
    name: {description: The machine's name., type: str, returned: always}
    host: {description: Always 127.0.0.1., type: str, returned: always}
    port: {description: The port that leads to its SSH server., type: int, returned: always}
    user: {description: The user who holds the key., type: str, returned: always}
    private_key_file: {description: Path of the private key., type: str, returned: always}
    known_hosts_file: {description: Path of a file with the guest's host keys., type: str, returned: always}
host_keys:
  description: The guest's host keys, as type and base64.
  returned: with RV(guest)
  type: list
  elements: str
runtime_dir:
  description: A folder with a short path, mode 0700, for sockets.
  returned: with RV(guest)
  type: str
console_log:
  description: Path of the serial console's log.
  returned: with RV(guest)
  type: str
accel:
  description: The accelerator in use, V(kvm) or V(tcg).
  returned: with RV(guest)
  type: str
plan:
  description: What is, or would be, created, in order.
  returned: when O(state=present)
  type: list
  elements: dict
left:
  description: What could not be removed.
  returned: when O(state=absent)
  type: list
  elements: str
state_folder:
  description: Where ledger, key and disks are.
  returned: when O(state=present) and not in check mode
  type: str
expires:
  description: When what is kept ends itself.
  returned: when O(state=kept)
  type: str
kept:
  description: Whether there was anything to keep.
  returned: when O(state=kept)
  type: bool
seconds:
  description: How long it took until the guest was ready.
  returned: when O(state=present) and not in check mode
  type: float
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.hallmark.images.plugins.module_utils.build.run_builder import ARGUMENT_SPEC, run_builder
from ansible_collections.hallmark.images.plugins.module_utils.qemu.provider import QemuProvider
from ansible_collections.hallmark.images.plugins.module_utils.qemu.qmp import QMP_ERROR
from ansible_collections.hallmark.images.plugins.module_utils.qemu.restore import restore
from ansible_collections.hallmark.images.plugins.module_utils.qemu.seed import PYCDLIB_ERROR


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ARGUMENT_SPEC,
            "source": {"type": "path"},
            "source_format": {"type": "str"},
            "hostname": {"type": "str"},
            "user": {"type": "str", "default": "debian"},
            "cpus": {"type": "int", "default": 2},
            "machines_at_once": {"type": "int", "default": 1},
            "memory": {"type": "int", "default": 1024},
            "disk_size": {"type": "str"},
            "data_disks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str"}, "size": {"type": "str"}, "source": {"type": "path"}},
            },
            "firmware": {"type": "str", "choices": ["bios", "uefi"], "default": "bios"},
            "machine_type": {"type": "str", "default": "q35"},
            "accel": {"type": "str", "choices": ["auto", "kvm", "tcg"], "default": "auto"},
            "user_data": {"type": "str", "no_log": True},
            "user_data_file": {"type": "path"},
            "ssh_port": {"type": "int", "default": 0},
            "console_log": {"type": "path"},
        },
        mutually_exclusive=[("user_data", "user_data_file")],
        supports_check_mode=True,
    )
    for library, problem in (("qemu.qmp", QMP_ERROR), ("pycdlib", PYCDLIB_ERROR)):
        if problem:
            module.fail_json(msg=missing_required_lib(library), exception=problem)
    run_builder(module, "qemu", lambda ledger: QemuProvider(module.params, ledger, module.check_mode), restore)


if __name__ == "__main__":
    main()
