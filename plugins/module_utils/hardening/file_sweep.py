# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sweep of the whole system finds: files that everybody may write, and files that are nobody's."""

from __future__ import annotations

import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.permissions import Permissions
from ansible_collections.hallmark.images.plugins.module_utils.hardening.survey import BITS, Survey, keep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.walk import FOREIGN, fences, walk

_MOST_LISTED = 100  # items that a result names of each kind; the rest is counted


class Found:
    """Paths of one kind: all are counted, the first are named."""

    def __init__(self) -> None:
        self.count, self.paths = 0, []

    def add(self, path: str) -> None:
        """Count one, and name it while there is room."""
        self.count += 1
        if len(self.paths) < _MOST_LISTED:
            self.paths.append(path)

    def result(self) -> dict:
        """For a module's result."""
        return {"count": self.count, "paths": self.paths}


def sweep(rights: Permissions, world_writable: str, unowned: str, skip: list[str], surveys: dict | None = None) -> dict:
    """Go through every local file once.

    :param world_writable: `fix` takes the permission from files and makes folders sticky, `report` only tells,
        `ignore` does not look.
    :param unowned: `root` gives root what belongs to nobody, `report` and `ignore` as above.
    :param skip: folders that are not entered, besides those of containers.
    :param surveys: of the call, which gets one of this walk; None when nobody else asks.
    :returns: what was found of each kind before anything was changed.
    """
    found = {kind: Found() for kind in ("world_writable_files", "world_writable_folders", "unowned")}
    if world_writable == "ignore" and unowned == "ignore":
        return {kind: item.result() for kind, item in found.items()}
    users, groups = Ids(rights.tree, "passwd"), Ids(rights.tree, "group")
    top, survey = rights.tree.root, Survey()
    for place, info in walk(top, fences(top, (*FOREIGN, *skip)), links=unowned != "ignore"):
        mode = info.st_mode
        if mode & BITS and surveys is not None:
            survey.see(place, info)
        want, uid, gid = stat.S_IMODE(mode), None, None
        if mode & 0o002 and world_writable != "ignore":
            if stat.S_ISREG(mode):
                found["world_writable_files"].add(rights.name(place))
                want &= ~0o002
            elif stat.S_ISDIR(mode) and not mode & stat.S_ISVTX:
                found["world_writable_folders"].add(rights.name(place))
                want |= stat.S_ISVTX
            if world_writable == "report":
                want = stat.S_IMODE(mode)
        if unowned != "ignore":
            # Nearly every file is somebody's, and a million of them are to be asked.
            user = info.st_uid in users.known or users.knows(info.st_uid)
            group = info.st_gid in groups.known or groups.knows(info.st_gid)
            if not user or not group:
                found["unowned"].add(rights.name(place))
                if unowned == "root" and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    want &= 0o1777  # whoever set a set-id bit there was not root
                    uid, gid = None if user else 0, None if group else 0
        if (want, uid, gid) != (stat.S_IMODE(mode), None, None):
            rights.change(place, info, want, uid, gid)
    keep(surveys, rights.tree, skip, survey)
    return {kind: item.result() for kind, item in found.items()}


class Ids:
    """Which numbers have a name, by the tree's database, and on the running system by its name services too."""

    def __init__(self, tree: Tree, kind: str) -> None:
        self.known = set()
        self._kind = kind
        self._live = tree.root == "/"
        self._missing: set[int] = set()
        for line in (tree.read(f"/etc/{kind}") or "").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdigit():
                self.known.add(int(fields[2]))

    def knows(self, number: int) -> bool:
        """Whether `number` has a name; a name service is asked once for each."""
        if number in self.known:
            return True
        if number in self._missing or not self._live or not self._ask(number):
            self._missing.add(number)
            return False
        self.known.add(number)
        return True

    def _ask(self, number: int) -> bool:
        import grp
        import pwd

        try:
            return bool(pwd.getpwuid(number) if self._kind == "passwd" else grp.getgrgid(number))
        except KeyError:
            return False
