# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of the local file systems, each once, in one pass: for sweeps over millions of files.

Nothing is followed, nothing is remembered but the folders still to visit and the files with several names, and what
vanishes meanwhile is no error: the machine may be in use.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ansible_collections.hallmark.images.plugins.module_utils.hardening.fstab import MOUNT_TABLE, Mount, mounts

#: Types of file systems that are on a disk of this machine and keep owners and modes. Network file systems are somebody
#: else's, what is on a tmpfs is gone at the next boot, and an overlay shows files that are found in its layers.
LOCAL = frozenset("bcachefs btrfs ext2 ext3 ext4 f2fs jfs nilfs2 reiserfs ubifs xfs zfs".split())
#: Folders that hold whole systems of their own (images and layers of containers), with their own names for the owners.
FOREIGN = (
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/snap",
    "/snap",
)
#: The same for containers of users without root's rights, below their homes.
FOREIGN_ENDS = ("/.local/share/containers", "/.local/share/docker")


class Fences:
    """Which folders a walk enters.

    :param root: top of the tree; `/` is the running system.
    :param skip: absolute paths in the tree that are not entered.
    :param table: what is mounted, None when nobody knows: then the walk stays on the file system of its top.
    """

    def __init__(self, root: str, skip: tuple[str, ...], table: list[Mount] | None) -> None:
        self.closed = {_join(root, path) for path in skip}
        # Without a mount, only subvolumes have a device number of their own.
        self.subvolumes = any(mount.fstype in ("btrfs", "bcachefs") for mount in table or ())
        self.opened: set[str] = set()
        if root == "/":
            self.opened = _visited(table or [])
        self.closed |= {mount.path for mount in table or () if mount.path not in self.opened}

    def is_open(self, path: str) -> bool:
        """Whether folder `path` may be looked at, decided before it is touched: a dead server would answer never."""
        return path not in self.closed and not path.endswith(FOREIGN_ENDS)

    def may_cross(self, path: str) -> bool:
        """Whether folder `path`, which is on another device than the folder it is in, is entered."""
        return path in self.opened or self.subvolumes


def fences(root: str, skip: tuple[str, ...] = FOREIGN, table_file: str = MOUNT_TABLE) -> Fences:
    """The fences for a walk below `root`, by this machine's mount table."""
    try:
        with open(table_file, encoding="utf-8", errors="surrogateescape") as file:
            table = mounts(file.read())
    except OSError:
        table = None
    return Fences(root, skip, table)


def walk(top: str, fences: Fences, links: bool = False) -> Iterator[tuple[str, os.stat_result]]:
    """Path and status of all that is below folder `top`; a file with several names comes once, with one of them.

    `links`: symbolic links come too. Which of the entries of a folder comes first is left to the file system.
    """
    try:
        todo = [(top, os.lstat(top).st_dev)]
    except OSError:
        return
    seen = set()
    while todo:
        folder, device = todo.pop()
        for entry in _entries(folder):
            try:
                if entry.is_symlink():
                    if links:
                        yield entry.path, entry.stat(follow_symlinks=False)
                    continue
                if entry.is_dir(follow_symlinks=False) and not fences.is_open(entry.path):
                    continue
                info = entry.stat(follow_symlinks=False)
            except OSError:  # vanished since it was listed
                continue
            if stat.S_ISDIR(info.st_mode):
                if info.st_dev != device and not fences.may_cross(entry.path):
                    continue
                todo.append((entry.path, info.st_dev))
            elif info.st_nlink > 1:
                name = (info.st_dev, info.st_ino)
                if name in seen:
                    continue
                seen.add(name)
            yield entry.path, info


def _entries(folder: str) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # vanished, or the disk cannot read it
        return


def _join(root: str, path: str) -> str:
    return os.path.join(root, path.strip("/")).rstrip("/") or "/"


def _visited(table: list[Mount]) -> set[str]:
    """Mount points to enter: of local file systems, each of which may be mounted several times, entirely or in part."""
    last = {mount.path: mount for mount in table}  # of several mounts at one place the last hides the others
    found, shown = set(), []
    for mount in sorted(last.values(), key=lambda mount: (len(mount.inner), len(mount.path))):
        if mount.fstype not in LOCAL and mount.path != "/":  # the root of a container is an overlay
            continue
        inner = mount.inner.rstrip("/") + "/"
        if not any(mount.device == device and inner.startswith(whole) for device, whole in shown):
            shown.append((mount.device, inner))
            found.add(mount.path)
    return found
