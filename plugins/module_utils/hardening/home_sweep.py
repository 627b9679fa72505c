# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the homes of all accounts (and near the top of the tree) that let somebody in or give a secret away.

A home is found as a login finds it: through links, but never out of the tree. Of the files themselves nothing is
opened or followed, because they belong to users: one may be a link to anything, or a pipe nobody writes to.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

MOUNTS = "/proc/self/mounts"
NETRC = ".netrc"
# Kernel interfaces: whole trees without files, and costly to walk.
_PSEUDO = ("proc", "sys")
# Homes on these belong to other machines too: what is there is not this machine's to remove.
_SHARED = (
    "9p afs autofs beegfs ceph cifs fuse.glusterfs fuse.sshfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 smb3 smbfs "
    "virtiofs"
).split()
_KINDS = {stat.S_IFLNK: "link", stat.S_IFREG: "file", stat.S_IFDIR: "directory"}


def check_names(names: list[str], option: str) -> None:
    """Refuse what is no name of a hidden file; homes such as / and /bin are swept too, so a slip would cost dearly."""
    for name in names:
        if not name.startswith(".") or "/" in name or not name.strip("."):
            raise HardeningError(f"{option}: {name!r} is not the name of a hidden file; give one such as '.rhosts'")


def shared_mounts(table: str, root: str) -> list[str]:
    """Mount points below `root` that hold a network's or another machine's files; `table` is a mounts(5) text."""
    kinds = {}
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 2:
            path = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
            kinds[path] = fields[2]  # mounts on the same place: the last one is seen
    inside = root.rstrip("/") + "/"
    return [path for path, kind in kinds.items() if kind in _SHARED and path.startswith(inside) and path != inside]


def homes(tree: Tree) -> dict[str, tuple[str, list[str]]]:
    """Each home of the tree's own accounts once: its real folder, with the path in passwd and the users who have it."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in (tree.read("/etc/passwd") or "").splitlines():
        fields = line.split(":")
        if len(fields) < 7 or line.startswith(("+", "-", "#")):
            continue
        home = fields[5] or "/"  # as login takes it
        if home.startswith("/"):
            found.setdefault(_folder(tree, home), (home, []))[1].append(fields[0])
    return found


def _folder(tree: Tree, path: str) -> str:
    return os.path.normpath(tree.real(path))


def near_top(top: str, names: list[str], depth: int, skip: list[str]) -> list[tuple[str, str]]:
    """`(folder, name)` of everything at most `depth` levels below folder `top` that has one of `names`, in any case.

    Links are not followed, folders in `skip` not entered.
    """
    wanted = {name.lower() for name in names}
    skip = [*skip, *(os.path.join(top, name) for name in _PSEUDO)]
    found, level = [], [top]
    for deep in range(depth):
        deeper = []
        for folder in level:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.lower() in wanted:
                            found.append((folder, entry.name))
                        elif deep + 1 < depth and entry.is_dir(follow_symlinks=False) and entry.path not in skip:
                            deeper.append(entry.path)
            except OSError:  # gone meanwhile, or not even root may look (FUSE)
                continue
        level = sorted(deeper)
    return sorted(found)


class Sweep:
    """One walk. `found` holds what is there and should not be, `left` what cannot be told or taken, with the reason."""

    def __init__(self, tree: Tree, remove: bool, mounts: str) -> None:
        self.tree, self.remove = tree, remove
        self.shared = shared_mounts(mounts, tree.root)
        self.found: list[dict] = []
        self.left: list[dict] = []
        self._done: set[tuple[str, str]] = set()

    def folder(self, path: str, folder: str, names: list[str], users: list[str]) -> None:
        """Take `names` out of one folder, which is called `path` in the report."""
        if any(folder == mount or folder.startswith(f"{mount}/") for mount in self.shared):
            self._leave(path, "on a file system that other machines share")
            return
        try:
            # Opened once, and never through a link at its end: who owns the folder cannot put another in its place.
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._leave(path, error.strerror or str(error))
            return
        try:
            for name in names:
                self._file(handle, (folder, name), f"{path.rstrip('/')}/{name}", users)
        finally:
            os.close(handle)

    def _file(self, handle: int, place: tuple[str, str], path: str, users: list[str]) -> None:
        try:
            kind = stat.S_IFMT(os.stat(place[1], dir_fd=handle, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return
        if place in self._done:
            return
        self._done.add(place)
        if kind == stat.S_IFDIR:
            self._leave(path, "a directory, which is never removed")
            return
        self.found.append({"path": path, "users": users})
        if not self.remove:
            return
        self.tree.note(path, _KINDS.get(kind, "special file"), "absent", "file")
        # Not its content: a .netrc is a list of passwords, and diffs end up in logs.
        self.tree.diffs.append({"before_header": path, "after_header": path, "before": "(present)\n", "after": ""})
        if not self.tree.check_mode:
            try:
                os.unlink(place[1], dir_fd=handle)
            except OSError as error:
                raise HardeningError(
                    f"{path}: cannot be removed ({error.strerror}); see lsattr and the mount options of its file system"
                ) from None

    def _leave(self, path: str, reason: str) -> None:
        self.left.append({"path": path, "reason": reason})


def sweep(tree: Tree, options: dict, mounts: str) -> dict:
    """Do what module home_sweep promises; `options` are its own, `mounts` the text of mounts(5).

    Changes are in `tree`, the rest is returned. Raises HardeningError for names that are none.
    """
    names, top_names, allowed = options["names"], options["top_names"], options["netrc_allow_users"]
    check_names(names, "names")
    check_names(top_names, "top_names")
    if options["max_depth"] < 0:
        raise HardeningError(f"max_depth: {options['max_depth']} is no depth; give 0 (do not look) or more")
    walk = Sweep(tree, options["action"] == "remove", mounts)
    for path in options["files"]:
        parent, _slash, name = path.rpartition("/")
        if not parent.startswith("/") or name in ("", ".", ".."):
            raise HardeningError(
                f"files: {path!r} is not the absolute path of a file; give one such as /etc/hosts.equiv"
            )
        walk.folder(parent, _folder(tree, parent), [name], [])
    places = homes(tree)
    keeping = {folder for folder, (_path, users) in places.items() if set(users) & set(allowed)}
    for folder, (path, users) in places.items():
        walk.folder(path, folder, [name for name in names if folder not in keeping or name != NETRC], users)
    for folder, name in near_top(tree.root, top_names, options["max_depth"], walk.shared):
        if folder not in keeping or name != NETRC:
            path, users = places.get(folder, (folder[len(tree.root.rstrip("/")) :] or "/", []))
            walk.folder(path, folder, [name], users)
    return {"found": walk.found, "left_alone": walk.left}
