# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module data_disks; what they mean stands in the module's documentation."""

from __future__ import annotations

import sys

from ansible_collections.hallmark.images.plugins.module_utils.hardening import (
    data_disk_program,
    data_disks,
    fstab,
    mounts,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

DISK = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path", "required": True},
    "filesystem": {"type": "str", "choices": sorted(data_disks.LABELS), "default": "ext4"},
    "serial": {"type": "str"},
    "ebs": {"type": "str"},
    "position": {"type": "int"},
    "options": {"type": "list", "elements": "str", "default": ["nodev", "nosuid"]},
    "label": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0755"},
}
OPTIONS = {
    "disks": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": DISK,
        "mutually_exclusive": [("serial", "ebs", "position")],
    },
    "timeout": {"type": "int", "default": 20},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    tree, timeout = task.tree, task.params["timeout"]
    if not 1 <= timeout <= 3600:
        raise HardeningError(f"timeout: {timeout}: give 1 to 3600 seconds")
    disks = data_disks.check(task.params["disks"])
    is_live = task.is_live()
    data_disks.put(tree, disks, timeout, sys.executable if is_live else "/usr/bin/python3")
    if tree.changes:
        task.reload_systemd()
    missing = mount(task, disks) if is_live and tree.exists("/run/systemd/system") else []
    return {"missing": missing}


def mount(task: Task, disks: list[dict]) -> list[str]:
    """Mount the disks that are there and not mounted; returns the names of those that are not there."""
    table, missing = fstab.mounts(task.tree.read(fstab.MOUNT_TABLE) or ""), []
    for disk in disks:
        if fstab.mounted(disk["path"], table):
            continue
        try:
            there = data_disk_program.find(disk, disks)
        except data_disk_program.DiskError as error:
            raise HardeningError(f"disks: {disk['name']}: {error}") from None
        if not there:
            missing.append(disk["name"])
            continue
        if not task.check_mode:
            task.must([data_disks.PROGRAM, "prepare", disk["name"]])  # tells what is wrong, which systemctl does not
            task.must(["systemctl", "start", mounts.unit_name(disk["path"])])
        task.tree.note(disk["path"], "not mounted", f"/dev/{there}", "mount")
    return missing
