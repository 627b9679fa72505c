# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module ufw_defaults; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task
from ansible_collections.hallmark.images.plugins.module_utils.hardening.ufw import enforce

OPTIONS = {
    "settings": {"type": "dict", "required": True},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    report = enforce(task.tree, task.params["settings"])
    if task.tree.changes and report["enabled"] and not task.check_mode and task.is_live():
        task.must(["ufw", "reload"])
    return report
