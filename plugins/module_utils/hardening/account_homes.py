# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Home folders: which belong to one account alone, their mode and owner. Only the folder itself is touched.

A home that other accounts use too, or that is a part of the system, is nobody's to close: Debian's _apt has
/nonexistent, www-data has /var/www, bin has /bin.
"""

from __future__ import annotations

import os
import posixpath
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SYSTEM = (
    "/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /lost+found /media /mnt /nonexistent /proc /run /sbin /snap /sys "
    "/tmp /usr /var"
).split()
_OSTREE = "/var/home/"  # where /home points to on image-based systems


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or in it; both are absolute and normal."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def is_private(path: str, is_root: bool = False) -> bool:
    """Whether `path` can be the home of one account: two names deep, not in a folder of the system.

    Root's own may be one name deep (/root).
    """
    home = normal(path)
    if not path.startswith("/") or home.count("/") < (1 if is_root else 2) or home == "/":
        return False
    return home.startswith(_OSTREE) or not any(is_below(home, folder) for folder in _SYSTEM)


def normal(path: str) -> str:
    """Absolute path without doubled slashes, dots or an end slash."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def overlap(path: str, owner: int, others: Iterable[tuple[str, int]]) -> str:
    """The home of another account (`(home, uid)`) that is `path`, in it or around it; empty when there is none.

    In it: 0700 would lock that account out. Around it: that account could put a link in its place.
    """
    home = normal(path)
    for other, uid in others:
        place = normal(other) if other.startswith("/") else "/"
        if uid == owner or place == "/":
            continue
        if is_below(place, home) or (is_private(other) and is_below(home, place)):
            return other
    return ""


def close(tree: Tree, path: str, mode: int, uid: int | None, key: str) -> str:
    """Give the folder its mode and, unless None, its owner; returns why it could not be done, empty when it was."""
    place = os.path.join(tree.real(posixpath.dirname(normal(path))), posixpath.basename(normal(path)))
    try:
        # Opened, not named: nobody can put a link there between the look and the change.
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"is no folder that can be opened: {error.strerror}"
    try:
        held = os.fstat(folder)
        have = (held.st_uid, stat.S_IMODE(held.st_mode))
        want = (have[0] if uid is None else uid, mode)
        if have == want:
            return ""
        if not tree.check_mode:
            if have[0] != want[0]:
                os.fchown(folder, want[0], -1)
            os.fchmod(folder, mode)
        tree.note(path, f"{have[0]} {have[1]:04o}", f"{want[0]} {want[1]:04o}", key)
    except OSError as error:
        return f"could not be changed: {error.strerror}"
    finally:
        os.close(folder)
    return ""
