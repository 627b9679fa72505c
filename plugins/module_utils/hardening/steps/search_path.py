# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module search_path; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.search_path import FILES, clean_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "scope": {"type": "list", "elements": "str", "choices": list(FILES), "default": list(FILES)},
    "extra_files": {"type": "list", "elements": "path", "default": []},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    findings = clean_all(task.tree, task.params["scope"], task.params["extra_files"])
    for found in findings:
        task.warn(f"{found['path']}: PATH: {found['problem']}; take it out by hand")
    return {"findings": findings}
