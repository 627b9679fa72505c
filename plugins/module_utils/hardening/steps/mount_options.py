# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module mount_options; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening import mounts, running_mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "paths": {"type": "dict", "required": True},
    "tmp": {"type": "bool", "default": False},
    "tmp_size": {"type": "str", "default": ""},
    "var_tmp": {"type": "bool", "default": False},
    "live": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""

    def run(command: list[str]) -> None:
        # The folders of graphical sessions are not worth a failure.
        (task.run if command[0] == "systemd-tmpfiles" else task.must)(command)

    tree, waiting = task.tree, []
    plan = mounts.set_all(tree, task.params)
    live = task.is_live() and (task.params["live"] == "true" or running_mounts.same_namespace())
    if live:
        if tree.exists("/run/systemd/system"):
            waiting = running_mounts.hold(tree, plan["starts"])
            if tree.changes and not task.check_mode:
                task.must(["systemctl", "daemon-reload"])
            running_mounts.start(tree, [path for path in plan["starts"] if path not in waiting], run)
        running_mounts.set_flags(tree, plan["flags"])
    if waiting:
        task.warn(f"{', '.join(waiting)}: files are in the way, so it becomes a mount point with the next boot")
    return {"live": live, "next_boot": waiting}
