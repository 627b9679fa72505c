# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One digest for everything in a definition's folder that decides what the image becomes."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
import typing as t

#: What editors, version control and Python leave behind; none of it goes into an image.
IGNORED: t.Final = (
    "*~", ".*.sw?", "#*#", ".#*", "*.orig", "*.rej", "*.pyc", "__pycache__", ".pytest_cache",
    ".git", ".gitignore", ".gitattributes", ".DS_Store",
)  # fmt: skip


def folder_digest(folder: str, further: t.Iterable[str] = ()) -> str:
    """SHA-256 (hex) over names, executable bits and contents of all files below a folder.

    The same tree gives the same digest on every machine: entries are sorted by name; times, owners and the other
    permission bits (which git does not keep) do not count. A symbolic link counts as what it leads to, because that
    is what a copy to the guest takes; one that leads nowhere, or back to a folder around it, counts as its text.

    Args:
        folder: Folder of the definition.
        further: Absolute paths of files elsewhere that the definition names; those below the folder are ignored.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for name, path in _entries(folder, "", ()):
        _add(digest, name, path)
    for path in sorted(set(further)):
        if os.path.commonpath([folder, path]) != folder:
            _add(digest, os.path.relpath(path, folder), path)
    return digest.hexdigest()


def _entries(folder: str, prefix: str, around: tuple[str, ...]) -> t.Iterator[tuple[str, str]]:
    """Name below the definition and path of each file, in a stable order."""
    around = (*around, os.path.realpath(folder))
    for entry in sorted(os.listdir(folder)):
        if any(fnmatch.fnmatchcase(entry, pattern) for pattern in IGNORED):
            continue
        path = os.path.join(folder, entry)
        if os.path.isdir(path) and os.path.realpath(path) not in around:
            yield from _entries(path, f"{prefix}{entry}/", around)
        else:
            yield prefix + entry, path


def _add(digest: hashlib._Hash, name: str, path: str) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = os.lstat(path)
    except OSError:
        if not os.path.islink(path):
            raise
        status = os.lstat(path)
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        kind = "x" if status.st_mode & stat.S_IXUSR else "-"
    elif os.path.islink(path):
        kind, content = "l", os.readlink(path)
    else:
        kind, content = "s", ""  # a socket, FIFO or device: there is nothing to read, and reading could hang
    digest.update(b"\0".join(os.fsencode(part) for part in (kind, name, content)) + b"\n")
