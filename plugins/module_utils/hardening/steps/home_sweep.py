# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module home_sweep; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.home_sweep import MOUNTS, sweep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "names": {"type": "list", "elements": "str", "default": [".rhosts", ".shosts", ".rlogin", ".netrc", ".forward"]},
    "netrc_allow_users": {"type": "list", "elements": "str", "default": []},
    "top_names": {"type": "list", "elements": "str", "default": [".rhosts", ".netrc"]},
    "max_depth": {"type": "int", "default": 3},
    "files": {
        "type": "list",
        "elements": "path",
        "default": ["/etc/hosts.equiv", "/etc/shosts.equiv", "/etc/ssh/shosts.equiv"],
    },
    "action": {"type": "str", "choices": ["remove", "report"], "default": "remove"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    return sweep(task.tree, task.params, Tree().read(MOUNTS) or "")
