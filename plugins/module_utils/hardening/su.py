# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use su: a rule of pam_wheel, the group it asks for, and the program's own permissions."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.groups import add_group
from ansible_collections.hallmark.images.plugins.module_utils.hardening.overrides import Wish, persist
from ansible_collections.hallmark.images.plugins.module_utils.hardening.permissions import Permissions

PAM = "/etc/pam.d/su"
PROGRAM = "/bin/su"
DROP_IN = "/etc/tmpfiles.d/hallmark-su.conf"


def is_rule(line: str) -> bool:
    """Whether a line of a PAM file demands membership of a group; `trust` and `deny` are other uses of the module."""
    words = line.partition("#")[0].split()
    return (
        len(words) > 2
        and words[:2] == ["auth", "required"]
        and words[2].rpartition("/")[2] == "pam_wheel.so"
        and not {"trust", "deny"} & set(words)
    )


def set_rule(text: str, group: str) -> str:
    """Text of su's PAM file that asks everybody but root for membership of `group`.

    The rule stands right after pam_rootok, so that root needs neither group nor password and nothing else lets others
    in before. Raises HardeningError for a file without pam_rootok.
    """
    rule = f"auth       required   pam_wheel.so use_uid group={group}"
    lines = [line for line in text.splitlines() if not is_rule(line)]
    for number, line in enumerate(lines):
        words = line.partition("#")[0].split()
        if len(words) > 2 and words[:2] == ["auth", "sufficient"] and words[2].endswith("pam_rootok.so"):
            return "".join(f"{line}\n" for line in [*lines[: number + 1], rule, *lines[number + 1 :]])
    raise HardeningError(f"{PAM}: has no line 'auth sufficient pam_rootok.so', without which root could not use su")


def restrict(tree: Tree, group: str) -> int | None:
    """Have PAM let only members of `group`, made when missing, use su; returns the group's number.

    Nothing is done, and None returned, where su is not installed.
    """
    text = tree.read(PAM)
    if text is None:
        return None
    number = add_group(tree, group)
    new = set_rule(text, group)
    if new != text:
        before = [" ".join(line.split()) for line in text.splitlines() if is_rule(line)]
        tree.write(PAM, new, keys=[("pam_wheel", before[0] if before else "no rule", f"group {group}")])
    return number


def set_su(tree: Tree, rights: Permissions, choice: str, group: str) -> None:
    """Restrict su as option `su` of module permission_sweep says, so that it survives an upgrade too.

    `root_only`: besides the rule of PAM only root may start the program, which has no set-id bit. `group`: besides it
    members of the group may. `vendor`: nothing is done.
    """
    if choice == "vendor":
        return
    number = restrict(tree, group)
    place = tree.real(PROGRAM)
    try:
        held = os.lstat(place)
    except OSError:
        return
    if number is None:  # a su that asks no PAM
        number, group = tree.id_of("root", "group"), "root"
    if choice == "root_only":
        number, group, mode = tree.id_of("root", "group"), "root", 0o750
    else:
        mode = 0o4750
    rights.change(place, held, mode, tree.id_of("root", "passwd"), number)
    persist(tree, [Wish(rights.name(place), "root", group, mode)], DROP_IN)
