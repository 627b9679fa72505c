# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
from collections.abc import Callable


class Sweeper:
    """Removes and empties files below a folder, and keeps account of it. Symbolic links are never followed.

    :param root: the folder that stands for ``/``.
    :param dry: only keep account of what would be done.
    :param spare: paths that must stay, with all that lies below them.
    """

    def __init__(self, root: str = "/", dry: bool = False, spare: tuple[str, ...] = ()) -> None:
        self.root = root
        self.dry = dry
        self.spare = tuple(os.path.realpath(path) for path in spare)
        self.changes: list[str] = []
        self.errors: list[str] = []
        self.freed = 0
        self._seen: set[str] = set()

    def path(self, name: str) -> str:
        """Where a file of the machine lies."""
        return os.path.join(self.root, name.lstrip("/"))

    def find(self, pattern: str) -> list[str]:
        """The files that match a shell pattern (names that begin with a dot only where the pattern says so), sorted."""
        return sorted(glob.glob(self.path(pattern)))

    def remove(self, *patterns: str, files_only: bool = False) -> None:
        """Remove files, and folders with all they hold; what lies on another file system stays.

        :param files_only: leave folders alone.
        """
        for pattern in patterns:
            for path in self.find(pattern):
                if not files_only or os.path.isfile(path):
                    self._remove(path)

    def empty(self, *patterns: str) -> None:
        """Cut files to nothing; owner, mode and name stay, and who has them open goes on writing."""
        for pattern in patterns:
            for path in self.find(pattern):
                status = os.lstat(path)
                if not stat.S_ISREG(status.st_mode) or not status.st_size or self._spared(path):
                    continue
                self._do(path, status, lambda path=path: os.truncate(path, 0))

    def write(self, name: str, text: str, mode: int) -> None:
        """Give a file new contents, where it has others."""
        path = self.path(name)
        try:
            status = os.lstat(path)
            with open(path, encoding="utf-8", errors="replace") as handle:
                if stat.S_ISREG(status.st_mode) and handle.read() == text:
                    return
        except FileNotFoundError:
            status = None
        except OSError as error:
            self.errors.append(f"{error.filename}: {error.strerror}")
            return
        self._do(path, status, lambda: self._replace(path, text, mode))

    def link(self, name: str, target: str) -> None:
        """Make a name a symbolic link, where it is a file."""
        path = self.path(name)
        if os.path.lexists(path) and not os.path.islink(path):
            self._do(path, os.lstat(path), lambda: (os.unlink(path), os.symlink(target, path)))

    @staticmethod
    def _replace(path: str, text: str, mode: int) -> None:
        temporary = path + ".seal"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as handle:
            handle.write(text)
            os.fchmod(handle.fileno(), mode)
        os.rename(temporary, path)

    def _spared(self, path: str) -> str:
        """``all`` when a path must stay, ``part`` when something below it must, else nothing."""
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if any(real == kept or real.startswith(kept + os.sep) for kept in self.spare):
            return "all"
        return "part" if any(kept.startswith(real + os.sep) for kept in self.spare) else ""

    def _remove(self, path: str, note: bool = True) -> bool:
        """Remove a path.

        :param note: whether to keep account of it; not where the folder is removed as well.
        :returns: whether it is gone.
        """
        try:
            status = os.lstat(path)
        except OSError:
            return True
        folder = stat.S_ISDIR(status.st_mode)
        spared = self._spared(path)
        if spared == "all" or (spared and not folder):
            return False
        if not folder:
            return self._do(path, status, lambda: os.unlink(path), note)
        if status.st_dev != os.lstat(os.path.dirname(path)).st_dev:
            return False
        whole = not spared
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            whole = self._remove(entry.path, note and bool(spared)) and whole
        return whole and self._do(path, status, lambda: _remove_folder(path), note)

    def _do(self, path: str, status: os.stat_result | None, action: Callable[[], object], note: bool = True) -> bool:
        """Do one thing to a path, or only keep account of it; whether that was possible."""
        name = "/" + os.path.relpath(path, self.root)
        if name in self._seen:
            return True
        try:
            if not self.dry:
                action()
        except OSError as error:
            self.errors.append(f"{path}: {error.strerror}")
            return False
        self._seen.add(name)
        if note:
            self.changes.append(name)
        if status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            self.freed += status.st_blocks * 512
        return True


def _remove_folder(path: str) -> None:
    """Remove a folder that was emptied; once more with all it holds, where something wrote into it meanwhile."""
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        shutil.rmtree(path)
