# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module sudo_defaults; what they mean stands in the module's documentation."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sudoers import by_name, drop_in, set_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

_VISUDO = "/usr/sbin/visudo"
OPTIONS = {
    "defaults": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "path", "default": "/etc/sudoers.d/zz-hallmark"},
    "root": {"type": "path", "default": "/"},
}


def judge(task: Task, entries: list[str]) -> None:
    """Refuse settings in which visudo finds an error, such as a name that this sudo does not know."""
    if not task.tree.exists(_VISUDO):
        return
    code, said, complaint = task.run([_VISUDO, "-c", "-f", "-"], data=drop_in(entries))
    if code:
        words = " ".join(f"{complaint} {said}".split())
        raise HardeningError(f"defaults: visudo rejects them, nothing was changed: {words}")


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    tree, options = task.tree, task.params
    if options["defaults"] and tree.root == "/":
        foreseen = Tree(tree.root, check_mode=True)
        set_all(foreseen, options["defaults"], options["path"])
        if foreseen.changes:
            judge(task, options["defaults"])
    left = set_all(tree, options["defaults"], options["path"])
    ours = "" if left else drop_in(options["defaults"])
    return {"left_alone": left, "warnings": winning(tree, options["path"], ours, by_name)}
