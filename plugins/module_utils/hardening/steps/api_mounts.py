# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module api_mounts; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.api_mounts import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

MOUNT = {
    "path": {"type": "path", "required": True},
    "source": {"type": "str", "required": True},
    "fstype": {"type": "str", "required": True},
    "options": {"type": "list", "elements": "str", "required": True},
    "families": {"type": "list", "elements": "str", "default": []},
}
OPTIONS = {
    "mounts": {"type": "list", "elements": "dict", "default": [], "options": MOUNT},
    "hidepid": {"type": "int", "choices": [0, 1, 2, 4], "default": 0},
    "hidepid_group": {"type": "str", "default": "proc"},
    "hidepid_services": {"type": "list", "elements": "str", "default": ["systemd-logind.service"]},
    "hidepid_users": {"type": "list", "elements": "str", "default": []},
    "hidepid_families": {"type": "list", "elements": "str", "default": []},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    live = task.is_live()
    return {"failures": set_all(task.tree, task.params, live, task.run), "live": live}
