# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module repo_policy; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.repositories import enforce
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "main": {"type": "dict", "default": {}},
    "repositories": {"type": "dict", "default": {}},
    "exempt": {"type": "list", "elements": "str", "default": []},
    "disable": {"type": "list", "elements": "str", "default": []},
    "disable_clear_text": {"type": "bool", "default": False},
    "remove_files": {"type": "list", "elements": "str", "default": []},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return enforce(task.tree, task.params)
