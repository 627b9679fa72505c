# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see the tables of cron, and who may give jobs to cron and at."""

from __future__ import annotations

import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

# Per list its program, and the group Debian's program runs with: it must be able to read the list, or it tells every
# user of an error where root alone may see that there is a list.
_PROGRAMS = {"cron": ("/usr/bin/crontab", "crontab"), "at": ("/usr/bin/at", "daemon")}
LIST_MODE = 0o640


def private(tree: Tree, path: str) -> bool:
    """Take a table or a folder of tables from group and others and give it to root; False when there is none."""
    try:
        held = os.stat(tree.real(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    mode = stat.S_IMODE(held.st_mode) & ~0o077
    if stat.S_ISDIR(held.st_mode):
        tree.directory(path, mode, "root", str(held.st_gid))
    else:
        tree.write(path, tree.read(path) or "", mode, "root")
    return True


def list_group(tree: Tree, name: str) -> str:
    """Group of the list of `cron` or `at`: the one its program runs with, where that is not root's."""
    program, group = _PROGRAMS[name]
    try:
        held = os.stat(tree.real(program))
    except (FileNotFoundError, NotADirectoryError):
        return "root"
    # cronie's crontab runs as root and needs no group; Debian's has the group's rights only.
    return str(held.st_gid) if held.st_mode & stat.S_ISGID and held.st_gid == _number(tree, group) else "root"


def _number(tree: Tree, group: str) -> int:
    try:
        return tree.id_of(group, "group")
    except HardeningError:
        return -1


def allow(tree: Tree, name: str, users: list[str]) -> None:
    """Let only `users` give jobs to `cron` or `at`, and take the list of the refused away, which nobody reads then."""
    for user in users:
        if not user.strip() or len(user.split()) != 1 or user.startswith("#"):
            raise HardeningError(f"{name}_allow: {user!r} is no name of a user")
    text = "".join(f"{user}\n" for user in users)
    tree.write(f"/etc/{name}.allow", text, LIST_MODE, "root", list_group(tree, name))
    tree.remove(f"/etc/{name}.deny")


def enforce(tree: Tree, options: dict) -> dict:
    """Do what module cron_access promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    absent = [path for path in options["tables"] if not private(tree, path)]
    if options["cron_allow"] is not None:
        allow(tree, "cron", options["cron_allow"])
    if options["at_allow"] is not None:
        # Without at nobody needs a list, and the first user to install it would wonder.
        if tree.exists(_PROGRAMS["at"][0]):
            allow(tree, "at", options["at_allow"])
        else:
            tree.remove("/etc/at.deny")
    return {"absent": absent}
