# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of sudo: read them in the order in which sudo does, and write a drop-in that cannot break it.

A file that sudo cannot parse locks everybody out of root (sudo before 1.9.3) or does not count. So only a small part of
the grammar of sudoers(5) is written, which needs no parser in an image tree to be right.
"""

from __future__ import annotations

import fnmatch

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

MAIN = "/etc/sudoers"
_HEAD = "# Managed by Ansible, module hallmark.images.sudo_defaults; changes here are lost.\n"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz_")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+-")
_INCLUDES = ("#include", "@include", "#includedir", "@includedir")


def _logical(text: str) -> list[str]:
    """Lines with their continuations joined and comments dropped; `#include` is no comment."""
    found = []
    for line in text.replace("\\\n", " ").split("\n"):
        line = line.strip()
        if line.split(None, 1)[:1] and line.split(None, 1)[0] in _INCLUDES:
            found.append(line)
            continue
        quoted = False
        for place, letter in enumerate(line):
            if letter == '"' and line[place - 1 : place] != "\\":
                quoted = not quoted
            number = line[place + 1 : place + 2].isdigit()  # user or group by number
            if letter == "#" and not quoted and line[place - 1 : place] != "\\" and not number:
                line = line[:place]
                break
        if line.strip():
            found.append(line.strip())
    return found


def is_read(name: str) -> bool:
    """Whether sudo reads a file of this name from an included folder."""
    return "." not in name and not name.endswith("~")


def statements(texts: dict[str, str], path: str = MAIN, seen: tuple = ()) -> list[tuple[str, str]]:
    """Statements `(path of their file, line)` in the order sudo reads them; `texts`: file contents by path."""
    found = []
    for line in _logical(texts.get(path, "")):
        word, _space, rest = line.partition(" ")
        word, rest = (word, rest.strip().strip('"')) if word in _INCLUDES else (line.split(None, 1)[0], "")
        if word not in _INCLUDES:
            found.append((path, line))
            continue
        target = rest if rest[:1] == "/" else f"/etc/{rest}"
        if word.endswith("dir"):
            inside = (name for name in texts if fnmatch.fnmatchcase(name, f"{target.rstrip('/')}/*"))
            files = sorted(name for name in inside if is_read(name.rpartition("/")[2]))
        else:
            files = [target]
        for file in files:
            if file not in seen:
                found += statements(texts, file, (*seen, path))
    return found


def settings(line: str) -> tuple[str, list[tuple[str, str]]] | None:
    """`(scope, [(name, value)])` of a Defaults line, None for any other line.

    The scope is empty or such as `:ann` (sudoers(5)). A flag has the value `yes`, or `no` with `!` before its name.
    """
    if not line.startswith("Defaults"):
        return None
    first, _space, rest = line[8:].replace("\t", " ").partition(" ")
    if first and first[0] not in "@:!>":
        return None
    parts, part, quoted = [], "", False
    for letter in rest:
        quoted = quoted != (letter == '"')
        if letter == "," and not quoted:
            parts.append(part)
            part = ""
        else:
            part += letter
    found = []
    for text in (part.strip() for part in [*parts, part]):
        name, equals, value = text.partition("=")
        name = name.rstrip("+- ")
        if name.startswith("!"):
            found.append((name.lstrip("! "), "no"))
        elif name:
            found.append((name, value.strip().strip('"') if equals else "yes"))
    return first, found


def by_name(text: str) -> dict[str, str]:
    """Settings of one file's Defaults lines, by scope and name: `Defaults use_pty`. Of several the last counts."""
    found = {}
    for _path, line in statements({MAIN: text}):
        scope, pairs = settings(line) or ("", [])
        found.update({f"Defaults{scope} {name}": value for name, value in pairs})
    return found


def check_entry(entry: str) -> str:
    """One setting as a Defaults line takes it; raises HardeningError when it could be anything but one setting."""
    text = entry.strip()
    name, equals, value = text.partition("=")
    plain = name[1:].strip() if name[:1] == "!" and not equals else name.rstrip("+-").strip()
    quoted = value[:1] == '"' and value[-1:] == '"' and len(value) > 1
    good = set(value[1:-1]).isdisjoint('"\\\n') and value[1:-1].isprintable() if quoted else set(value) <= _WORD
    if not plain or not set(plain) <= _NAME or (equals and not value) or not good:
        raise HardeningError(
            f"defaults: {entry!r} is no setting of sudoers(5); write one such as use_pty, !visiblepw or "
            'logfile="/var/log/sudo.log"'
        )
    return text


def drop_in(entries: list[str]) -> str:
    """Text of the drop-in, one line for each setting."""
    return _HEAD + "".join(f"Defaults\t{check_entry(entry)}\n" for entry in entries)


def set_all(tree: Tree, entries: list[str], path: str) -> list[str]:
    """Have sudo read the settings from file `path`; without any, the file goes.

    Returns the paths left alone because sudo is not installed.
    """
    if not is_read(path.rpartition("/")[2]):
        raise HardeningError(
            f"path: sudo reads no file of the name {path}; there may be no dot in it, nor ~ at its end"
        )
    text = tree.read(MAIN)
    if text is None:
        return [MAIN]
    if not entries:
        tree.remove(path)
        return []
    wanted = drop_in(entries)
    if not any(file == path for file, _line in statements({MAIN: text, path: wanted})):
        folder = path.rpartition("/")[0]
        raise HardeningError(f"{MAIN}: does not include {folder}; add the line '#includedir {folder}' at its end")
    tree.write(path, wanted, 0o440, "root", "root")
    return []
