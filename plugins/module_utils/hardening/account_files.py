# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account files of a tree (passwd, shadow, group, gshadow): parsed, changed line by line, written under their lock.

Lines that are no entries (comments, NIS) are kept as they are. No hash ever reaches a report or a diff.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "/etc/.pwd.lock"  # lckpwdf(3): every program that changes accounts waits for it
_WAIT = 15.0  # seconds, as lckpwdf(3)
NAME, HASH = 0, 1  # in all four
UID, GID, HOME, SHELL = 2, 3, 5, 6  # passwd(5)
CHANGED, LEAST, MOST, WARN, INACTIVE = 2, 3, 4, 5, 6  # shadow(5), days
GROUP_ID, MEMBERS = 2, 3  # group(5); members are at the same place in gshadow(5)
NOLOGIN = ("/usr/sbin/nologin", "/sbin/nologin")  # one program under two names
_NO_SHELLS = (*NOLOGIN, "/bin/false", "/usr/bin/false")
# Number of fields, and those of them that must be numbers.
_SHAPES = {"passwd": (7, (UID, GID)), "shadow": (9, ()), "group": (4, (GROUP_ID,)), "gshadow": (4, ())}
# A hash that is moved to shadow must be there before passwd says so.
_WRITE_ORDER = ("shadow", "gshadow", "group", "passwd")


def is_usable(field: str) -> bool:
    """Whether a password field holds a hash that some password fits; an empty field is another matter."""
    return bool(field) and field != "x" and field[0] not in "!*"


def shown(field: str) -> str:
    """A password field without its hash, for people."""
    if not field.strip("!*x"):
        return field
    return "!(hash)" if field[0] == "!" else "(hash)"


class Account:
    """One entry of passwd, with its entry of shadow (None when there is none)."""

    __slots__ = ("gid", "home", "name", "row", "shadow", "shell", "uid")

    def __init__(self, row: list[str], shadow: list[str] | None) -> None:
        self.row, self.shadow = row, shadow
        self.name, self.home, self.shell = row[NAME], row[HOME], row[SHELL]
        self.uid, self.gid = int(row[UID]), int(row[GID])

    @property
    def has_password(self) -> bool:
        """Whether some password lets the account in."""
        return self.shadow is not None and is_usable(self.shadow[HASH])

    @property
    def is_interactive(self) -> bool:
        """Whether its shell is one."""
        return self.shell not in _NO_SHELLS


class Table:
    """One file; `rows` are its entries, lists of fields. Change them with `set` and `drop` only."""

    def __init__(self, kind: str, text: str) -> None:
        self.path = f"/etc/{kind}"
        self.rows: list[list[str]] = []
        self.odd: list[str] = []
        self.changes: list[tuple] = []
        self._lines: list[str | list[str]] = []
        width, numbers = _SHAPES[kind]
        lines = text.split("\n")
        for line in lines[:-1] if not lines[-1] else lines:
            fields = line.split(":")
            is_entry = len(fields) == width and fields[NAME][:1] not in ("", "+", "-", "#")
            if is_entry and all(fields[number].isdigit() for number in numbers):
                self.rows.append(fields)
                self._lines.append(fields)
            else:
                self._lines.append(line)
                if line.strip() and line[0] not in "+-#":
                    self.odd.append(fields[NAME])

    def named(self, name: str) -> list[list[str]]:
        """Entries of this name; more than one is a mistake, of which the first counts."""
        return [row for row in self.rows if row[NAME] == name]

    def set(self, row: list[str], field: int, value: str, what: str) -> None:
        """Change one field; `what` names it in the report. Nothing happens when it has that value."""
        before = row[field]
        if before == value:
            return
        row[field] = value
        told = (shown(before), shown(value)) if field == HASH else (before, value)
        self.changes.append((f"{row[NAME]} {what}", told[0] or "(empty)", told[1] or "(empty)"))

    def add(self, row: list[str]) -> None:
        """Put an entry at the end."""
        self.rows.append(row)
        self._lines.append(row)
        self.changes.append((row[NAME], "absent", "added"))

    def drop(self, row: list[str]) -> None:
        """Take an entry away."""
        self.rows = [held for held in self.rows if held is not row]
        self._lines = [held for held in self._lines if held is not row]
        self.changes.append((row[NAME], "present", "removed"))

    def text(self) -> str:
        """The whole file."""
        return "".join(f"{line if isinstance(line, str) else ':'.join(line)}\n" for line in self._lines)


def read(tree: Tree) -> dict[str, Table]:
    """The four tables by name; group files may be missing.

    Raises HardeningError when the tree has no passwd or no shadow.
    """
    texts = {kind: tree.read(f"/etc/{kind}") for kind in _SHAPES}
    for kind, help_text in (("passwd", "give the top of a system's tree"), ("shadow", "run pwconv there first")):
        if texts[kind] is None:
            raise HardeningError(f"/etc/{kind} does not exist in {tree.root}; {help_text}")
    return {kind: Table(kind, text or "") for kind, text in texts.items()}


def write(tree: Tree, tables: dict[str, Table]) -> None:
    """Write the tables that changed, each in one step; modes and owners stay."""
    for kind in _WRITE_ORDER:
        table = tables[kind]
        if table.changes and tree.write(table.path, table.text(), keys=table.changes):
            diff = tree.diffs[-1]
            for side in ("before", "after"):
                diff[side] = _without_hashes(diff[side])


def _without_hashes(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) > HASH:
            fields[HASH] = shown(fields[HASH])
        lines.append(":".join(fields))
    return "\n".join(lines)


@contextlib.contextmanager
def locked(tree: Tree, seconds: float = _WAIT) -> Iterator[None]:
    """Hold the lock of the account files; in check mode nothing is locked, because the lock is a file itself."""
    if tree.check_mode:
        yield
        return
    path = tree.real(LOCK)
    try:
        lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        raise HardeningError(f"{os.path.dirname(path)} does not exist; give the top of a system's tree") from None
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise HardeningError(
                        f"{LOCK}: another program has held it for {seconds:g} seconds; "
                        "run again when its change of accounts is done"
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(lock)
