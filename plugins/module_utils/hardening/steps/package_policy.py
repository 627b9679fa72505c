# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module package_policy; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.package_policy import enforce
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}
OPTIONS = {
    "absent": {"type": "list", "elements": "str", "default": []},
    "report": {"type": "list", "elements": "str", "default": []},
    "keep": {"type": "list", "elements": "str", "default": []},
    "present": {"type": "dict", "default": {}},
    "old_kernels": {"type": "bool", "default": False},
    "residual": {"type": "bool", "default": False},
    "autoremove": {"type": "bool", "default": False},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    report = enforce(task.tree, task.params, lambda words: task.run(words, environment=_QUIET))
    for name, who in report["kept"].items():
        task.warn(f"{name} is not removed: {who} needs it")
    for name in report["found"]:
        task.warn(f"{name} is installed; name it in the list of what stays, or have it removed")
    return report
