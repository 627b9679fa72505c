# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module kernel_command_line; what they mean stands in the module's documentation."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening.boot_loader import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "arguments": {"type": "list", "elements": "str", "required": True},
    "absent": {"type": "list", "elements": "str", "default": []},
    "apparmor": {"type": "bool", "default": False},
    "drop_in": {"type": "path", "default": "/etc/default/grub.d/zz-hallmark-boot.cfg"},
    "password_hash": {"type": "str", "default": "", "no_log": True},
    "superuser": {"type": "str", "default": "root"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return set_all(task.tree, task.params, task.run, os.uname().machine)
