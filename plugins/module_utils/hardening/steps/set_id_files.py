# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module set_id_files; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.set_id import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

_PATHS = {"type": "list", "elements": "path", "default": []}
_CHOICE = {"type": "str", "choices": ["report", "strip", "ignore"], "default": "report"}
OPTIONS = {
    "deny": _PATHS,
    "allow": _PATHS,
    "known": _PATHS,
    "unknown": _CHOICE,
    "capabilities": _CHOICE,
    "persist": {"type": "bool", "default": True},
    "skip": _PATHS,
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return set_all(task.tree, task.params, task.surveys)
