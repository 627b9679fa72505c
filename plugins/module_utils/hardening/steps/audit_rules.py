# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module audit_rules; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import GROUPS
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "settings": {"type": "dict", "default": {}},
    "rules": {"type": "bool", "default": True},
    "groups": {"type": "list", "elements": "str", "choices": list(GROUPS), "default": list(GROUPS)},
    "extra_rules": {"type": "list", "elements": "str", "default": []},
    "sudo_log": {"type": "str", "default": "/var/log/sudo.log"},
    "immutable": {"type": "bool", "default": False},
    "backlog_limit": {"type": "int", "default": 8192},
    "failure_mode": {"type": "int", "choices": [0, 1, 2], "default": 1},
    "drop_never_task": {"type": "bool", "default": True},
    "private_files": {"type": "bool", "default": True},
    "kernel_cmdline": {"type": "bool", "default": True},
    "mask_journald": {"type": "bool", "default": True},
    "service": {"type": "bool", "default": True},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return set_all(task.tree, task.params, task.run, task.surveys)
