# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module pam_stack; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam_stack import set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

PACKAGE = {
    "name": {"type": "str", "required": True},
    "module": {"type": "str", "required": True},
    "families": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "ignored"], "default": "present"},
}
OPTIONS = {
    "faillock": {"type": "bool", "default": True},
    "faillock_settings": {"type": "dict", "default": {}},
    "quality": {"type": "str", "choices": ["pwquality", "passwdqc", "none"], "default": "pwquality"},
    "pwquality_settings": {"type": "dict", "default": {}},
    "pwquality_file": {"type": "path", "default": "/etc/security/pwquality.conf.d/zz-hallmark.conf"},
    "passwdqc_options": {"type": "str", "default": "min=disabled,disabled,16,12,8", "no_log": False},
    "remember": {"type": "int", "default": 24},
    "nullok": {"type": "bool", "default": False},
    "no_pass_expiry": {"type": "bool", "default": True, "no_log": False},
    "hash": {"type": "str", "choices": ["auto", "yescrypt", "sha512"], "default": "auto"},
    "rounds": {"type": "int", "default": 640000},
    "yescrypt_cost": {"type": "int", "default": 0},
    "extra_features": {"type": "list", "elements": "str", "default": []},
    "absent_profiles": {"type": "list", "elements": "str", "default": []},
    "authselect_profile": {"type": "str", "default": ""},
    "replace_local_changes": {"type": "bool", "default": False},
    "libuser_crypt_style": {"type": "str", "default": "sha512"},
    "packages": {"type": "list", "elements": "dict", "default": [], "options": PACKAGE},
    "root": {"type": "path", "default": "/"},
}


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    before = [] if task.tree.root == "/" else ["chroot", task.tree.root]

    def run(words: list[str]) -> tuple[int, str]:
        code, output, errors = task.run([*before, *words])
        return code, output if code == 0 else f"{output}\n{errors}"

    return set_all(task.tree, task.params, run)
