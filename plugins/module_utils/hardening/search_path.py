# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search paths (PATH) that files of the system set: which elements mean the current directory, and taking them out.

An element that is empty, `.` or relative lets whoever owns the current directory decide what root runs.
"""

from __future__ import annotations

import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

#: Kind of file -> where, in its lines, a path begins.
_STARTS = {
    "shell": re.compile(r"(?:(?<=[\s;&|(])|^)PATH="),
    "login_defs": re.compile(r"^\s*ENV_(?:PATH|SUPATH|ROOTPATH)[\s=]+(?:PATH=)?"),
    "sudoers": re.compile(r"^\s*Defaults\b[^#]*?\bsecure_path\s*\+?=\s*"),
}
# Whoever changes the folder changes these.
_HERE = re.compile(r"\$PWD\b|\$\{PWD\}|\$\(pwd\)|`pwd`")

_HOME_FILES = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc")
#: Scope of module search_path -> its files; a name that ends with / is a folder.
FILES = {
    "environment": ("/etc/environment", "/etc/environment.d/"),
    "login_defs": ("/etc/login.defs",),
    "profile": (
        "/etc/profile",
        "/etc/profile.d/",
        "/etc/bash.bashrc",
        "/etc/bashrc",
        "/etc/zshenv",
        "/etc/zprofile",
        "/etc/zsh/zshenv",
        "/etc/zsh/zprofile",
    ),
    "sudoers": ("/etc/sudoers", "/etc/sudoers.d/"),
    "cron": ("/etc/crontab", "/etc/anacrontab", "/etc/cron.d/"),
}


def kind_of(path: str) -> str:
    """Kind of file, by its name."""
    if path == "/etc/login.defs":
        return "login_defs"
    return "sudoers" if path.startswith("/etc/sudoers") else "shell"


def split(value: str) -> list[str]:
    """Elements of a path; colons of `${x:-y}`, `$(x)` and backquotes separate nothing."""
    elements, element, depth, backquote = [], "", 0, False
    for place, sign in enumerate(value):
        if sign in "{(" and value[place - 1 : place] == "$":
            depth += 1
        elif sign in "})" and depth:
            depth -= 1
        elif sign == "`":
            backquote = not backquote
        if sign == ":" and not depth and not backquote:
            elements.append(element)
            element = ""
        else:
            element += sign
    return [*elements, element]


def is_bad(element: str) -> bool:
    """Whether an element is, or is below, the current directory; what a variable holds cannot be known here."""
    return element[:1] not in ("/", "~", "$", "`", "@", "\\") or bool(_HERE.match(element))


def word_end(text: str, start: int, stops: str = ";&|)") -> int:
    """Where the shell word that begins at `start` ends: before space or one of `stops`."""
    quote, depth, place = "", 0, start
    while place < len(text):
        sign = text[place]
        if sign == "\\" and quote != "'":
            place += 1
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'`":
            quote = sign
        elif sign in "{(" and text[place - 1] == "$":
            depth += 1
        elif sign in "})" and depth:
            depth -= 1
        elif not depth and (sign in stops or sign.isspace()):
            break
        place += 1
    return min(place, len(text))


def values(line: str, kind: str) -> list[tuple[int, int]]:
    """Places `(start, end)` of the paths that a line sets."""
    if line.lstrip().startswith("#"):
        return []
    stops = "," if kind == "sudoers" else ";&|)"
    return [(found.end(), word_end(line, found.end(), stops)) for found in _STARTS[kind].finditer(line)]


def bad_in(text: str, kind: str) -> list[str]:
    """The paths a file sets that have a bad element."""
    found = [line[start:end] for line in text.split("\n") for start, end in values(line, kind)]
    return [value for value in found if any(is_bad(element) for element in split(_bare(value)))]


def _bare(value: str) -> str:
    return value.replace('"', "").replace("'", "")


def cleaned(value: str) -> str | None:
    """`value` without its bad elements; None when that needs a person: quoted in parts, or nothing would be left."""
    quote = value[:1] if value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1 else ""
    inner = value[len(quote) : len(value) - len(quote)]
    if "'" in inner or '"' in inner or "\\" in inner:
        return None
    kept = [element for element in split(inner) if not is_bad(element)]
    return f"{quote}{':'.join(kept)}{quote}" if kept else None


def clean_text(text: str, kind: str) -> tuple[str, list[tuple], list[str]]:
    """A file's text with its paths cleaned; `(before, after)` of each changed path, and those left to a person."""
    lines, changes, left = text.split("\n"), [], []
    for number, line in enumerate(lines):
        for start, end in reversed(values(line, kind)):  # from the end, so that earlier places stay right
            value = line[start:end]
            if not any(is_bad(element) for element in split(_bare(value))):
                continue
            new = cleaned(value)
            if new is None:
                left.append(value)
            else:
                changes.append((value, new))
                line = line[:start] + new + line[end:]
        lines[number] = line
    return "\n".join(lines), changes, left


def paths_of(tree: Tree, scope: list[str], extra: list[str]) -> list[str]:
    """The files that exist of a scope, those of root's home for scope `profile`, and `extra`."""
    found = []
    for name in scope:
        for path in FILES[name]:
            if path.endswith("/"):
                found += [f"{path}{entry}" for entry in tree.names(path) if _is_read(path, entry)]
            else:
                found.append(path)
    if "profile" in scope:
        found += [f"{_home_of_root(tree)}/{name}" for name in _HOME_FILES]
    return [path for path in dict.fromkeys([*found, *extra]) if tree.exists(path)]


def _is_read(folder: str, name: str) -> bool:
    """Whether the folder's program reads a file of that name."""
    if folder == "/etc/profile.d/":
        return name.endswith(".sh")
    if folder == "/etc/environment.d/":
        return name.endswith(".conf")
    return "." not in name and not name.endswith("~")


def _home_of_root(tree: Tree) -> str:
    for line in (tree.read("/etc/passwd") or "").split("\n"):
        fields = line.split(":")
        if fields[0] == "root" and len(fields) == 7 and fields[5].startswith("/"):
            return fields[5].rstrip("/")
    return "/root"


def clean_all(tree: Tree, scope: list[str], extra: list[str]) -> list[dict]:
    """Clean every path of these files; returns those left to a person as `{path, key, problem}`."""
    findings = []
    for path in paths_of(tree, scope, extra):
        try:
            text = tree.read(path) or ""
        except IsADirectoryError:
            continue
        new, changes, left = clean_text(text, kind_of(path))
        if changes:
            tree.write(path, new, keys=[("PATH", before, after) for before, after in changes])
        findings += [{"path": path, "key": "PATH", "problem": f"{value} holds the current directory"} for value in left]
    return findings
