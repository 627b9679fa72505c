#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: seal
short_description: Remove a machine's identity and history before it becomes an image
version_added: 0.1.0
description:
  - Does in one call all that turns a machine into the origin of many. Removes who may log in, who the machine is, and
    what it remembers, and gives free blocks back to the disk.
  - The machine must be switched off afterwards, not restarted. The next boot is that of a new machine, with an
    identity of its own.
  - Refuses to run on the machine that Ansible runs on.
author:
  - The hallmark.images developers (@hallmark)
options:
  keep:
    description:
      - Items to leave alone.
    type: list
    elements: str
    choices:
      - authorized_keys
      - cloud_init
      - core_dumps
      - credential_secret
      - dhcp_leases
      - extra_paths
      - histories
      - host_ids
      - host_keys
      - logs
      - machine_id
      - mail
      - package_caches
      - random_seed
      - swap
      - temporary
      - user_caches
    default: []
  users:
    description:
      - Accounts whose authorized keys are removed entirely.
      - When empty, the account that is logged in, and root.
    type: list
    elements: str
    default: []
  public_keys:
    description:
      - Public keys that are removed from the authorized keys of every account, each as a line of such a file.
    type: list
    elements: str
    default: []
  machine_id:
    description:
      - What C(/etc/machine-id) is left with. Of both, systemd makes a new id at the next boot.
      - With V(uninitialized) systemd also takes that boot for the very first one and enables services by their
        presets, which may enable what a hardening has disabled.
    type: str
    choices: [empty, uninitialized]
    default: empty
  extra_paths:
    description:
      - Further files and folders to remove, as absolute paths or shell patterns.
    type: list
    elements: str
    default: []
  trim:
    description:
      - Whether to discard free blocks of all mounted file systems at the end.
    type: bool
    default: true
  force:
    description:
      - Run even where Ansible itself runs on this machine.
    type: bool
    default: false
extends_documentation_fragment:
  - hallmark.images.attributes
"""

EXAMPLES = r"""
- name: Seal
  hallmark.images.seal:
    public_keys:
      - "{{ lookup('ansible.builtin.file', key_file ~ '.pub') }}"

- name: Seal, but keep the logs of the installation
  hallmark.images.seal:
    keep: [logs]
    extra_paths: [/opt/installer]
"""

RETURN = r"""
items:
  description: What was done, or would be done, by item. Items with nothing to do are left out.
  returned: always
  type: dict
  contains:
    paths:
      description: What was removed or emptied; of a folder only the folder.
      type: list
      elements: str
      sample: [/etc/ssh/ssh_host_ed25519_key, /etc/ssh/ssh_host_ed25519_key.pub]
    bytes:
      description: Room on disk that this gave back.
      type: int
      sample: 8192
trimmed:
  description: Bytes discarded by mount point.
  returned: when not in check mode
  type: dict
  sample: {/: 1304166400}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.seal import system
from ansible_collections.hallmark.images.plugins.module_utils.seal.items import ITEMS, Plan
from ansible_collections.hallmark.images.plugins.module_utils.seal.sweeper import Sweeper

SWAP = "swap"


def refuse_early(module: AnsibleModule) -> None:
    """Fail before anything is changed where sealing would destroy a machine that nobody wants destroyed."""
    options = module.params
    if not options["force"] and system.started_by_ansible_here():
        module.fail_json(
            msg="seal: Ansible runs on this very machine, whose identity and history would be lost: "
            "set force (seal_force) to true if that is wanted"
        )
    for path in options["extra_paths"]:
        if not os.path.isabs(path) or not os.path.normpath(path).strip("/*?."):
            module.fail_json(msg=f"seal: extra_paths: {path!r} must be an absolute path below a folder of /")
    if "host_keys" not in options["keep"] and not system.makes_host_keys():
        module.fail_json(
            msg="seal: nothing on this machine makes new SSH host keys at the next boot (no cloud-init, no service): "
            "install one, or keep host_keys"
        )


def seal_swap(module: AnsibleModule) -> Sweeper:
    """Empty the swap spaces in use; what was done, in the form of the other items."""
    account = Sweeper(dry=module.check_mode)
    try:
        with open("/proc/swaps", encoding="utf-8") as handle:
            swaps = system.active_swaps(handle.read())
    except OSError:
        return account
    for path, kind in swaps:
        account.changes.append(path)
        if not module.check_mode:
            account.errors += system.wipe_swap(module.run_command, path, kind)
    return account


def main() -> None:
    """Do each item and report."""
    module = AnsibleModule(
        argument_spec={
            "keep": {"type": "list", "elements": "str", "choices": sorted([*ITEMS, SWAP]), "default": []},
            "users": {"type": "list", "elements": "str", "default": []},
            "public_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "machine_id": {"type": "str", "choices": ["empty", "uninitialized"], "default": "empty"},
            "extra_paths": {"type": "list", "elements": "str", "default": []},
            "trim": {"type": "bool", "default": True},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    options = module.params
    refuse_early(module)
    plan = Plan(
        users=options["users"] or [os.environ.get("SUDO_USER") or "root", "root"],
        public_keys=options["public_keys"],
        machine_id=options["machine_id"],
        extra_paths=options["extra_paths"],
    )
    errors: list[str] = []
    if not module.check_mode:
        if "random_seed" not in options["keep"]:
            errors += system.quiet_shutdown(module.run_command)
        if "logs" not in options["keep"]:
            errors += system.leave_logs(module.run_command)
    done = {}
    own = os.path.dirname(os.path.abspath(__file__))
    for name in [*ITEMS, SWAP]:
        if name in options["keep"]:
            continue
        if name == SWAP:
            sweep = seal_swap(module)
        else:
            sweep = Sweeper(dry=module.check_mode, spare=(own,))
            ITEMS[name](sweep, plan)
        errors += [f"{name}: {error}" for error in sweep.errors]
        if sweep.changes:
            done[name] = {"paths": sweep.changes, "bytes": sweep.freed}
    result = {"changed": bool(done), "items": done}
    if module._diff:
        lines = "".join(f"{path}\n" for item in done.values() for path in item["paths"])
        result["diff"] = {"before_header": "state to remove", "before": lines, "after": ""}
    if not module.check_mode:
        result["trimmed"] = system.trim(module.run_command) if options["trim"] else {}
    if errors:
        module.fail_json(msg="seal: " + "; ".join(errors), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
