# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module sysctl_set; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl_set import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "settings": {"type": "dict", "required": True},
    "path": {"type": "path", "default": "/etc/sysctl.d/zz-hallmark.conf"},
    "mode": {"type": "str", "default": "0440"},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "disable_rivals": {"type": "bool", "default": True},
    "ufw": {"type": "bool", "default": True},
    "lock_modules": {"type": "bool"},
    "ignore_missing": {"type": "bool", "default": True},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    report = set_all(task.tree, task.params)
    failures = report.pop("failures")
    if failures:
        raise HardeningError(f"The kernel refused: {'; '.join(failures)}", **task.tree.result(), **report)
    return report
