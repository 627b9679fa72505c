# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module login_defs; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.login_defs import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "settings": {"type": "dict", "required": True},
    "family_settings": {"type": "dict", "default": {}},
    "overrides": {"type": "dict", "default": {}},
    "encrypt_method": {"type": "str", "choices": ["auto", "yescrypt", "sha512"], "default": "auto"},
    "inactive_days": {"type": "int", "default": -1},
    "shell_umask": {"type": "bool", "default": True},
    "umask_script": {"type": "path", "default": "/etc/profile.d/zz-hallmark-umask.sh"},
    "mode": {"type": "str", "default": "0444"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return set_all(task.tree, task.params)
