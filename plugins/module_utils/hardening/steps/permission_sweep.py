# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module permission_sweep; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening import permissions
from ansible_collections.hallmark.images.plugins.module_utils.hardening.file_sweep import sweep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import octal
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family
from ansible_collections.hallmark.images.plugins.module_utils.hardening.overrides import boot_modes
from ansible_collections.hallmark.images.plugins.module_utils.hardening.su import set_su
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

BOOT_MODES = "/etc/tmpfiles.d/hallmark-permissions.conf"
FILE = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
    "mode_max": {"type": "str"},
    "families": {"type": "list", "elements": "str", "default": []},
}
OPTIONS = {
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE},
    "leave": {"type": "list", "elements": "path", "default": []},
    "programs": {"type": "list", "elements": "path", "default": []},
    "world_writable": {"type": "str", "choices": ["fix", "report", "ignore"], "default": "fix"},
    "unowned": {"type": "str", "choices": ["root", "report", "ignore"], "default": "report"},
    "skip": {"type": "list", "elements": "path", "default": []},
    "logs": {"type": "path"},
    "log_mode_max": {"type": "str", "default": "0640"},
    "homes": {"type": "bool", "default": False},
    "su": {"type": "str", "choices": ["root_only", "group", "vendor"], "default": "vendor"},
    "su_group": {"type": "str", "default": "sugroup"},
    "boot_modes": {"type": "list", "elements": "str", "default": []},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    tree, options = task.tree, task.params
    permissions.check_items(options["files"])
    most = octal(options["log_mode_max"], "log_mode_max")
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    rights = permissions.Permissions(tree)
    permissions.set_items(rights, options["files"], system, options["leave"])
    set_su(tree, rights, options["su"], options["su_group"])
    permissions.close_programs(rights, options["programs"])
    if options["logs"]:
        permissions.close_logs(rights, options["logs"], most)
    odd = permissions.close_homes(rights) if options["homes"] else []
    boot_modes(tree, options["boot_modes"], BOOT_MODES)
    found = sweep(rights, options["world_writable"], options["unowned"], options["skip"], task.surveys)
    return {"failures": rights.failures, "found": found, "odd_dot_files": odd, "family": system}
