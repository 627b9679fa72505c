# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners and permissions: a list of files, programs, logs and homes."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, octal
from ansible_collections.hallmark.images.plugins.module_utils.hardening.walk import fences, walk

#: Logs of logins, which programs of group utmp write and everybody's `last` reads, with the most they may have.
LOGIN_LOGS = {"wtmp": 0o664, "lastlog": 0o664, "btmp": 0o660}
#: What a home's history files are called; they hold commands, and with them secrets.
HISTORIES = frozenset(
    ".ash_history .bash_history .lesshst .mysql_history .node_repl_history .psql_history .python_history"
    " .rediscli_history .sh_history .sqlite_history .viminfo .zsh_history".split()
)
_NO_LOGIN = ("/nologin", "/false", "/sync", "/shutdown", "/halt")


class Permissions:
    """Changes owners and permissions below a tree, and remembers what could not be changed in `failures`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.fences = fences(tree.root)
        self.failures: list[dict] = []

    def name(self, place: str) -> str:
        """The path in the tree of a file of this machine, fit for a report whatever bytes it has."""
        path = place if self.tree.root == "/" else place[len(self.tree.root) :] or "/"
        return os.fsencode(path).decode("utf-8", "backslashreplace")

    def change(
        self, place: str, held: os.stat_result, mode: int, uid: int | None = None, gid: int | None = None
    ) -> bool:
        """Give the file or folder that was `held` these attributes (None: kept); returns whether anything differed.

        A link that somebody has put in its place meanwhile is not followed, and another file there is left alone.
        """
        want = (mode, held.st_uid if uid is None else uid, held.st_gid if gid is None else gid)
        have = (stat.S_IMODE(held.st_mode), held.st_uid, held.st_gid)
        if have == want:
            return False
        if not self.tree.check_mode:
            try:
                self._change(place, held, want)
            except FileNotFoundError:
                return False
            except OSError as error:
                self.failures.append({"path": self.name(place), "reason": os.strerror(error.errno or errno.EIO)})
                return False
        self.tree.note(self.name(place), _text(have), _text(want), "attributes")
        return True

    def _change(self, place: str, held: os.stat_result, want: tuple[int, int, int]) -> None:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            now = os.fstat(handle)
            if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino):
                raise OSError(errno.ESTALE, "changed meanwhile")
            if (now.st_uid, now.st_gid) != want[1:]:
                os.fchown(handle, want[1], want[2])  # first: it takes set-id bits away
            os.fchmod(handle, want[0])
            if stat.S_IMODE(os.fstat(handle).st_mode) != want[0]:  # vfat says yes and keeps the mount's own
                raise OSError(errno.ENOTSUP, "kept")
        finally:
            os.close(handle)


def _text(have: tuple[int, int, int]) -> str:
    return f"{have[1]}:{have[2]} {have[0]:04o}"


def expand(tree: Tree, pattern: str) -> list[str]:
    """Paths in the tree that `pattern` names; only its last part may have wildcards, which match no leading dot."""
    folder, _slash, last = pattern.rpartition("/")
    if not any(char in last for char in "*?["):
        return [pattern]
    hidden = last.startswith(".")
    return [
        f"{folder}/{name}"
        for name in tree.names(folder)
        if fnmatch.fnmatchcase(name, last) and name.startswith(".") == hidden
    ]


def check_items(items: list[dict]) -> None:
    """Raise HardeningError for an item of option `files` that cannot be meant."""
    for item in items:
        where = f"files: {item['path']}"
        if not item["path"].startswith("/"):
            raise HardeningError(f"{where}: is no absolute path")
        if item["mode"] and item["mode_max"]:
            raise HardeningError(f"{where}: mode and mode_max exclude each other; mode_max takes bits away only")
        for key in ("mode", "mode_max"):
            if item[key]:
                octal(item[key], f"{where}: {key}")


def set_items(rights: Permissions, items: list[dict], family: str, leave: list[str]) -> None:
    """Bring files and folders that exist to the owner, group and mode of their items.

    :param family: of the system; items may be for some families only.
    :param leave: paths that are not touched.
    """
    tree = rights.tree
    for item in items:
        if item["families"] and family not in item["families"]:
            continue
        for path in expand(tree, item["path"]):
            place = tree.real(path)
            if path in leave or rights.name(place) in leave:
                continue
            try:
                held = os.lstat(place)
            except OSError:
                continue
            if not (stat.S_ISDIR(held.st_mode) or stat.S_ISREG(held.st_mode)):
                continue
            mode = stat.S_IMODE(held.st_mode)
            if item["mode"]:
                mode = octal(item["mode"], "mode")
            elif item["mode_max"]:
                mode &= octal(item["mode_max"], "mode_max")
            uid = tree.id_of(item["owner"], "passwd") if item["owner"] else None
            gid = tree.id_of(item["group"], "group") if item["group"] else None
            rights.change(place, held, mode, uid, gid)


def close_programs(rights: Permissions, folders: list[str]) -> None:
    """Take the write permission of group and others from all programs in the folders of the search path.

    Folders are visited once though they have several names (/bin is /usr/bin), and a program that is a link counts as
    what it points to.
    """
    tree, seen = rights.tree, set()
    for folder in folders:
        top = tree.real(folder)
        try:
            held = os.stat(top)
        except OSError:
            continue
        if (held.st_dev, held.st_ino) in seen or not stat.S_ISDIR(held.st_mode):
            continue
        seen.add((held.st_dev, held.st_ino))
        for place, info in walk(top, rights.fences, links=True):
            target = place
            if stat.S_ISLNK(info.st_mode):
                target = tree.real(place[len(tree.root.rstrip("/")) :])
                try:
                    info = os.lstat(target)
                except OSError:  # a link to nowhere
                    continue
            if stat.S_ISREG(info.st_mode) and info.st_mode & 0o022:
                rights.change(target, info, stat.S_IMODE(info.st_mode) & ~0o022)


def close_logs(rights: Permissions, folder: str, most: int) -> None:
    """Take from every file below `folder` the permissions that are not in `most`; those of logins may have more."""
    top = rights.tree.real(folder)
    for place, info in walk(top, rights.fences):
        if stat.S_ISREG(info.st_mode):
            base = place.rpartition("/")[2].partition(".")[0].partition("-")[0]
            allowed = most | LOGIN_LOGS.get(base, 0)
            rights.change(place, info, stat.S_IMODE(info.st_mode) & allowed)


def homes(tree: Tree) -> list[tuple[int, int, str]]:
    """Number, group and home of root and of everybody who may log in; homes that several share come once."""
    found, seen = [], set()
    for line in (tree.read("/etc/passwd") or "").splitlines():
        fields = line.split(":")
        if len(fields) < 7 or not fields[2].isdigit() or not fields[3].isdigit() or fields[6].endswith(_NO_LOGIN):
            continue
        uid, home = int(fields[2]), fields[5].rstrip("/")
        if (uid == 0 or 1000 <= uid < 65534) and home.startswith("/") and home not in seen:
            seen.add(home)
            found.append((uid, int(fields[3]), home))
    return found


def close_homes(rights: Permissions) -> list[str]:
    """Make dot files of homes writable by their owners alone and histories private.

    Returns what only a person can judge: dot files of somebody else, and .forward files.
    """
    odd = []
    for uid, gid, home in homes(rights.tree):
        top = rights.tree.real(home)
        try:
            names = sorted(os.listdir(top))
        except OSError:
            continue
        for name in names:
            place = f"{top}/{name}"
            try:
                held = os.lstat(place)
            except OSError:
                continue
            if not name.startswith(".") or not (stat.S_ISREG(held.st_mode) or stat.S_ISDIR(held.st_mode)):
                continue
            if name == ".forward" or (held.st_uid, held.st_gid) != (uid, gid):
                odd.append(rights.name(place))
            # A second name of somebody else's file must not give a user a say in its permissions.
            if held.st_uid == uid and (held.st_nlink == 1 or stat.S_ISDIR(held.st_mode)):
                most = 0o600 if name in HISTORIES else 0o7755
                rights.change(place, held, stat.S_IMODE(held.st_mode) & most)
    return odd
