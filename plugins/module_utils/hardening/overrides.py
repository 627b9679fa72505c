# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes that survive package upgrades, which bring the vendor's back: dpkg's own database, and tmpfiles.d elsewhere."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

STATOVERRIDE = "/var/lib/dpkg/statoverride"
APT_HOOK = "/etc/apt/apt.conf.d/99hallmark-permissions"
_HOOK = (
    'DPkg::Post-Invoke {{ "! command -v systemd-tmpfiles >/dev/null || systemd-tmpfiles --create {path} || :"; }};\n'
)
_HEADER = "# Managed by Ansible, collection hallmark.images; changes here are lost.\n"
# On a system whose /bin is /usr/bin some packages say one name and some the other, and which may change with a release.
_MERGED = (("/usr/bin/", "/bin/"), ("/usr/sbin/", "/sbin/"))


class Wish:
    """What a file is to have after an upgrade too: names of its owner and group, and its mode."""

    __slots__ = ("path", "owner", "group", "mode")

    def __init__(self, path: str, owner: str, group: str, mode: int) -> None:
        self.path, self.owner, self.group, self.mode = path, owner, group, mode


def has_dpkg(tree: Tree) -> bool:
    """Whether dpkg looks after the tree's files."""
    return tree.exists("/var/lib/dpkg/status")


def overrides(text: str) -> dict[str, tuple[str, str, int]]:
    """Owner, group and mode by path of dpkg's database (dpkg-statoverride(1): one line is user, group, mode, path)."""
    found = {}
    for line in text.splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and fields[2] and set(fields[2]) <= set("01234567"):
            found[fields[3]] = (fields[0], fields[1], int(fields[2], 8))
    return found


def names(path: str) -> list[str]:
    """The names under which packages may ship `path`, a path without links."""
    return [path, *(short + path[len(long) :] for long, short in _MERGED if path.startswith(long))]


def add_overrides(text: str, wishes: list[Wish]) -> str:
    """dpkg's database with a line for every name of every wish; other lines stay as they are."""
    want = {name: wish for wish in wishes for name in names(wish.path)}
    kept = [line for line in text.splitlines() if line.split(None, 3)[3:] and line.split(None, 3)[3] not in want]
    kept += [f"{wish.owner} {wish.group} {wish.mode:o} {name}" for name, wish in want.items()]
    return "".join(f"{line}\n" for line in kept)


def tmpfiles(text: str) -> dict[str, str]:
    """The `z` lines of a tmpfiles.d file by path."""
    return {line.split()[1]: line for line in text.splitlines() if line.startswith("z ") and len(line.split()) > 4}


def persist(tree: Tree, wishes: list[Wish], drop_in: str, drop: frozenset[str] = frozenset()) -> bool:
    """Have the wishes survive upgrades; returns whether anything changed.

    dpkg applies its database whenever it unpacks a file. Elsewhere the tmpfiles.d file `drop_in` does it at every boot.
    Both are written in one step, and only for wishes that they do not grant yet. Paths in `drop` lose their lines in
    `drop_in`, which is ours; dpkg's database is the administrator's too.
    """
    if has_dpkg(tree):
        before = tree.read(STATOVERRIDE) or ""
        held = overrides(before)
        new = [
            wish
            for wish in wishes
            if any(held.get(name) != (wish.owner, wish.group, wish.mode) for name in names(wish.path))
        ]
        keys = [(wish.path, _override(held.get(wish.path)), f"{wish.mode:04o}") for wish in new]
        return bool(new) and tree.write(STATOVERRIDE, add_overrides(before, new), 0o644, "root", "root", keys=keys)
    before = tree.read(drop_in) or ""
    lines = {path: line for path, line in tmpfiles(before).items() if path not in drop and tree.exists(path)}
    lines.update({wish.path: f"z {wish.path} {wish.mode:04o} {wish.owner} {wish.group} - -" for wish in wishes})
    if not lines:
        return tree.remove(drop_in)
    return tree.write(drop_in, _HEADER + "".join(f"{lines[path]}\n" for path in sorted(lines)), 0o644, "root", "root")


def _override(held: tuple[str, str, int] | None) -> str:
    return f"{held[2]:04o}" if held else "the package's own"


def boot_modes(tree: Tree, lines: list[str], drop_in: str) -> bool:
    """Have tmpfiles.d give modes back at every boot, and apt after every run of dpkg; returns whether it changed.

    Without lines both files go.
    """
    if not lines or not tree.exists("/usr/lib/tmpfiles.d"):
        return tree.remove(drop_in) | tree.remove(APT_HOOK)
    text = _HEADER + "".join(f"{line}\n" for line in lines)
    changed = tree.write(drop_in, text, 0o644, "root", "root")
    if has_dpkg(tree):
        hook = _HEADER.replace("#", "//") + _HOOK.format(path=drop_in)
        changed |= tree.write(APT_HOOK, hook, 0o644, "root", "root")
    return changed
