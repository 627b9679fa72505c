# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module login_banners; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.banners import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "text": {"type": "str", "required": True},
    "files": {"type": "list", "elements": "path", "default": ["/etc/issue", "/etc/issue.net"]},
    "keep": {"type": "list", "elements": "path", "default": ["/etc/motd"]},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    set_all(task.tree, task.params["text"], task.params["files"], task.params["keep"])
    return {}
