# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module selinux_config; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.selinux import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "state": {"type": "str", "choices": ["enforcing", "permissive"], "default": "enforcing"},
    "policy": {"type": "str", "default": "targeted"},
    "from_disabled": {"type": "bool", "default": False},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return set_all(task.tree, task.params)
