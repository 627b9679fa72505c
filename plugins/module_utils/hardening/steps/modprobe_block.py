# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module modprobe_block; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.modprobe import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

OPTIONS = {
    "path": {"type": "path", "default": "/etc/modprobe.d/dev-sec.conf"},
    "mode": {"type": "str", "default": "0644"},
    "modules": {"type": "list", "elements": "str", "required": True},
    "allow": {"type": "list", "elements": "str", "default": []},
    "keep_vfat": {"type": "str", "choices": ["auto", "true", "false"], "default": "auto"},
    "install_command": {"type": "str", "choices": ["/bin/true", "/bin/false"], "default": "/bin/true"},
    "blacklist": {"type": "bool", "default": True},
    "unload": {"type": "bool", "default": True},
    "rebuild_initramfs": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""

    def run(command: list[str]) -> None:
        # rmmod fails when a module came into use meanwhile; what stays loaded is read from the kernel afterwards.
        (task.run if command[0] == "rmmod" else task.must)(command)

    report = set_all(task.tree, task.params, run)
    if report["still_loaded"]:
        task.warn(f"blocked modules in use until the next boot: {', '.join(report['still_loaded'])}")
    return report
