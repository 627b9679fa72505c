# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a system, live or an image tree: read, replace atomically, report every change.

Runs inside the machine that is hardened, where Python may be slow: nothing but C-backed modules is imported.
"""

from __future__ import annotations

import errno
import os
import stat

_LABEL = "security.selinux"
_TWINS = ("/bin/", "/lib/", "/lib64/", "/sbin/")
_MAX_LINKS = 40  # as the kernel's own limit (path_resolution(7))


class HardeningError(Exception):
    """One line for the user: what is wrong, where, and what would be right.

    `result` holds what a module returns besides, such as what had been changed before.
    """

    def __init__(self, text: str, **result: object) -> None:
        super().__init__(text)
        self.result = result


class Tree:
    """A file tree below `root`; every change goes through it, so check mode and diff are handled once.

    `changes` holds one `{path, key, before, after}` per changed item, `diffs` what Ansible prints with --diff.
    """

    def __init__(self, root: str = "/", check_mode: bool = False) -> None:
        self.root = os.path.abspath(root)
        self.check_mode = check_mode
        self.changes: list[dict] = []
        self.diffs: list[dict] = []
        if not os.path.isdir(self.root):
            raise HardeningError(f"root: {root} is not a directory; give the top of a mounted image or /")

    # --- paths -----------------------------------------------------------------------------------------------

    def real(self, path: str) -> str:
        """The file `path` names inside the tree, links followed without ever leaving the tree."""
        todo, done, links = path.strip("/").split("/"), "", 0
        while todo:
            part = todo.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            step = f"{done}/{part}"
            try:
                target = os.readlink(self._below(step))
            except OSError:
                done = step
                continue
            links += 1
            if links > _MAX_LINKS:
                raise HardeningError(f"{path}: too many symbolic links")
            if target.startswith("/"):
                done = ""
            todo = target.split("/") + todo
        return self._below(done)

    def _below(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    def exists(self, path: str) -> bool:
        """Whether `path` exists in the tree, links followed."""
        return os.path.exists(self.real(path))

    def found(self, path: str) -> str:
        """The name under which `path` exists: its own, or that without (with) /usr before it; empty when under none.

        Where /bin, /lib and /sbin are not merged into /usr (Debian to 11), packages choose one of the two.
        """
        twin = path[len("/usr") :] if path.startswith("/usr/") else f"/usr{path}"
        names = (path, twin) if twin.startswith(_TWINS) or path.startswith(_TWINS) else (path,)
        return next((name for name in names if self.exists(name)), "")

    def names(self, path: str) -> list[str]:
        """Sorted names in directory `path`; empty when there is none."""
        try:
            return sorted(os.listdir(self.real(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, path: str) -> str | None:
        """Text of a file, None when it does not exist. Bytes that are no UTF-8 survive a write unchanged."""
        try:
            with open(self.real(path), encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_bytes(self, path: str) -> bytes:
        """Content of a file, empty when it does not exist."""
        try:
            with open(self.real(path), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return b""

    def id_of(self, name: str, kind: str) -> int:
        """Number of user or group `name` (kind `passwd` or `group`) in the tree's own database, or a number itself."""
        if name.isdigit():
            return int(name)
        for line in (self.read(f"/etc/{kind}") or "").splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) > 2:
                return int(fields[2])
        if name == "root":  # a tree that has no database yet
            return 0
        raise HardeningError(f"{name}: no such name in /etc/{kind} of the target")

    # --- changes ---------------------------------------------------------------------------------------------

    def note(self, path: str, before: object, after: object, key: str | None = None) -> None:
        """Record one changed item."""
        self.changes.append({"path": path, "key": key, "before": before, "after": after})

    def write(
        self,
        path: str,
        text: str,
        mode: int | None = None,
        owner: str | None = None,
        group: str | None = None,
        keys: list[tuple] | None = None,
    ) -> bool:
        """Make file `path` hold `text` with these attributes (None: kept; new files get 0644 root:root).

        The file is replaced in one step and keeps its SELinux label. `keys`: `(key, before, after)` items to report
        in place of one item for the whole file. Returns whether anything differed.
        """
        target = self.real(path)
        before = self.read(path)
        held = os.stat(target) if before is not None else None
        want = (
            mode if mode is not None else stat.S_IMODE(held.st_mode) if held else 0o644,
            self.id_of(owner, "passwd") if owner else held.st_uid if held else 0,
            self.id_of(group, "group") if group else held.st_gid if held else 0,
        )
        have = (stat.S_IMODE(held.st_mode), held.st_uid, held.st_gid) if held else None
        if before != text:
            for item in keys or []:
                self.note(path, item[1], item[2], item[0])
            if not keys:
                self.note(path, "absent" if before is None else "other content", "written", "content")
            self.diffs.append({"before_header": path, "after_header": path, "before": before or "", "after": text})
        if have is not None and have != want:
            self.note(path, _attributes(have), _attributes(want), "attributes")
        if before == text and have == want:
            return False
        if not self.check_mode:
            if before == text:
                os.chown(target, want[1], want[2])
                os.chmod(target, want[0])
            else:
                self._replace(target, text, want, held is not None)
        return True

    def _replace(self, target: str, text: str, want: tuple, existed: bool) -> None:
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        fresh = f"{target}.{os.getpid()}.new"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                file.flush()
                os.fchown(fd, want[1], want[2])
                os.fchmod(fd, want[0])
                if existed:
                    _copy_label(target, fresh)
                os.fsync(fd)  # a power cut must not leave an empty login.defs behind
            os.replace(fresh, target)
        except BaseException:
            os.unlink(fresh)
            raise

    def directory(self, path: str, mode: int = 0o755, owner: str = "root", group: str = "root") -> bool:
        """Make `path` a directory with these attributes."""
        target = self.real(path)
        want = (mode, self.id_of(owner, "passwd"), self.id_of(group, "group"))
        have = None
        if os.path.isdir(target):
            held = os.stat(target)
            have = (stat.S_IMODE(held.st_mode), held.st_uid, held.st_gid)
        elif os.path.lexists(target):
            raise HardeningError(f"{path}: exists and is not a directory")
        if have == want:
            return False
        self.note(path, _attributes(have) if have else "absent", _attributes(want), "directory")
        if not self.check_mode:
            os.makedirs(target, 0o755, exist_ok=True)
            os.chown(target, want[1], want[2])
            os.chmod(target, mode)
        return True

    def link(self, path: str, target: str) -> bool:
        """Make `path` a symbolic link to `target`; anything but a link there is refused."""
        place = os.path.join(self.real(os.path.dirname(path)), os.path.basename(path))
        before = os.readlink(place) if os.path.islink(place) else None
        if before == target:
            return False
        if before is None and os.path.lexists(place):
            raise HardeningError(f"{path}: exists and is not a link")
        self.note(path, before or "absent", target, "link")
        if not self.check_mode:
            os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
            fresh = f"{place}.{os.getpid()}.new"
            os.symlink(target, fresh)
            os.replace(fresh, place)
        return True

    def target(self, path: str) -> str | None:
        """Where link `path` itself points to; None when it is no link."""
        try:
            return os.readlink(os.path.join(self.real(os.path.dirname(path)), os.path.basename(path)))
        except OSError:
            return None

    def remove(self, path: str) -> bool:
        """Make file or link `path` not exist; a directory is refused, other people's files may be in it."""
        place = os.path.join(self.real(os.path.dirname(path)), os.path.basename(path))
        if not os.path.lexists(place):
            return False
        if os.path.isdir(place) and not os.path.islink(place):
            raise HardeningError(f"{path}: is a directory, only files and links are removed")
        self.note(path, "present", "absent", "file")
        self.diffs.append({"before_header": path, "after_header": path, "before": self.read(path) or "", "after": ""})
        if not self.check_mode:
            os.unlink(place)
        return True

    def result(self) -> dict:
        """What a module returns: `changed`, `changes` and `diff`."""
        return {"changed": bool(self.changes), "changes": self.changes, "diff": self.diffs}


def _attributes(want: tuple) -> str:
    return f"{want[1]}:{want[2]} {want[0]:04o}"


def _copy_label(source: str, target: str) -> None:
    try:
        os.setxattr(target, _LABEL, os.getxattr(source, _LABEL))
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise


def octal(text: str, where: str) -> int:
    """`"0440"` as a file mode; `where` names the option in the error."""
    if text.isdigit() and len(text) in (3, 4) and set(text) <= set("01234567"):
        return int(text, 8)
    raise HardeningError(f"{where}: {text!r} is not a mode; write three or four octal digits in quotes, e.g. '0440'")


def set_block(text: str, marker: str, body: str, comment: str = "#") -> str:
    """Text with `body` between two marker lines, put at the end when not there yet; an empty body takes it away."""
    begin, end = f"{comment} BEGIN {marker}", f"{comment} END {marker}"
    kept, inside, place = [], False, None
    lines = text.split("\n")
    for line in lines[:-1] if not lines[-1] else lines:
        if line == begin:
            inside, place = True, len(kept)
        elif line == end and inside:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise HardeningError(f"{begin!r} has no end line; add the line {end!r} after the block")
    if not body and place is None:
        return text
    if body:
        place = len(kept) if place is None else place
        kept[place:place] = [begin, *body.splitlines(), end]
    return "".join(f"{line}\n" for line in kept)
