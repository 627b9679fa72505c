# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System groups, in the text of a tree's own databases: there may be no program to run in an image."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

_SYSTEM_IDS = range(999, 99, -1)  # downwards, as groupadd --system does it
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def members(text: str, name: str) -> list[str] | None:
    """Members of group `name` by the text of /etc/group; None when there is no such group."""
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 3:
            return [member for member in fields[3].split(",") if member]
    return None


def add_group(tree: Tree, name: str) -> int:
    """Make system group `name` exist, with no members and no password if it is new; returns its number."""
    if not set(name) <= _LETTERS or not name[:1].isalpha():
        raise HardeningError(f"group {name!r} is no name of a group; give one of small letters, digits, _ and -")
    text = tree.read("/etc/group") or ""
    if members(text, name) is not None:
        return tree.id_of(name, "group")
    users = tree.read("/etc/passwd") or ""
    used = {line.split(":")[2] for line in text.splitlines() if line.count(":") > 2}
    used |= {line.split(":")[3] for line in users.splitlines() if line.count(":") > 3}
    number = next((number for number in _SYSTEM_IDS if str(number) not in used), None)
    if number is None:
        raise HardeningError(f"/etc/group: no number between 100 and 999 is left for group {name}")
    tree.write("/etc/group", _with_line(text, f"{name}:x:{number}:"), keys=[(name, "absent", str(number))])
    shadow = tree.read("/etc/gshadow")
    if shadow is not None and not any(line.startswith(f"{name}:") for line in shadow.splitlines()):
        tree.write("/etc/gshadow", _with_line(shadow, f"{name}:!::"), keys=[(name, "absent", "no password")])
    return number


def add_members(tree: Tree, name: str, users: list[str]) -> bool:
    """Make those of `users` that exist members of group `name`; returns whether one was not."""
    known = {line.split(":")[0] for line in (tree.read("/etc/passwd") or "").splitlines()}
    changed = False
    for path in ("/etc/group", "/etc/gshadow"):
        lines = (tree.read(path) or "").splitlines()
        for number, line in enumerate(lines):
            fields = line.split(":")
            if fields[0] != name or len(fields) != 4:
                continue
            held = [member for member in fields[3].split(",") if member]
            new = [user for user in users if user in known and user not in held]
            if new:
                lines[number] = ":".join([*fields[:3], ",".join([*held, *new])])
                text = "".join(f"{line}\n" for line in lines)
                changed = tree.write(path, text, keys=[(name, fields[3], ",".join([*held, *new]))])
    return changed


def _with_line(text: str, line: str) -> str:
    return f"{text}{line}\n" if text.endswith("\n") or not text else f"{text}\n{line}\n"
