#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_snapshot
short_description: Keep and restore the state of a running QEMU machine
version_added: 0.1.0
description:
  - Keeps the state of a machine of M(hallmark.images.qemu_builder), disks and memory, and puts the machine back to it.
  - A machine that was booted once is so as new in seconds, for instance between two tests.
  - Connections to the guest do not survive; let Ansible open new ones with C(meta=reset_connection).
  - After a restore the guest's clock goes on from the moment of the snapshot until something sets it.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - the Python package qemu.qmp
extends_documentation_fragment:
  - hallmark.images.attributes
options:
  build_id:
    description: The build that the machine belongs to.
    type: str
    required: true
  machine:
    description: Which machine of the build.
    type: str
    default: builder
  name:
    description: The snapshot's name, a letter and then letters, digits, C(_) and C(-).
    type: str
    default: stock
  state:
    description:
      - With V(present), a snapshot of that name exists; one that exists is not taken anew.
      - With V(restored), the machine is put back to it, and runs on from there.
      - With V(absent), it does not exist.
    type: str
    choices: [present, restored, absent]
    default: present
"""

EXAMPLES = r"""
- name: Keep the machine as it came up
  hallmark.images.qemu_snapshot:
    build_id: "{{ machine.build_id }}"

- name: Put it back
  hallmark.images.qemu_snapshot:
    build_id: "{{ machine.build_id }}"
    state: restored
"""

RETURN = r"""
# Only what every module returns.
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.qmp import QMP_ERROR
from ansible_collections.hallmark.images.plugins.module_utils.qemu.snapshot import run_snapshot


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "build_id": {"type": "str", "required": True},
            "machine": {"type": "str", "default": "builder"},
            "name": {"type": "str", "default": "stock"},
            "state": {"type": "str", "choices": ["present", "restored", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    if QMP_ERROR:
        module.fail_json(msg=missing_required_lib("qemu.qmp"), exception=QMP_ERROR)
    try:
        result = run_snapshot(module.params, module.check_mode)
    except HallmarkError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
