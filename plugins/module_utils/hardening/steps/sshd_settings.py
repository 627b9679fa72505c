# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and work of module sshd_settings; what they mean stands in the module's documentation."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_known import PROGRAM, fitting
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_settings import (
    MAIN,
    body_of,
    by_key,
    clean,
    is_included,
    set_all,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import Task

_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
OPTIONS = {
    "settings": {"type": "dict", "required": True},
    "optional": {"type": "list", "elements": "str", "default": []},
    "algorithms": {"type": "dict", "default": {}},
    "path": {"type": "path", "default": "/etc/ssh/sshd_config.d/00-hallmark.conf"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "root": {"type": "path", "default": "/"},
}


def reload(task: Task) -> None:
    """Have the running sshd read its files again: it hands new connections what it read when it was started."""
    tree = task.tree
    units = [name for name in ("ssh.service", "sshd.service") for place in _FOLDERS if tree.exists(f"{place}/{name}")]
    if not units or not tree.exists(PROGRAM) or not tree.exists("/run/systemd/system"):
        return
    # On EL a reload with a bad file ends sshd, and with it the only way into the machine.
    code, _out, complaint = task.run([PROGRAM, "-t"])
    if code:
        task.warn(f"sshd was not told to read its settings again, because it rejects them: {complaint.strip()}")
    else:
        task.must(["systemctl", "try-reload-or-restart", units[0]])


def refuse(task: Task, settings: dict) -> None:
    """Raise HardeningError, nothing changed, when the settings would lock somebody out.

    sshd judges them in front of the rest of its configuration, where they will stand. What it complains about without
    them too is no fault of theirs.
    """
    tree, settings = task.tree, clean(settings)
    root_login = {key.lower(): value for key, value in settings.items()}.get("permitrootlogin")
    if root_login == "no" and "SSH_CONNECTION" in os.environ and tree.read("/proc/self/loginuid") == "0":
        raise HardeningError(
            "settings: PermitRootLogin no would close the account that Ansible is logged in with: log in as a user "
            "that becomes root by sudo, or give PermitRootLogin the value 'prohibit-password'"
        )
    if not tree.exists(PROGRAM):
        return
    text = "".join(f"{key} {value}\n" for key, value in settings.items()) + (tree.read(MAIN) or "")
    code, _out, complaint = task.run([PROGRAM, "-t", "-f", "/dev/stdin"], data=text)
    if code and not task.run([PROGRAM, "-t"])[0]:
        raise HardeningError(f"settings: sshd rejects them, nothing was changed: {complaint.strip()}")


def apply(task: Task) -> dict:
    """Bring the system to the options; returns what the module returns besides its changes."""
    tree, options = task.tree, task.params
    wanted, left_out, present = {}, [], options["state"] == "present"
    if present and tree.exists(MAIN):
        wanted, left_out = fitting(tree, options["settings"], options["optional"], options["algorithms"])
    if present and tree.root == "/":
        foreseen = Tree(tree.root, check_mode=True)
        set_all(foreseen, wanted, options["path"], present)
        if foreseen.changes:
            refuse(task, wanted)
    left = set_all(tree, wanted, options["path"], present)
    if tree.changes and not task.check_mode and task.is_live():
        reload(task)
    ours = body_of(clean(wanted)) if is_included(tree.read(MAIN) or "", options["path"]) else ""
    warnings = winning(tree, options["path"], ours, by_key, first_counts=True)
    return {"left_alone": left, "left_out": left_out, "warnings": warnings}
